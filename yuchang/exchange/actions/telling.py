"""Telling the people of a deal what happened and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.urls import reverse

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange.models import Agreement, Match
from yuchang.exchange.queries_deals import TALKING, members_of, people_of
from yuchang.messages.actions import send, send_set, settle

REFERENCE = "agreement"
# ``queries_deals.people_of`` for many postings: who talks for each, else its township, else its county. A
# person gets one notice, however many of the set concern him or her.
_NOTICES = """
    WITH given AS (
        SELECT %s::bigint[] AS postings, %s::text[] AS links, %s::text[] AS roles, %s::date AS today,
               %s::bigint AS actor, %s::text AS one, %s::text AS many, %s::text AS body,
               %s::text AS everything
    ), told AS (
        SELECT t.* FROM given, unnest(postings, links) AS t(posting_id, link)
    ), concerned AS MATERIALIZED (
        SELECT p.id AS posting_id, 'organisation' AS kind, p.organisation_id AS number, 0 AS nearness
        FROM exchange_posting p
        WHERE p.organisation_id IS NOT NULL AND p.id IN (SELECT posting_id FROM told)
        UNION ALL
        SELECT p.id, 'place', k.place_id, k.nearness::int
        FROM exchange_posting p CROSS JOIN LATERAL
            unnest(ARRAY[coalesce(p.village_id, p.place_id), p.township_id, p.county_id])
            WITH ORDINALITY AS k(place_id, nearness)
        WHERE p.organisation_id IS NULL AND p.id IN (SELECT posting_id FROM told)
    ), near AS (
        SELECT c.posting_id, h.user_id, rank() OVER (PARTITION BY c.posting_id ORDER BY c.nearness) AS place
        FROM given g CROSS JOIN concerned c
        JOIN accounts_hat h ON h.scope_kind = c.kind
             AND CASE c.kind WHEN 'place' THEN h.place_id ELSE h.target_id END = c.number
        JOIN accounts_user u ON u.id = h.user_id AND u.is_active
        WHERE h.state = 'live' AND h.role = ANY(g.roles)
          AND h.valid_from <= g.today AND (h.valid_to IS NULL OR h.valid_to >= g.today)
    ), each AS (
        SELECT n.user_id, count(DISTINCT t.link) AS things, min(t.link) AS link
        FROM near n JOIN told t USING (posting_id), given g
        WHERE n.place = 1 AND n.user_id IS DISTINCT FROM g.actor
        GROUP BY n.user_id
    )
    SELECT e.user_id, 'deal', CASE WHEN e.things = 1 THEN g.one ELSE format(g.many, e.things) END,
           g.body, CASE WHEN e.things = 1 THEN e.link ELSE g.everything END,
           NULL::date, false, NULL::bigint, '', NULL::bigint, ''
    FROM each e, given g ORDER BY e.user_id
"""

# The same for all proposals of a run: who is concerned is found once for each owner, not for each posting.
_RUN_NOTICES = """
    WITH given AS (
        SELECT %s::bigint AS run, %s::text[] AS roles, %s::date AS today, %s::bigint AS actor,
               %s::text AS one, %s::text AS many, %s::text AS link, %s::text AS everything
    ), sides AS MATERIALIZED (
        SELECT m.id AS match_id, coalesce(p.organisation_id, 0) AS organisation_id,
               CASE WHEN p.organisation_id IS NULL THEN coalesce(p.village_id, p.place_id) ELSE 0 END
                   AS place_id,
               coalesce(p.township_id, 0) AS township_id, coalesce(p.county_id, 0) AS county_id
        FROM given g JOIN exchange_match m ON m.clearing_id = g.run AND m.state = 'proposed'
        CROSS JOIN LATERAL (VALUES (m.offer_id), (m.need_id)) AS s(posting_id)
        JOIN exchange_posting p ON p.id = s.posting_id
    ), owners AS MATERIALIZED (
        SELECT DISTINCT organisation_id, place_id, township_id, county_id FROM sides
    ), concerned AS MATERIALIZED (
        SELECT o.*, 'organisation' AS kind, o.organisation_id AS number, 0 AS nearness
        FROM owners o WHERE o.organisation_id > 0
        UNION ALL
        SELECT o.*, 'place', k.number, k.nearness::int
        FROM owners o CROSS JOIN LATERAL
            unnest(ARRAY[o.place_id, o.township_id, o.county_id]) WITH ORDINALITY AS k(number, nearness)
        WHERE o.organisation_id = 0
    ), near AS MATERIALIZED (
        SELECT c.*, h.user_id, rank() OVER (
            PARTITION BY c.organisation_id, c.place_id, c.township_id, c.county_id ORDER BY c.nearness) AS nth
        FROM given g CROSS JOIN concerned c
        JOIN accounts_hat h ON h.scope_kind = c.kind
             AND CASE h.scope_kind WHEN 'place' THEN h.place_id ELSE h.target_id END = c.number
        JOIN accounts_user u ON u.id = h.user_id AND u.is_active
        WHERE h.state = 'live' AND h.role = ANY(g.roles)
          AND h.valid_from <= g.today AND (h.valid_to IS NULL OR h.valid_to >= g.today)
    ), each AS (
        SELECT n.user_id, count(DISTINCT s.match_id) AS things, min(s.match_id) AS match_id
        FROM given g CROSS JOIN near n
        JOIN sides s USING (organisation_id, place_id, township_id, county_id)
        WHERE n.nth = 1 AND n.user_id IS DISTINCT FROM g.actor
        GROUP BY n.user_id
    )
    SELECT e.user_id, 'deal', CASE WHEN e.things = 1 THEN g.one ELSE format(g.many, e.things) END, '',
           CASE WHEN e.things = 1 THEN format(g.link, e.match_id) ELSE g.everything END,
           NULL::date, false, NULL::bigint, '', NULL::bigint, 'clearing-' || g.run
    FROM each e, given g ORDER BY e.user_id
"""


def tell_run(actor: Actor, run_id: int, words: Words, *, is_large: bool) -> int:
    """A notice to each person whose side a run proposes something to, once for the run. Returns how many.

    The statistics may not know yet that a ``is_large`` run was written: no loops over each other's rows then.
    """
    link = reverse("exchange:match", args=[0]).replace("/0", "/%s")
    who = [run_id, TALKING, clock.today(), actor.user_id]
    where = [link, reverse("exchange:board")]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = %s", ["off" if is_large else "on"])
        told = send_set(actor, select_sql=_RUN_NOTICES, params=[*who, words.one, words.many, *where])
        cursor.execute("SET LOCAL enable_nestloop = on")
    return told


def tell_sides(
    actor: Actor, agreement: Agreement, sides: Iterable[str], title: str, *, body: str = ""
) -> int:
    """A notice to the people and the team of some sides, the actor left out. Returns how many got it."""
    wanted = set(sides)
    found: set[int] = set()
    for side in sorted(wanted):
        found |= people_of(agreement.offer if side == "offer" else agreement.need)
    found |= {row.user_id for row in members_of(agreement) if row.part in wanted}
    return _send(actor, found, title, body, reverse("exchange:agreement", args=[agreement.pk]), agreement)


def tell_person(actor: Actor, agreement: Agreement, user_id: int, title: str) -> int:
    """A notice to one person about an agreement. Returns how many got it."""
    return _send(actor, {user_id}, title, "", reverse("exchange:agreement", args=[agreement.pk]), agreement)


def tell_match(actor: Actor, match: Match, side: str, title: str, *, body: str = "") -> int:
    """A notice to the people of one side of a match."""
    found = people_of(match.offer if side == "offer" else match.need)
    return _send(actor, found, title, body, reverse("exchange:match", args=[match.pk]), None)


def _send(
    actor: Actor, people: set[int], title: str, body: str, link: str, agreement: Agreement | None
) -> int:
    people.discard(actor.user_id or 0)
    if not people:
        return 0
    return send(
        actor,
        to_user_ids=people,
        kind="deal",
        title=title,
        body=body[:300],
        link=link,
        place=agreement.place if agreement else None,
        reference_kind=REFERENCE if agreement else "",
        reference_id=agreement.pk if agreement else None,
    )


@dataclass(frozen=True)
class Words:
    """The title of a notice about one thing, and about many (``%s`` stands for how many)."""

    one: str
    many: str


def tell_set(
    actor: Actor, about: Iterable[tuple[int, str]], words: Words, *, everything: str, body: str = ""
) -> int:
    """Set-wise ``tell_match``: a notice to the people of many postings, each with the page it is about.

    Who is concerned by several gets one notice, which leads to the list ``everything``. One statement.
    """
    rows = list(about)
    if not rows:
        return 0
    postings, links = [posting for posting, _link in rows], [link for _posting, link in rows]
    who = [postings, links, TALKING, clock.today(), actor.user_id]
    return send_set(actor, select_sql=_NOTICES, params=[*who, words.one, words.many, body[:300], everything])


def tell_matches(actor: Actor, match_ids: Sequence[int], side: str, words: Words, *, body: str = "") -> int:
    """``tell_set`` for one side of many matches."""
    rows = Match.objects.filter(pk__in=match_ids).order_by("pk").values_list("pk", f"{side}_id")
    about = [(posting, reverse("exchange:match", args=[pk])) for pk, posting in rows]
    return tell_set(actor, about, words, everything=reverse("exchange:board"), body=body)


def ask(
    actor: Actor, user_id: int, agreement: Agreement, title: str, *, due_on: date, kind: str, number: int
) -> None:
    """Something to do for one person until it is settled (``done``)."""
    send(
        actor,
        to_user_ids=[user_id],
        kind="task",
        title=title,
        link=reverse("exchange:agreement", args=[agreement.pk]),
        due_on=due_on,
        place=agreement.place,
        reference_kind=kind,
        reference_id=number,
    )


def done(actor: Actor, kind: str, number: int) -> None:
    """What somebody was asked for is done."""
    settle(actor, reference_kind=kind, reference_id=number)
