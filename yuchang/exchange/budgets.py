"""Budgets of organisations and quotas of pairings, as a clearing sees them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

# Agreements since the budget was set hold it, and so do talks, at what they come to with carriage. Proposals
# of runs (also those on their way out) and of the organisation itself, nobody else's, hold at most what they
# may come to; if asked, and without those that a run replaces (as ``actions.publications`` supersedes).
_LEFT = """
    SELECT b.organisation_id, greatest(0, b.amount_fen - coalesce(sum(h.fen), 0))::bigint
    FROM exchange_budget b LEFT JOIN LATERAL (
        SELECT CASE a.state WHEN 'closed' THEN a.fulfilled ELSE a.quantity END
               * (a.price_fen + a.transport_fen) AS fen
        FROM exchange_agreement a JOIN exchange_posting n ON n.id = a.need_id
        WHERE n.organisation_id = b.organisation_id AND a.agreed_at >= b.set_at
          AND a.state IN ('agreed', 'fulfilled', 'closed')
        UNION ALL
        SELECT coalesce(t.quantity, m.quantity) * (coalesce(t.price_fen, m.price_fen) + m.transport_fen)
        FROM exchange_match m JOIN exchange_posting n ON n.id = m.need_id
        LEFT JOIN exchange_talk t ON t.match_id = m.id
        WHERE n.organisation_id = b.organisation_id AND m.state = 'talking'
        UNION ALL
        SELECT m.quantity * greatest(n.limit_fen, m.price_fen + m.transport_fen)
        FROM exchange_match m JOIN exchange_posting n ON n.id = m.need_id
        JOIN exchange_posting o ON o.id = m.offer_id
        WHERE %(with_proposals)s AND n.organisation_id = b.organisation_id AND m.state = 'proposed'
          AND (m.clearing_id IS NOT NULL OR m.need_answer = 'accepted')
          AND NOT ((m.offer_id = ANY(%(replaced)s) OR m.need_id = ANY(%(replaced)s))
                   AND (%(county)s::bigint IS NULL OR o.county_id = %(county)s OR n.county_id = %(county)s))
        UNION ALL
        SELECT u.quantity * greatest(n.limit_fen, u.price_fen + u.transport_fen)
        FROM exchange_unsent u JOIN exchange_posting n ON n.id = u.need_id
        JOIN exchange_posting o ON o.id = u.offer_id
        WHERE %(with_proposals)s AND n.organisation_id = b.organisation_id
          AND NOT ((u.offer_id = ANY(%(replaced)s) OR u.need_id = ANY(%(replaced)s))
                   AND (%(county)s::bigint IS NULL OR o.county_id = %(county)s OR n.county_id = %(county)s))
    ) h ON true
    WHERE b.until >= %(on)s AND b.organisation_id = ANY(%(organisations)s)
    GROUP BY b.organisation_id, b.amount_fen ORDER BY b.organisation_id
"""
# What a helper promised to buy and has not bought yet, by confirmed progress.
_PAIRINGS = """
    SELECT p.id, greatest(0, coalesce(d.fen, 0))::bigint, coalesce(p.organisation_id, 0),
           coalesce(p.helper_place_id, 0), p.county_id, coalesce(p.village_id, 0)
    FROM partners_pairing p LEFT JOIN LATERAL (
        SELECT sum(m.amount - coalesce(g.done, 0)) AS fen
        FROM partners_commitment c JOIN partners_milestone m ON m.commitment_id = c.id
        LEFT JOIN LATERAL (
            SELECT sum(r.amount) AS done FROM partners_progress r
            WHERE r.milestone_id = m.id AND r.state = 'confirmed'
        ) g ON true
        WHERE c.state = 'active' AND c.kind = 'purchase' AND c.county_id = p.county_id
          AND (p.village_id IS NULL OR c.village_id = p.village_id)
          AND (c.organisation_id = p.organisation_id OR c.maker_place_id = p.helper_place_id)
    ) d ON true
    WHERE p.state = 'active' AND p.valid_from <= %(on)s AND coalesce(p.valid_to, %(on)s) >= %(on)s
      AND (%(county)s::bigint IS NULL OR p.county_id = %(county)s)
    ORDER BY p.id
"""


def budgets_left(organisation_ids: list[int], on: date) -> dict[int, int]:
    """What is left of these organisations' budgets in fen; those without a budget on the day are left out."""
    return _left(organisation_ids, on, with_proposals=False)


def budgets_free(
    organisation_ids: list[int], on: date, *, replaced: Sequence[int] = (), county_id: int | None = None
) -> dict[int, int]:
    """``budgets_left`` less what open proposals of runs may come to: what one more run may spend.

    A run of these postings (``replaced``) and county takes back its county's open proposals when it is
    published; they leave the budget free.
    """
    return _left(organisation_ids, on, with_proposals=True, replaced=list(replaced), county=county_id)


def _left(
    organisation_ids: list[int],
    on: date,
    *,
    with_proposals: bool,
    replaced: Sequence[int] = (),
    county: int | None = None,
) -> dict[int, int]:
    values = {"organisations": organisation_ids, "on": on, "with_proposals": with_proposals}
    return dict(_rows(_LEFT, values | {"replaced": list(replaced), "county": county}))


def pairings_on(on: date, county_id: int | None) -> list[tuple[int, int, int, int, int, int]]:
    """The pairings of a day whose place lies in the county (None: anywhere).

    Number, fen promised and not bought yet, organisation (0: none), helping county (0: none), receiving
    county, receiving village (0: the county).
    """
    return _rows(_PAIRINGS, {"on": on, "county": county_id})


def _rows(sql: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[Any] = cursor.fetchall()
        return rows
