"""Clearing runs: frozen, checked independently, then published as proposals."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.audit import Draft
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, invalid
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.clearing.checker import check
from yuchang.exchange.clearing.engine import ENGINE, clear
from yuchang.exchange.clearing.explain import leftover_reasons, match_reasons
from yuchang.exchange.clearing.problem import Problem as Postings
from yuchang.exchange.clearing.problem import Unfit, sha256
from yuchang.exchange.inputs import Frozen, load_postings, thaw
from yuchang.exchange.models import Clearing, Posting
from yuchang.exchange.words import unfit_message
from yuchang.places.models import Place

MATCH_COLUMNS = (
    "version",
    "created_at",
    "updated_at",
    "clearing_id",
    "offer_id",
    "need_id",
    "category_id",
    "quantity",
    "price_fen",
    "transport_fen",
    "offer_gain_fen",
    "need_gain_fen",
    "distance_km",
    "window_from",
    "window_to",
    "reason",
    "offer_answer",
    "need_answer",
    "state",
)
_SUPERSEDED = """
    UPDATE exchange_match m SET state = 'superseded', version = m.version + 1, updated_at = %(at)s
    FROM exchange_posting o, exchange_posting n
    WHERE m.state = 'proposed' AND o.id = m.offer_id AND n.id = m.need_id
      AND (m.offer_id = ANY(%(ids)s) OR m.need_id = ANY(%(ids)s))
      AND (%(county)s::bigint IS NULL OR o.county_id = %(county)s OR n.county_id = %(county)s)
"""
_MATCHED = """
    SELECT m.id::text, o.place_id, jsonb_build_object('clearing', m.clearing_id, 'offer', m.offer_id,
        'need', m.need_id, 'quantity', m.quantity, 'price_fen', m.price_fen)
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id WHERE m.clearing_id = %s ORDER BY m.id
"""


def run_clearing(
    *, actor: Actor, on: date, county: Place | None = None, categories: Sequence[str] | None = None
) -> Clearing:
    """Clear all open postings as of a day and freeze the run (state ``computed``).

    With ``county``: matches with at least one side in that county. Without: the whole nation (needs a
    nation-wide ``exchange.clear``). ``categories`` limits the run to some category codes. The certificate
    is checked by the independent checker before the run is stored; a run that fails it can be looked at
    but never published. Raises Invalid when there is nothing to clear or the arithmetic would overflow.
    """
    _require_area(actor, county)
    started = time.perf_counter()
    problem = load_postings(on, county.pk if county else None, sorted(categories or []))
    if not len(problem):
        message = _("没有可以撮合的供需信息。")
        raise invalid("postings", message, _("请先发布供给和需求，或放宽品类。"))
    try:
        result = clear(problem)
    except Unfit as error:
        problems = [Problem("postings", unfit_message(f.code, f.posting_id, f.detail)) for f in error.flaws]
        raise Invalid(problems) from error
    certificate = check(problem, result.offer, result.need, result.quantity, result.dual)
    inputs, answer = problem.to_bytes(), result.to_bytes()
    with write("exchange.run_clearing", actor) as audit:
        row = Clearing.objects.create(
            county=county,
            on=on,
            categories=sorted(categories or []),
            engine=ENGINE,
            inputs=zlib.compress(inputs),
            inputs_hash=sha256(inputs),
            result=zlib.compress(answer),
            result_hash=sha256(answer),
            certificate=certificate.as_json(),
            is_certified=certificate.is_accepted,
            by_category=[asdict(figures) for figures in result.figures],
            offer_count=int(problem.is_offer.sum()),
            need_count=int((~problem.is_offer).sum()),
            edge_count=result.pairs,
            match_count=len(result.offer),
            welfare_fen=result.welfare_fen,
            value_fen=sum(figures.value_fen for figures in result.figures),
            seconds=round(time.perf_counter() - started, 3),
            run_by_id=actor.user_id,
            run_at=clock.now(),
        )
        hashes = {"inputs": row.inputs_hash, "result": row.result_hash}
        audit.add("clearing", row.pk, place_id=row.county_id, matches=row.match_count, **hashes)
    return row


def _require_area(actor: Actor, county: Place | None) -> None:
    require(actor, "exchange.clear")
    if county is None:
        scopes = actor.scopes("exchange.clear")
        if not any(isinstance(scope, PlaceScope) and scope.level == 0 for scope in scopes):
            raise Hidden(_("全国撮合需要全国范围的权限。"), remedy=_("请对本县进行撮合。"))
    elif (
        county.level != Place.Level.COUNTY
        or not Place.objects.filter(place_filter(actor, "exchange.clear"), pk=county.pk).exists()
    ):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请选择本县。"))


def publish_clearing(*, actor: Actor, clearing_id: int, version: int) -> Clearing:
    """Turn a certified run into proposals to both sides, and store why the rest found nobody.

    Older unanswered proposals of the same postings are superseded. Raises Conflict when the run is not
    certified, already published, or a posting it matched has changed since.
    """
    with write("exchange.publish_clearing", actor) as audit:
        row = _open_run(actor, clearing_id, version)
        if not row.is_certified:
            raise Conflict(
                _("独立检验没有通过，不能发布。"), remedy=_("请重新撮合；若仍不通过请联系系统管理员。")
            )
        frozen = thaw(row)
        _check_unchanged(frozen)
        now = clock.now()
        numbers = frozen.problem.id.tolist()
        execute(_SUPERSEDED, {"ids": numbers, "county": row.county_id, "at": now})
        copy_rows("exchange_match", MATCH_COLUMNS, _match_lines(row.pk, frozen, now))
        leftovers = ("clearing_id", "posting_id", "quantity", "code", "details")
        copy_rows("exchange_leftover", leftovers, _leftover_lines(row.pk, frozen))
        row.state = Clearing.State.PUBLISHED
        row.published_by_id = actor.user_id
        row.published_at = now
        save(row)
        audit.add_bulk("match", _MATCHED, [row.pk])
        audit.entries.append(
            Draft(audit.action, "clearing", str(row.pk), row.county_id, {"matches": row.match_count})
        )
    return row


def discard_clearing(*, actor: Actor, clearing_id: int, version: int, reason: str) -> Clearing:
    """Set a computed run aside; it stays readable and is never published."""
    if not reason.strip():
        raise invalid("reason", _("请说明作废的理由。"))
    with write("exchange.discard_clearing", actor) as audit:
        row = _open_run(actor, clearing_id, version)
        row.state = Clearing.State.DISCARDED
        save(row)
        audit.add("clearing", row.pk, place_id=row.county_id, reason=reason)
    return row


def _open_run(actor: Actor, clearing_id: int, version: int) -> Clearing:
    within = place_filter(actor, "exchange.clear", "county__")
    row = open_door(Clearing.objects.all(), actor, "exchange.clear", clearing_id, within=within, lock=True)
    check_version(row, version)
    if row.state != Clearing.State.COMPUTED:
        raise Conflict(_("这次撮合已发布或已作废。"))
    return row


def _check_unchanged(frozen: Frozen) -> None:
    """Every matched posting must still be open, with its terms and enough left."""
    problem, result = frozen.problem, frozen.result
    traded: Counter[int] = Counter()
    for position, units in _both_sides(frozen):
        traded[position] += units
    numbers = [int(problem.id[position]) for position in sorted(traded)]
    rows = Posting.objects.filter(pk__in=numbers, state=Posting.State.OPEN).order_by("pk")
    found = {row.pk: row for row in rows.select_for_update(of=("self",))}
    changed = [
        position
        for position, units in traded.items()
        if not _is_as_seen(problem, position, units, found.get(int(problem.id[position])))
    ]
    if changed:
        text = _("撮合之后有 %(count)d 条信息已变动（共 %(matches)d 个建议）。")
        raise Conflict(
            text % {"count": len(changed), "matches": len(result.offer)}, remedy=_("请重新撮合后再发布。")
        )


def _both_sides(frozen: Frozen) -> Iterable[tuple[int, int]]:
    result = frozen.result
    units = result.quantity.tolist()
    yield from zip(result.offer.tolist(), units, strict=True)
    yield from zip(result.need.tolist(), units, strict=True)


def _is_as_seen(problem: Postings, position: int, units: int, row: Posting | None) -> bool:
    return (
        row is not None
        and row.limit_fen == problem.limit[position]
        and row.window_from.toordinal() == problem.start[position]
        and row.window_to.toordinal() == problem.end[position]
        and row.quantity - row.agreed_quantity >= units
    )


def _match_lines(clearing_id: int, frozen: Frozen, now: datetime) -> Iterator[Sequence[Any]]:
    problem, result = frozen.problem, frozen.result
    trades = zip(result.offer.tolist(), result.need.tolist(), result.quantity.tolist(), strict=True)
    for (i, j, units), reason in zip(trades, match_reasons(problem, result), strict=True):
        figures = {
            "offer_partners": reason.offer_partners,
            "need_partners": reason.need_partners,
            "offer_gain_fen": reason.offer_gain_fen,
            "need_gain_fen": reason.need_gain_fen,
        }
        yield (
            1,
            now,
            now,
            clearing_id,
            int(problem.id[i]),
            int(problem.id[j]),
            problem.category_codes[problem.category[i]],
            units,
            reason.price_fen,
            reason.transport_fen,
            reason.offer_gain_fen,
            reason.need_gain_fen,
            reason.km,
            date.fromordinal(reason.start),
            date.fromordinal(reason.end),
            json.dumps(figures),
            "pending",
            "pending",
            "proposed",
        )


def _leftover_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    for reason in leftover_reasons(frozen.problem, frozen.result):
        number = int(frozen.problem.id[reason.posting])
        yield clearing_id, number, reason.quantity, reason.code, json.dumps(reason.figures)
