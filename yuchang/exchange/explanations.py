"""Why not that partner: read from what the published run saw of the postings compared. Reads only.

A page reads the rows it compares (``models.Seen``), whatever the size of the run; runs published before there
were such rows are read whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from yuchang.exchange.clearing.changes import changes
from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.clearing.proposals import are_sure
from yuchang.exchange.clearing.terms import parameters_of
from yuchang.exchange.comparing import SHOWN, Comparison, View, compare, others
from yuchang.exchange.inputs import Frozen, problem_of, thaw
from yuchang.exchange.models import Clearing, Match, Posting, Seen
from yuchang.exchange.queries import public_owner
from yuchang.exchange.words import distance, unit_word
from yuchang.exchange.words_deals import comparison

_OPPOSITE = """
    FROM exchange_seen m JOIN exchange_seen s ON s.clearing_id = m.clearing_id
      AND s.category_id = m.category_id AND s.is_offer <> m.is_offer AND s.owner <> m.owner
    WHERE m.clearing_id = %(run)s AND m.posting_id = %(mine)s
"""
_COUNTIES = f"SELECT m.county_id, s.county_id, count(*) {_OPPOSITE} GROUP BY 1, 2 ORDER BY 2"
_NEAR = f"""
    SELECT posting_id FROM (
        SELECT s.posting_id, row_number() OVER (PARTITION BY s.county_id ORDER BY s.posting_id) AS n
        {_OPPOSITE} AND s.county_id = ANY(%(near)s)
    ) ranked WHERE n <= {SHOWN} ORDER BY posting_id
"""  # noqa: S608


@dataclass(frozen=True)
class Other:
    """Another counterpart of a posting in the same run, as anybody may know it."""

    pk: int
    words: str


def partners_to_compare(match: Match, side: str) -> list[Other]:
    """The counterparts that the run saw beside the one it chose, the nearest first; none without a run."""
    if match.clearing is None:
        return []
    mine, chosen = (match.offer_id, match.need_id) if side == "offer" else (match.need_id, match.offer_id)
    view = _view(match.clearing, [mine, *_nearest(match.clearing, mine)])
    found = [(number, km) for number, km in others(view.problem, mine) if number != chosen]
    rows = Posting.objects.defer("limit_fen", "note").select_related("organisation", "place")
    known = rows.in_bulk([number for number, _km in found])
    return [Other(number, f"{public_owner(known[number])} · {distance(km)}") for number, km in found]


def comparison_of(match: Match, side: str, other_id: int) -> str:
    """Why the run did not give this side that partner, as a sentence."""
    found = Comparison("absent")
    if match.clearing is not None:
        pair = (match.offer_id, other_id) if side == "offer" else (other_id, match.need_id)
        found = compare(_view(match.clearing, pair), *pair)
    return comparison(found, unit_word(match.category))


def sure_changes(frozen: Frozen) -> dict[int, dict[str, int]]:
    """By posting id: the least single changes that would surely place what a run left over, by kind.

    Only for postings of which anything is sure (``clearing.proposals.are_sure``).
    """
    sure = are_sure(frozen.problem, frozen.context, frozen.asked)
    if not sure.any():
        return {}
    found: dict[int, dict[str, int]] = {}
    for one in changes(frozen.problem, frozen.result):
        number = int(frozen.problem.id[one.posting])
        if sure[one.posting]:
            found.setdefault(number, {})[one.kind] = one.amount
    return found


def _is_seen(run: Clearing) -> bool:
    """Whether the run was frozen since its postings are kept one by one."""
    return "transport" in run.outcome


def _nearest(run: Clearing, mine: int) -> list[int]:
    """The counterparts of a posting in the nearest counties, as many as are shown and not many more."""
    if not _is_seen(run):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_COUNTIES, {"run": run.pk, "mine": mine})
        rows = cursor.fetchall()
        if not rows:
            return []
        counties = tuple(sorted({rows[0][0], *(row[1] for row in rows)}))
        problem = _problem(run, [], counties)
        at = {number: i for i, number in enumerate(counties)}
        there = np.array([at[row[1]] for row in rows])
        km = problem.distances_km(np.full(len(rows), at[rows[0][0]]), there)
        order = np.argsort(km, kind="stable")
        enough = int(np.searchsorted(np.cumsum(np.array([row[2] for row in rows])[order]), SHOWN + 1))
        far = km[order[min(enough, len(rows) - 1)]]
        near = [row[1] for row, one in zip(rows, km.tolist(), strict=True) if one <= far]
        cursor.execute(_NEAR, {"run": run.pk, "mine": mine, "near": near})
        return [number for (number,) in cursor.fetchall()]


def _view(run: Clearing, numbers: Collection[int]) -> View:
    """The run as far as these postings are concerned (all of it where they were not kept)."""
    asked = parameters_of(run.parameters)
    has_rows = asked.has_budgets or asked.has_quotas
    if not _is_seen(run):
        frozen = thaw(run)
        ids = frozen.problem.id
        pairs = zip(ids[frozen.result.offer].tolist(), ids[frozen.result.need].tolist(), strict=True)
        return View(frozen.problem, frozen.result.dual, set(pairs), set(frozen.context.barred), has_rows)
    rows = list(Seen.objects.filter(clearing=run, posting_id__in=numbers).order_by("posting_id"))
    trades = Match.objects.filter(clearing=run, offer__in=numbers, need__in=numbers)
    return View(
        _problem(run, rows, tuple(sorted({row.county_id for row in rows} | {run.county_id or 0} - {0}))),
        np.array([row.dual_fen for row in rows], dtype=np.int64),
        set(trades.values_list("offer_id", "need_id")),
        {(row.posting_id, need) for row in rows for need in row.apart},
        has_rows,
    )


def _problem(run: Clearing, rows: list[Seen], counties: tuple[int, ...]) -> Problem:
    """These postings alone, as the run saw them (one unit each: quantities are not compared)."""
    columns: list[list[Any]] = [
        [row.posting_id for row in rows],
        [row.is_offer for row in rows],
        [row.owner for row in rows],
        [row.category_id for row in rows],
        [1] * len(rows),
        [row.limit_fen for row in rows],
        [row.window_from for row in rows],
        [row.window_to for row in rows],
        [row.county_id for row in rows],
        [row.radius_km for row in rows],
        [row.certificates for row in rows],
    ]
    transport: dict[str, int] = run.outcome["transport"]
    return problem_of(columns, tuple(sorted(transport)), transport, counties, run.county_id)
