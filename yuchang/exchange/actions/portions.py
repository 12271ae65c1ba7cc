"""The rows of a publication and the portions in which they are written (in the order of ``publications``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import save, write
from yuchang.core.copying import copy_rows
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.clearing.proposals import leftovers, proposals
from yuchang.exchange.explanations import sure_changes
from yuchang.exchange.inputs import Frozen
from yuchang.exchange.models import Publication, Unsent
from yuchang.exchange.queries_console import UNDER_WAY

PORTION = 2000
"""So many proposals go out, or are taken back, in one transaction."""
ROWS = 20_000
"""So many rows that only say what the run saw are written in one transaction."""
UNSENT_COLUMNS = (
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
    "emergency_id",
    "help_fen",
)
LEFTOVER_COLUMNS = ("clearing_id", "posting_id", "quantity", "code", "details")
SEEN_COLUMNS = (
    "clearing_id",
    "posting_id",
    "is_offer",
    "category_id",
    "owner",
    "county_id",
    "limit_fen",
    "window_from",
    "window_to",
    "radius_km",
    "certificates",
    "dual_fen",
    "apart",
)
_OVERLAPS = """(x.offer_id = ANY(%(ids)s) OR x.need_id = ANY(%(ids)s))
      AND (%(county)s::bigint IS NULL OR o.county_id = %(county)s OR n.county_id = %(county)s)"""
_FORGOTTEN = f"""
    DELETE FROM exchange_unsent x USING exchange_publication p, exchange_posting o, exchange_posting n
    WHERE p.clearing_id = x.clearing_id AND p.turn < %(turn)s AND o.id = x.offer_id AND n.id = x.need_id
      AND {_OVERLAPS}
"""  # noqa: S608 - our own constants
_OLDER = f"""
    SELECT x.id FROM exchange_match x
    JOIN exchange_posting o ON o.id = x.offer_id JOIN exchange_posting n ON n.id = x.need_id
    LEFT JOIN exchange_publication p ON p.clearing_id = x.clearing_id
    WHERE x.state = 'proposed' AND {_OVERLAPS}
      AND CASE WHEN x.clearing_id IS NULL THEN x.created_at <= %(decided)s
               ELSE coalesce(p.turn, 0) < %(turn)s END
    ORDER BY x.id
"""  # noqa: S608 - our own constants
_SUPERSEDED = """
    UPDATE exchange_match SET state = 'superseded', version = version + 1, updated_at = %s
    WHERE id IN (SELECT id FROM exchange_match WHERE id = ANY(%s) AND state = 'proposed'
                 ORDER BY id FOR UPDATE)
"""
_LOCKED = "SELECT id FROM exchange_posting WHERE id = ANY(%s) ORDER BY id FOR SHARE"
_SENT = """
    WITH taken AS (
        DELETE FROM exchange_unsent WHERE id = ANY(%(ids)s) RETURNING *
    ), sent AS (
        INSERT INTO exchange_match (version, created_at, updated_at, clearing_id, offer_id, need_id,
            category_id, quantity, price_fen, transport_fen, offer_gain_fen, need_gain_fen, distance_km,
            window_from, window_to, reason, offer_answer, need_answer, state)
        SELECT 1, %(at)s, %(at)s, clearing_id, offer_id, need_id, category_id,
            quantity, price_fen, transport_fen, offer_gain_fen, need_gain_fen, distance_km, window_from,
            window_to, reason, 'pending', 'pending', 'proposed'
        FROM taken ORDER BY id RETURNING id, offer_id, need_id
    ), helped AS (
        INSERT INTO exchange_emergencyhelp (emergency_id, match_id, help_fen)
        SELECT t.emergency_id, s.id, t.help_fen FROM sent s JOIN taken t USING (offer_id, need_id)
        WHERE t.emergency_id IS NOT NULL ORDER BY s.id
    )
    SELECT id FROM sent
"""
_MATCHED = """
    SELECT m.id::text, o.place_id, jsonb_build_object('clearing', m.clearing_id, 'offer', m.offer_id,
        'need', m.need_id, 'quantity', m.quantity, 'price_fen', m.price_fen)
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id WHERE m.id = ANY(%s) ORDER BY m.id
"""


class Over(Exception):
    """Nothing is left of this part, or somebody else carried the publication to its end."""


def live(publication_id: int) -> Publication:
    """Lock a publication that is under way: one portion of it is written at a time. Raises Over."""
    row = Publication.objects.select_for_update(of=("self",)).get(pk=publication_id)
    if row.state not in UNDER_WAY:
        raise Over
    return row


def write_seen(row: Publication, frozen: Frozen) -> None:
    """Keep what the run saw, posting by posting."""
    if row.seen < len(frozen.problem):
        lines = list(_seen_lines(row.clearing_id, frozen))
        while _copied(row.pk, "seen", "exchange_seen", SEEN_COLUMNS, lines, (5, 15)):
            pass


def write_leftovers(row: Publication, frozen: Frozen) -> None:
    """Keep why postings found nobody."""
    lines = list(_leftover_lines(row.clearing_id, frozen))
    while _copied(row.pk, "explained", "exchange_leftover", LEFTOVER_COLUMNS, lines, (15, 25)):
        pass


def _copied(
    publication_id: int,
    counter: str,
    table: str,
    columns: Sequence[str],
    lines: list[Sequence[Any]],
    percent: tuple[int, int],
) -> bool:
    """Write the next rows after those that the publication counts already; False when none are left."""
    with transaction.atomic():
        row = live(publication_id)
        done = getattr(row, counter)
        rows = lines[done : done + ROWS]
        if not rows:
            return False
        copy_rows(table, columns, rows)
        setattr(row, counter, done + len(rows))
        row.percent = percent[0] + (percent[1] - percent[0]) * (done + len(rows)) // len(lines)
        save(row)
    return True


def replace_older(row: Publication, frozen: Frozen) -> None:
    """Take back the unanswered proposals that this publication replaces, those on their way first.

    Proposals of runs decided later stay, and those that somebody made since this one was decided.
    """
    run = row.clearing
    values = {"ids": frozen.problem.id.tolist(), "county": run.county_id, "turn": row.turn}
    with transaction.atomic():
        live(row.pk)
        execute(_FORGOTTEN, values)
    with connection.cursor() as cursor:
        cursor.execute(_OLDER, values | {"decided": row.decided_at})
        older = [number for (number,) in cursor.fetchall()]
    for start in range(0, len(older), PORTION):
        with transaction.atomic():
            found = live(row.pk)
            execute(_SUPERSEDED, [clock.now(), older[start : start + PORTION]])
            found.percent = 25 + 15 * start // len(older)
            save(found)


def send_portion(actor: Actor, publication_id: int) -> None:
    """Turn the next proposals into matches that both sides see. Raises Over when there are none.

    Their postings are locked first, as whoever withdraws one does; what was withdrawn is gone.
    """
    with write("exchange.publish_clearing", actor) as audit:
        row = live(publication_id)
        waiting = Unsent.objects.filter(clearing=row.clearing_id).order_by("id")
        numbers, offers, needs = _columns(waiting.values_list("id", "offer_id", "need_id")[:PORTION])
        with connection.cursor() as cursor:
            cursor.execute(_LOCKED, [sorted({*offers, *needs})])
            cursor.execute(_SENT, {"ids": numbers, "at": clock.now()})
            sent = [number for (number,) in cursor.fetchall()]
        if not sent and not waiting.exists():
            raise Over
        row.sent += len(sent)
        row.percent = 40 + 55 * row.sent // max(1, row.total)
        save(row)
        if audit.add_bulk("match", _MATCHED, [sent]) == 0:
            audit.add("clearing", row.clearing_id, sent=0)


def _columns(rows: Any) -> tuple[list[int], list[int], list[int]]:
    numbers, offers, needs = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return numbers, offers, needs


def write_unsent(clearing_id: int, frozen: Frozen) -> int:
    """Write down every proposal of a run; returns how many."""
    lines = list(_unsent_lines(clearing_id, frozen))
    copy_rows("exchange_unsent", UNSENT_COLUMNS, lines)
    return len(lines)


def _unsent_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    problem = frozen.problem
    helps = {posting: (emergency, fen) for posting, emergency, fen in frozen.context.helps}
    for one in proposals(problem, frozen.context, frozen.asked, frozen.outcome):
        offer = int(problem.id[one.offer])
        yield (
            clearing_id,
            offer,
            int(problem.id[one.need]),
            problem.category_codes[problem.category[one.offer]],
            one.quantity,
            one.price_fen,
            one.transport_fen,
            one.offer_gain_fen,
            one.need_gain_fen,
            one.km,
            date.fromordinal(one.start),
            date.fromordinal(one.end),
            json.dumps(one.reason()),
            *helps.get(offer, (None, None)),
        )


def _leftover_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    sure = sure_changes(frozen)
    for reason in leftovers(frozen.problem, frozen.context, frozen.asked, frozen.outcome):
        number = int(frozen.problem.id[reason.posting])
        figures = reason.figures | ({"changes": sure[number]} if number in sure else {})
        yield clearing_id, number, reason.quantity, reason.code, json.dumps(figures)


def _seen_lines(clearing_id: int, frozen: Frozen) -> Iterator[Sequence[Any]]:
    """Every posting as the run saw it, for pages that compare two of them."""
    problem = frozen.problem
    apart: dict[int, list[int]] = {}
    for offer, need in frozen.context.barred:
        apart.setdefault(offer, []).append(need)
    columns = (
        problem.id,
        problem.is_offer,
        problem.category,
        problem.owner,
        problem.county,
        problem.limit,
        problem.start,
        problem.end,
        problem.radius,
        problem.certificates,
        frozen.result.dual,
    )
    for number, side, category, owner, county, limit, start, end, *rest in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        yield (
            clearing_id,
            number,
            side,
            problem.category_codes[category],
            owner,
            problem.county_ids[county],
            limit,
            date.fromordinal(start),
            date.fromordinal(end),
            *rest,
            apart.get(number, []),
        )
