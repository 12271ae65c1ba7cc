"""Telling the people of a deal what happened and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.urls import reverse

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.phrases import Phrase, in_chinese
from yuchang.exchange.models import Agreement, Match
from yuchang.exchange.queries_deals import TALKING, members_of, people_of
from yuchang.messages.actions import phrases, send, send_set, settle

REFERENCE = "agreement"
# ``queries_deals.people_of`` for many postings, each a side of some thing (a match, or the page it is about):
# who talks for it, else its township, else its county, found once for each owner. A person gets one notice,
# however many of the things concern him or her; its link leads to the thing, or to all of them.
_GIVEN = """
    WITH given AS (
        SELECT %s::text[] AS roles, %s::date AS today, %s::bigint AS actor, %s::text AS one, %s::text AS many,
               %s::text AS body, %s::jsonb AS said, %s::text AS link, %s::text AS everything, %s::text AS once
    ), sides AS MATERIALIZED (
"""
_OWNER = """
    coalesce(p.organisation_id, 0) AS organisation_id,
    CASE WHEN p.organisation_id IS NULL THEN coalesce(p.village_id, p.place_id) ELSE 0 END AS place_id,
    coalesce(p.township_id, 0) AS township_id, coalesce(p.county_id, 0) AS county_id
"""
_CONCERNED = """
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
        SELECT n.user_id, count(DISTINCT s.thing) AS things, min(s.thing) AS thing
        FROM given g CROSS JOIN near n
        JOIN sides s USING (organisation_id, place_id, township_id, county_id)
        WHERE n.nth = 1 AND n.user_id IS DISTINCT FROM g.actor
        GROUP BY n.user_id
    )
    SELECT e.user_id, 'deal', CASE WHEN e.things = 1 THEN g.one ELSE format(g.many, e.things) END, g.body,
           CASE WHEN e.things = 1 THEN format(g.link, e.thing) ELSE g.everything END,
           NULL::date, false, NULL::bigint, '', NULL::bigint, g.once,
           g.said || jsonb_build_object('title', CASE WHEN e.things = 1 THEN jsonb_build_object('say', g.one)
               ELSE jsonb_build_object('say', g.many, 'with', jsonb_build_array(e.things)) END)
    FROM each e, given g ORDER BY e.user_id
"""
_NOTICES = f"""{_GIVEN}
        SELECT t.link AS thing, {_OWNER}
        FROM unnest(%s::bigint[], %s::text[]) AS t(posting_id, link)
        JOIN exchange_posting p ON p.id = t.posting_id
    {_CONCERNED}"""  # noqa: S608
# Both sides of each match first, in a form that no plan mixes with the postings: these are read once.
_RUN_NOTICES = f"""{_GIVEN}
        SELECT s.thing, {_OWNER}
        FROM (SELECT m.id AS thing, unnest(ARRAY[m.offer_id, m.need_id]) AS posting_id
              FROM exchange_match m WHERE m.clearing_id = %s AND m.state = 'proposed') AS s
        JOIN exchange_posting p ON p.id = s.posting_id
    {_CONCERNED}"""  # noqa: S608


@dataclass(frozen=True)
class Words:
    """The title of a notice about one thing, and about many (``%s`` stands for how many): message ids."""

    one: str
    many: str

    @property
    def single(self) -> Phrase:
        """The title about one thing."""
        return Phrase(self.one)


def _given(
    actor: Actor, words: Words, body: str | Phrase, link: str, everything: str, once: str = ""
) -> list[Any]:
    who = [TALKING, clock.today(), actor.user_id, words.one, words.many]
    return [*who, in_chinese(body)[:300], phrases(body=body) or "{}", link, everything, once]


def tell_run(actor: Actor, run_id: int, words: Words, *, is_large: bool) -> int:
    """A notice to each person whose side a run proposes something to, once for the run. Returns how many.

    The statistics may not know yet that a ``is_large`` run was written: no loops over each other's rows then.
    """
    link = reverse("exchange:match", args=[0]).replace("/0", "/%s")
    given = _given(actor, words, "", link, reverse("exchange:board"), f"clearing-{run_id}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = %s", ["off" if is_large else "on"])
        told = send_set(actor, select_sql=_RUN_NOTICES, params=[*given, run_id])
        cursor.execute("SET LOCAL enable_nestloop = on")
    return told


def tell_sides(
    actor: Actor, agreement: Agreement, sides: Iterable[str], title: Phrase, *, body: str | Phrase = ""
) -> int:
    """A notice to the people and the team of some sides, the actor left out. Returns how many got it."""
    wanted = set(sides)
    found: set[int] = set()
    for side in sorted(wanted):
        found |= people_of(agreement.offer if side == "offer" else agreement.need)
    found |= {row.user_id for row in members_of(agreement) if row.part in wanted}
    return _send(actor, found, title, body, reverse("exchange:agreement", args=[agreement.pk]), agreement)


def tell_person(actor: Actor, agreement: Agreement, user_id: int, title: Phrase) -> int:
    """A notice to one person about an agreement. Returns how many got it."""
    return _send(actor, {user_id}, title, "", reverse("exchange:agreement", args=[agreement.pk]), agreement)


def tell_match(actor: Actor, match: Match, side: str, title: Phrase, *, body: str | Phrase = "") -> int:
    """A notice to the people of one side of a match."""
    found = people_of(match.offer if side == "offer" else match.need)
    return _send(actor, found, title, body, reverse("exchange:match", args=[match.pk]), None)


def _send(
    actor: Actor, people: set[int], title: Phrase, body: str | Phrase, link: str, agreement: Agreement | None
) -> int:
    people.discard(actor.user_id or 0)
    if not people:
        return 0
    return send(
        actor,
        to_user_ids=people,
        kind="deal",
        title=title,
        body=body[:300] if isinstance(body, str) else body,
        link=link,
        place=agreement.place if agreement else None,
        reference_kind=REFERENCE if agreement else "",
        reference_id=agreement.pk if agreement else None,
    )


def tell_set(
    actor: Actor, about: Iterable[tuple[int, str]], words: Words, *, everything: str, body: str | Phrase = ""
) -> int:
    """Set-wise ``tell_match``: a notice to the people of many postings, each with the page it is about.

    Who is concerned by several gets one notice, which leads to the list ``everything``. One statement.
    """
    rows = list(about)
    if not rows:
        return 0
    postings, links = [posting for posting, _link in rows], [link for _posting, link in rows]
    given = _given(actor, words, body, "%s", everything)
    return send_set(actor, select_sql=_NOTICES, params=[*given, postings, links])


def tell_matches(
    actor: Actor, match_ids: Sequence[int], side: str, words: Words, *, body: str | Phrase = ""
) -> int:
    """``tell_set`` for one side of many matches."""
    rows = Match.objects.filter(pk__in=match_ids).order_by("pk").values_list("pk", f"{side}_id")
    about = [(posting, reverse("exchange:match", args=[pk])) for pk, posting in rows]
    return tell_set(actor, about, words, everything=reverse("exchange:board"), body=body)


def ask(
    actor: Actor, user_id: int, agreement: Agreement, title: Phrase, *, due_on: date, kind: str, number: int
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
