"""What agreements and answers say of an organisation: counts from facts, set-wise. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db import connection

from yuchang.partners.rules import DealFacts, Dealings, assess_dealings

# An agreement is fulfilled on the day of the last delivery that was accepted; one that both closed short
# says nothing. A proposal is answered with the first line that the organisation's own side wrote.
_DEALS = """
    SELECT p.organisation_id, a.delivery_to, CASE WHEN a.state = 'fulfilled' THEN
               (SELECT max(d.delivered_on) FROM exchange_delivery d
                WHERE d.agreement_id = a.id AND d.accepted > 0) END AS fulfilled_on
    FROM exchange_posting p
    JOIN exchange_agreement a ON p.id IN (a.offer_id, a.need_id)
    WHERE p.organisation_id = ANY(%(ids)s) AND a.state IN ('agreed', 'fulfilled')
"""
_ANSWERS = """
    SELECT p.organisation_id,
           extract(epoch FROM min(s.at) - m.created_at)::bigint AS seconds
    FROM exchange_posting p
    JOIN exchange_match m ON p.id IN (m.offer_id, m.need_id)
    LEFT JOIN exchange_talk t ON t.match_id = m.id
    LEFT JOIN exchange_message s ON s.talk_id = t.id AND s.side = p.direction
    WHERE p.organisation_id = ANY(%(ids)s) AND m.state <> 'superseded'
      AND coalesce(m.reason ->> 'direct', '') <> p.direction
      AND m.created_at < %(on)s::date + 1
    GROUP BY p.organisation_id, m.id, m.created_at
"""
_COUNTED = f"""
    WITH deals AS ({_DEALS}), answers AS ({_ANSWERS}), judged AS (
        SELECT organisation_id,
               count(*) FILTER (WHERE fulfilled_on <= %(on)s AND fulfilled_on <= delivery_to) AS on_time,
               count(*) FILTER (WHERE fulfilled_on <= %(on)s AND fulfilled_on > delivery_to) AS late,
               count(*) FILTER (WHERE coalesce(fulfilled_on > %(on)s, true) AND delivery_to < %(on)s) AS over,
               count(*) FILTER (WHERE coalesce(fulfilled_on > %(on)s, true) AND delivery_to >= %(on)s) AS runs
        FROM deals GROUP BY organisation_id
    ), talked AS (
        SELECT organisation_id, count(seconds) AS answered, count(*) - count(seconds) AS unanswered,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds / 3600) FILTER (WHERE seconds IS NOT NULL)
                   AS hours
        FROM answers GROUP BY organisation_id
    )
    SELECT i.id, coalesce(j.on_time, 0), coalesce(j.late, 0), coalesce(j.over, 0), coalesce(j.runs, 0),
           coalesce(t.answered, 0), coalesce(t.unanswered, 0), t.hours
    FROM unnest(%(ids)s::bigint[]) AS i(id)
    LEFT JOIN judged j ON j.organisation_id = i.id LEFT JOIN talked t ON t.organisation_id = i.id
"""  # noqa: S608 - our own constants


def dealings_of(organisation_ids: Iterable[int], on: date) -> dict[int, Dealings]:
    """``partners.rules.assess_dealings`` for many organisations in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"ids": list(organisation_ids), "on": on})
        return {row[0]: Dealings(*row[1:]) for row in cursor.fetchall()}


def dealings_from_facts(organisation_id: int, on: date) -> Dealings:
    """The same for one organisation, by the pure rule from the facts themselves."""
    with connection.cursor() as cursor:
        cursor.execute(_DEALS, {"ids": [organisation_id]})
        deals = [DealFacts(due, done) for _owner, due, done in cursor.fetchall()]
        cursor.execute(_ANSWERS, {"ids": [organisation_id], "on": on})
        seconds = [row[1] for row in cursor.fetchall()]
    answered = [one for one in seconds if one is not None]
    return assess_dealings(deals, answered, len(seconds) - len(answered), on)
