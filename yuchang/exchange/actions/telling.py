"""Telling the people of a deal what happened and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.urls import reverse

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import Agreement, Match
from yuchang.exchange.queries_deals import members_of, people_of
from yuchang.messages.actions import send, settle

REFERENCE = "agreement"


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
