"""Reads of deals: who carries them, what is due, what was delivered, said and judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Avg, Count, Q, QuerySet

from yuchang.accounts.doors import open_door
from yuchang.accounts.models import Hat
from yuchang.accounts.queries import live
from yuchang.accounts.rules import PERMISSIONS, Actor, Role
from yuchang.core import clock
from yuchang.core.paging import Ranges
from yuchang.exchange.models import (
    Agreement,
    DealMember,
    DealSide,
    DealTask,
    Delivery,
    Dispute,
    Match,
    Milestone,
    Paper,
    Posting,
    Review,
    Side,
)
from yuchang.exchange.queries import masked_owner, of_own, public_owner, seen_by, side_filter
from yuchang.exchange.rules_deals import milestone_state, reached_by

TALKING = [role.value for role in Role if "exchange.talk" in PERMISSIONS[role]]
HOLDING = (Agreement.State.AGREED, Agreement.State.FULFILLED, Agreement.State.CLOSED)
OPEN_DISPUTES = (Dispute.State.OPEN, Dispute.State.ANSWERED)


def deal_sides(actor: Actor, permission: str, agreement: Agreement) -> list[str]:
    """The sides of an agreement for which the actor speaks."""
    if not actor.may(permission):
        return []
    rows = Agreement.objects.filter(pk=agreement.pk)
    return [side for side in Side.values if rows.filter(side_filter(actor, permission, f"{side}__")).exists()]


# People -------------------------------------------------------------------------------------------


def _hats(posting: Posting) -> QuerySet[Hat]:
    """The live hats of those who may talk for a posting: of its organisation, or of its village."""
    if posting.organisation_id is not None:
        return _talking().filter(scope_kind="organisation", target_id=posting.organisation_id)
    return _hats_at(posting.village_id or posting.place_id)


def _talking() -> QuerySet[Hat]:
    return Hat.objects.filter(live(clock.today()), state="live", role__in=TALKING, user__is_active=True)


def _hats_at(place_id: int | None) -> QuerySet[Hat]:
    """The live hats of one place itself; nobody without a place."""
    return _talking().filter(scope_kind="place", place_id=place_id or 0)


def _staff(posting: Posting) -> QuerySet[Hat]:
    """The live hats of the township of a household's or village's posting."""
    return _hats_at(None if posting.organisation_id is not None else posting.township_id)


def people_of(posting: Posting) -> set[int]:
    """Who is told of what happens to a posting: who talks for it, else its township, else its county."""
    for hats in (_hats(posting), _staff(posting), _hats_at(posting.county_id)):
        found = set(hats.values_list("user_id", flat=True))
        if found or posting.organisation_id is not None:
            return found
    return set()


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be put into the team of an agreement."""

    user_id: int
    name: str
    part: str


def candidates(agreement: Agreement) -> list[Candidate]:
    """The people of both sides, and of the villages and townships concerned, who are not in the team yet."""
    taken = set(members_of(agreement).values_list("user_id", flat=True))
    found: dict[int, Candidate] = {}
    for side, posting in ((Side.OFFER, agreement.offer), (Side.NEED, agreement.need)):
        for hats, part in ((_hats(posting), side.value), (_staff(posting), DealMember.Part.STAFF.value)):
            for hat in hats.select_related("user").order_by("user_id"):
                if hat.user_id not in taken:
                    one = Candidate(hat.user_id, hat.user.display_name, part)
                    found.setdefault(hat.user_id, one)
    return sorted(found.values(), key=lambda one: (one.part, one.name, one.user_id))


def members_of(agreement: Agreement) -> QuerySet[DealMember]:
    """The team as it is now."""
    rows = DealMember.objects.filter(agreement=agreement, ended_at=None)
    return rows.select_related("user").order_by("id")


# What is to do ------------------------------------------------------------------------------------


def tasks_of(agreement: Agreement) -> QuerySet[DealTask]:
    """The tasks that were not dropped, by due day."""
    rows = DealTask.objects.filter(agreement=agreement, dropped_at=None)
    return rows.select_related("member__user").order_by("due_on", "id")


@dataclass(frozen=True)
class Step:
    """A milestone with how it stands: ``met``, ``late``, ``ahead``, or not agreed yet."""

    row: Milestone
    standing: str
    reached: int
    """For a quantity: so many units are to be delivered in all by this day."""


def steps_of(agreement: Agreement) -> list[Step]:
    """The milestones by due day; quantities add up in that order."""
    rows = list(Milestone.objects.filter(agreement=agreement).order_by("due_on", "id"))
    agreed = [(row.pk, row.quantity or 0) for row in rows if row.state == Milestone.State.AGREED]
    reached = reached_by(agreed)
    today = clock.today()
    return [
        Step(
            row,
            milestone_state(
                is_agreed=row.state == Milestone.State.AGREED,
                is_met=row.met_at is not None
                or (row.quantity is not None and agreement.fulfilled >= reached.get(row.pk, 0)),
                due_on=row.due_on,
                today=today,
            ),
            reached.get(row.pk, 0),
        )
        for row in rows
    ]


# Deliveries ---------------------------------------------------------------------------------------


def deliveries_of(agreement: Agreement) -> QuerySet[Delivery]:
    """Every delivery, oldest first."""
    return Delivery.objects.filter(agreement=agreement).order_by("id")


def undelivered(agreement: Agreement) -> int:
    """What is neither accepted nor waiting to be judged."""
    waiting = Delivery.objects.filter(agreement=agreement, state=Delivery.State.RECORDED)
    return agreement.quantity - agreement.fulfilled - sum(waiting.values_list("quantity", flat=True))


# Disputes -----------------------------------------------------------------------------------------


def disputes_of(agreement: Agreement) -> QuerySet[Dispute]:
    """The disputes of an agreement, oldest first."""
    return Dispute.objects.filter(agreement=agreement).select_related("delivery").order_by("id")


def has_open_dispute(agreement: Agreement) -> bool:
    """Whether something about the agreement is still disputed."""
    return Dispute.objects.filter(agreement=agreement, state__in=OPEN_DISPUTES).exists()


def disputes_for(actor: Actor, states: Iterable[str] = Dispute.State.values) -> Ranges[Dispute]:
    """Disputes of deals for a side of which the actor speaks, and those of the places that it judges."""
    rows = Dispute.objects.select_related("agreement__category", "place")
    return of_own(rows, actor, "exchange.read", states, DealSide.Deal.DISPUTE)


def dispute_for(actor: Actor, dispute_id: int) -> Dispute:
    """One dispute of a deal in the actor's sight. Raises Hidden."""
    rows = Dispute.objects.select_related("agreement__offer", "agreement__need", "delivery", "place")
    return open_door(rows, actor, "exchange.read", dispute_id, within=seen_by(actor, "agreement__"))


def is_party(user_id: int | None, agreement: Agreement) -> bool:
    """Whether somebody signed, recorded or judged a delivery, or stands in the team: no judge of disputes."""
    if user_id is None or user_id in (agreement.offer_yes_by_id, agreement.need_yes_by_id):
        return True
    touched = Q(recorded_by_id=user_id) | Q(judged_by_id=user_id)
    return (
        Delivery.objects.filter(touched, agreement=agreement).exists()
        or DealMember.objects.filter(agreement=agreement, user_id=user_id).exists()
    )


# Reviews ------------------------------------------------------------------------------------------


def reviews_of(agreement: Agreement) -> list[Review]:
    """What the two sides say of each other."""
    return list(Review.objects.filter(agreement=agreement).order_by("id"))


@dataclass(frozen=True)
class Standing:
    """What reviews say of an organisation: how many, and the mean of their stars (None without any)."""

    count: int
    mean: float | None
    rows: tuple[Review, ...]


def standing_of(organisation_id: int, limit: int = 20) -> Standing:
    """The reviews of an organisation, newest first. No household is named."""
    rows = Review.objects.filter(organisation_id=organisation_id)
    found = rows.aggregate(count=Count("pk"), mean=Avg("stars"))
    newest = rows.select_related("agreement__category").order_by("-id")[:limit]
    return Standing(found["count"], found["mean"], tuple(newest))


# Papers -------------------------------------------------------------------------------------------


def papers_of(match: Match, kinds: Iterable[str] = Paper.About.values) -> dict[str, dict[int, list[Paper]]]:
    """The ready files of a deal by what they are about. One query."""
    rows = Paper.objects.filter(match=match, about_kind__in=list(kinds), file__state="ready")
    found: dict[str, dict[int, list[Paper]]] = {}
    for row in rows.select_related("file").order_by("id"):
        found.setdefault(row.about_kind, {}).setdefault(row.about_id, []).append(row)
    return found


def paper_for(actor: Actor, paper_id: int) -> Paper:
    """One file of a deal in the actor's sight, whichever side sent it. Raises Hidden."""
    rows = Paper.objects.filter(file__state="ready").select_related("file__blob")
    return open_door(rows, actor, "exchange.read", paper_id, within=seen_by(actor, "match__"))


# Contracts ----------------------------------------------------------------------------------------


def parties_of(actor: Actor, agreement: Agreement) -> tuple[str, str]:
    """The names of both sides as a contract has them.

    A household is named by its head and village, without its number, once the agreement holds and for
    readers who speak for a side; for others the name is masked, and before that only the village stands.
    """
    is_side = bool(deal_sides(actor, "exchange.read", agreement))
    return _party(agreement, agreement.offer, is_side), _party(agreement, agreement.need, is_side)


def _party(agreement: Agreement, posting: Posting, is_side: bool) -> str:
    if posting.household is None or agreement.state not in HOLDING:
        return public_owner(posting)
    if not is_side:
        return masked_owner(posting)
    return f"{posting.household.head_name}（{posting.place.full_name}）"


def due_days(agreement: Agreement) -> list[tuple[date, str]]:
    """What has been agreed and is not met, by day: for the contract's text."""
    steps = [step for step in steps_of(agreement) if step.row.state == Milestone.State.AGREED]
    return [(step.row.due_on, step.row.what) for step in steps]
