"""A household's own offers, needs, proposals and deals, as it is told of them in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from yuchang.exchange.models import Agreement, Leftover, Match, Posting
from yuchang.exchange.queries import card, latest_leftovers, public_owner
from yuchang.exchange.words import leftover_fix, leftover_reason, match_reason
from yuchang.workbench.queries.sources import category_word, in_chinese

SHOWN = 10
TOLD = ("open", "matched", "fulfilled")
_PARTS = ("organisation", "place", "household")


@dataclass(frozen=True)
class OwnProposal:
    """Somebody for one of them: who, how much, at what price per unit, and why."""

    partner: str
    quantity: int
    price_fen: int
    why: str


@dataclass(frozen=True)
class OwnDeal:
    """An agreement of one of them, and how much of it has been delivered."""

    row: Agreement
    partner: str
    price_fen: int


@dataclass(frozen=True)
class OwnPosting:
    """One offer or need, what came of it, and why nothing yet."""

    row: Posting
    word: str
    unit: str
    proposals: list[OwnProposal]
    deals: list[OwnDeal]
    why_not: str


def own_postings(household_id: int) -> list[OwnPosting]:
    """The newest of a household, the caller has opened it. Four queries however many there are."""
    own = Posting.objects.filter(household_id=household_id, state__in=TOLD).select_related("category")
    rows = list(own.order_by("-id")[:SHOWN])
    numbers = [row.pk for row in rows]
    if not numbers:
        return []
    mine = Q(offer__in=numbers) | Q(need__in=numbers)
    owners = [f"{side}__{part}" for side in ("offer", "need") for part in _PARTS]
    matches = Match.objects.filter(mine, state__in=["proposed", "talking"])
    agreements = Agreement.objects.filter(mine, state__in=["proposed", "agreed", "fulfilled", "closed"])
    found = list(matches.select_related("category", "offer", "need", *owners).order_by("-id")[: 3 * SHOWN])
    deals = list(agreements.select_related("offer", "need", *owners).order_by("-id")[: 3 * SHOWN])
    leftovers = latest_leftovers(numbers)
    return [_posting(row, found, deals, leftovers.get(row.pk)) for row in rows]


def _posting(
    row: Posting, matches: list[Match], agreements: list[Agreement], leftover: Leftover | None
) -> OwnPosting:
    side, unit = row.direction, row.category.unit if in_chinese() else row.category.unit_en
    proposals = [_proposal(one, side, unit) for one in matches if row.pk in (one.offer_id, one.need_id)]
    deals = [_deal(one, side) for one in agreements if row.pk in (one.offer_id, one.need_id)]
    why_not = ""
    if row.state == Posting.State.OPEN and leftover is not None and not proposals:
        code, details = leftover.code, leftover.details
        why_not = leftover_reason(code, details, side) + leftover_fix(code, details, side, unit)
    return OwnPosting(row, category_word(row.category), unit, proposals, deals, why_not)


def _proposal(match: Match, side: str, unit: str) -> OwnProposal:
    seen = card(match, side)
    return OwnProposal(seen.partner, match.quantity, seen.pays_fen, match_reason(match.reason, side, unit))


def _deal(row: Agreement, side: str) -> OwnDeal:
    other = row.need if side == "offer" else row.offer
    carriage = 0 if side == "offer" else row.transport_fen
    return OwnDeal(row, public_owner(other), row.price_fen + carriage)
