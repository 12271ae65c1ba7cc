"""Reads of the exchange: whose side is whose, postings without the other's limit, boards and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import (
    EVERYTHING,
    NOTHING,
    either,
    organisation_filter,
    place_conditions,
    place_filter,
)
from yuchang.accounts.rules import Actor
from yuchang.core.paging import Ranges
from yuchang.exchange import catalogue
from yuchang.exchange.models import (
    HOLDING_RESOURCE,
    Agreement,
    Category,
    Clearing,
    DealSide,
    Direction,
    Dispute,
    Leftover,
    Match,
    Message,
    Posting,
    Why,
)
from yuchang.exchange.words import category_word, unit_said, unit_word
from yuchang.registry.models import Resource
from yuchang.registry.rules import mask_name

M = TypeVar("M", Match, Agreement, Dispute)
SIDES = ("offer", "need")
_DEAL = ["category", *SIDES]
_DEAL += [f"{side}__{part}" for side in SIDES for part in ("household", "organisation", "place")]


def side_conditions(actor: Actor, permission: str, prefix: str = "") -> list[Q]:
    """``side_filter`` taken apart: one condition for each of the actor's places and organisations."""
    of_staff = Q(**{f"{prefix}organisation_id__isnull": True})
    places = place_conditions(actor, permission, prefix)
    if EVERYTHING in places:
        places = [Q()]
    own = [Q(**{f"{prefix}organisation_id": number}) for number in actor.organisation_ids(permission)]
    return [*(one & of_staff for one in places), *own]


def side_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Postings for which the actor speaks: staff for households and villages of their places, partners
    for their own organisations. ``prefix`` leads to the posting (``offer__``, ``need__``).
    """
    return either(*side_conditions(actor, permission, prefix))


def sight_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Postings that the actor may look at: everything in the actor's places, and its own organisations'."""
    own = organisation_filter(actor, permission, f"{prefix}organisation_id")
    return either(place_filter(actor, permission, prefix), own)


def seen_by(actor: Actor, prefix: str = "", permission: str = "exchange.read") -> Q:
    """Rows of deals with a side in the actor's sight; ``prefix`` leads to the offer and the need."""
    return either(*(sight_filter(actor, permission, f"{prefix}{side}__") for side in SIDES))


def spoken_for(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Rows of deals for a side of which the actor speaks."""
    return either(*(side_filter(actor, permission, f"{prefix}{side}__") for side in SIDES))


def of_own(
    rows: QuerySet[M], actor: Actor, permission: str, states: Iterable[str], deal: DealSide.Deal
) -> Ranges[M]:
    """Matches, agreements or disputes in some states with a side for which the actor speaks.

    One range of an index for each scope and state (``DealSide``), however many there are.
    """
    sides = DealSide.objects.filter(deal=deal)
    own = side_conditions(actor, permission)
    return Ranges(rows, [sides.filter(one, state=state) for one in own for state in states], key="deal_id")


def speaks_for(actor: Actor, permission: str, posting: Posting) -> bool:
    """Whether the actor may act for the owner of this posting."""
    return Posting.objects.filter(side_filter(actor, permission), pk=posting.pk).exists()


# Categories ---------------------------------------------------------------------------------------


def category_names(codes: Iterable[str]) -> dict[str, str]:
    """Categories by code in the reader's language (``core.naming``). One query."""
    return {row.code: category_word(row) for row in Category.objects.filter(code__in=set(codes))}


def leaf_choices() -> list[tuple[str, str]]:
    """The categories that goods are of, by code, as a form offers them in the reader's language."""
    rows = Category.objects.filter(is_leaf=True).order_by("position").only("code", "name_zh", "name_en")
    return [(row.code, category_word(row)) for row in rows]


def unit_names(units: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Units that people use, each with the code of a category, in the reader's language. One query."""
    wanted = set(units)
    known = Category.objects.in_bulk({code for code, _unit in wanted})
    return {(code, text): unit_said(text, known.get(code)) for code, text in wanted}


def find_categories(text: str, limit: int = 30) -> list[Category]:
    """Leaf categories whose name or alias contains the text, exact hits first; all without a text.

    Looked for among the shipped names, so that only what is shown is read.
    """
    rows = Category.objects.filter(is_leaf=True).select_related("parent")
    text = text.strip().lower()
    if not text:
        return list(rows.order_by("position"))
    codes = catalogue.names().found(text)[:limit]
    known = rows.in_bulk(codes) if codes else {}
    return [known[code] for code in codes if code in known]


def unposted_resources(actor: Actor, *, household_number: str = "", limit: int = 20) -> list[Resource]:
    """Declared resources in the actor's places that no live posting offers yet, newest first."""
    live = Posting.objects.filter(resource=OuterRef("pk"), state__in=HOLDING_RESOURCE)
    rows = Resource.objects.filter(place_filter(actor, "exchange.post"), withdrawn_at=None)
    if household_number:
        rows = rows.filter(household__number=household_number)
    rows = rows.filter(category__in=Category.objects.filter(is_leaf=True).values("pk"))
    return list(rows.exclude(Exists(live)).select_related("household", "place").order_by("-id")[:limit])


# Postings -----------------------------------------------------------------------------------------


def postings_for(actor: Actor, permission: str = "exchange.read") -> QuerySet[Posting]:
    """The actor's own postings: those for whose owner the actor speaks, limits included."""
    rows = Posting.objects.filter(side_filter(actor, permission))
    return rows.select_related("category", "household", "organisation", "place")


def own_postings(
    actor: Actor,
    permission: str = "exchange.read",
    *,
    direction: str = "",
    state: str = "",
    category: str = "",
    besides: int | None = None,
    rows: QuerySet[Posting] | None = None,
) -> Ranges[Posting]:
    """``postings_for`` as a list, perhaps of one direction, state or category, or without an organisation's.

    ``rows`` says what is read of each, if not all that lists show. One range of an index for each scope,
    and where there is such an index for each direction and state.
    """
    wanted = {"direction": direction, "state": state, "category": category}
    given = {name: value for name, value in wanted.items() if value}
    if rows is None:
        rows = Posting.objects.select_related("category", "household", "organisation")
        rows = rows.prefetch_related("place")
    own = [one for one in side_conditions(actor, permission) if one != Q(organisation_id=besides)]
    return Ranges(rows, [rows.filter(one, **part) for one in own for part in _parts(one, given)])


_SPLIT_BY = {"organisation_id", "county_id"}


def _parts(scope: Q, given: dict[str, str]) -> list[dict[str, str]]:
    """What is asked of one scope, as ranges of the indexes by direction and state, or by category."""
    columns = {child[0] for child in scope.children if isinstance(child, tuple)}
    if not columns & _SPLIT_BY or not given.keys() & {"direction", "state"}:
        return [given]
    directions = [given["direction"]] if "direction" in given else Direction.values
    states = [given["state"]] if "state" in given else Posting.State.values
    return [given | {"direction": one, "state": state} for one in directions for state in states]


def posting_for(actor: Actor, posting_id: int) -> Posting:
    """One posting in the actor's sight. Raises Hidden. Show its limit only if ``sees_limit``."""
    rows = Posting.objects.select_related("category", "household", "organisation", "place")
    within = sight_filter(actor, "exchange.read")
    return open_door(rows, actor, "exchange.read", posting_id, within=within)


@dataclass(frozen=True)
class OpenPosting:
    """What anybody in the exchange may know of an open posting: no limit, no person."""

    pk: int
    direction: str
    category: str
    unit: str
    quantity: int
    owner: str
    window_from: date
    window_to: date
    is_urgent: bool = False


def open_market(*, category: str = "", direction: str = "") -> QuerySet[Posting]:
    """Every open posting of the exchange, without its limit; show rows through ``as_open``."""
    rows = Posting.objects.filter(state=Posting.State.OPEN).defer("limit_fen", "note")
    if category:
        rows = rows.filter(category=category)
    if direction:
        rows = rows.filter(direction=direction)
    return rows.select_related("category", "organisation", "place")


def as_open(row: Posting, *, is_urgent: bool = False) -> OpenPosting:
    """One row of ``open_market`` with the owner named as far as others may know."""
    return OpenPosting(
        row.pk,
        row.direction,
        category_word(row.category),
        unit_word(row.category),
        row.left,
        public_owner(row),
        row.window_from,
        row.window_to,
        is_urgent,
    )


def public_owner(row: Posting) -> str:
    """The owner as the other side sees it: an organisation or village by name, a household by its village."""
    if row.organisation is not None:
        return row.organisation.name
    where = row.place.full_name
    return where if row.owner_kind == Posting.OwnerKind.VILLAGE else f"{where} · {_household_word()}"


def _household_word() -> str:
    return str(Posting.OwnerKind.HOUSEHOLD.label)


def own_owner(row: Posting) -> str:
    """The owner as its own side sees it."""
    if row.household is not None:
        return f"{row.household.head_name} ({row.household.number})"
    return public_owner(row)


def owner_for(row: Posting, *, is_own: bool) -> str:
    """The owner as a reader of its own or of the other side sees it."""
    return own_owner(row) if is_own else public_owner(row)


def masked_owner(row: Posting) -> str:
    """The owner as the other side of an agreement sees it: a household's head with the name masked."""
    if row.household is not None:
        return f"{mask_name(row.household.head_name)} · {row.place.full_name}"
    return public_owner(row)


COUNTED = 1_000
"""More partners than this are said to be more than this."""


def count_partners(
    *, category: str, direction: str, window_from: date, window_to: date, owner: Q | None = None
) -> int:
    """How many open postings stand opposite in a category and overlap in time, up to ``COUNTED`` and one.

    Prices are left out on purpose: counting by price would tell others' limits.
    """
    opposite = Direction.NEED if direction == Direction.OFFER else Direction.OFFER
    rows = Posting.objects.filter(
        state=Posting.State.OPEN,
        category=category,
        direction=opposite,
        window_from__lte=window_to,
        window_to__gte=window_from,
    )
    return (rows.exclude(owner) if owner is not None else rows)[: COUNTED + 1].count()


def latest_leftovers(posting_ids: list[int]) -> dict[int, Leftover]:
    """The newest published reason of each posting that was left over."""
    rows = Leftover.objects.filter(posting_id__in=posting_ids).order_by("posting_id", "-id")
    return {row.posting_id: row for row in rows.distinct("posting_id")}


# Matches ------------------------------------------------------------------------------------------


def matches_for(
    actor: Actor, permission: str = "exchange.read", states: Iterable[str] = Match.State.values
) -> Ranges[Match]:
    """Matches with at least one side for which the actor speaks."""
    return of_own(Match.objects.select_related(*_DEAL), actor, permission, states, DealSide.Deal.MATCH)


def matches_of(actor: Actor, posting: Posting, limit: int = 20) -> list[Match]:
    """The newest matches of a posting with a side for which the actor speaks."""
    rows = Match.objects.filter(Q(offer=posting) | Q(need=posting), spoken_for(actor, "exchange.read"))
    return list(rows.select_related(*_DEAL).order_by("-id")[:limit])


def match_for(actor: Actor, match_id: int) -> Match:
    """One match with a side in the actor's sight; ``sides_of`` says for whom it speaks. Raises Hidden."""
    rows = Match.objects.select_related(*_DEAL)
    return open_door(rows, actor, "exchange.read", match_id, within=seen_by(actor))


def sides_of(actor: Actor, permission: str, match: Match) -> list[str]:
    """The sides of a match for which the actor speaks: ``offer``, ``need``, both or none."""
    return [
        side
        for side in SIDES
        if Match.objects.filter(side_filter(actor, permission, f"{side}__"), pk=match.pk).exists()
    ]


@dataclass(frozen=True)
class Card:
    """A match as one side sees it: its own gain and limit, the other's name as far as allowed."""

    match: Match
    side: str
    mine: str
    partner: str
    gain_fen: int
    pays_fen: int
    my_answer: str
    their_answer: str

    @property
    def total_fen(self) -> int:
        """What all of it comes to at this side's price."""
        return self.pays_fen * self.match.quantity

    @property
    def why(self) -> list[tuple[str, Any]]:
        """The reasons for which it may be declined."""
        return list(Why.choices)


def card(match: Match, side: str) -> Card:
    """The match from one side. The offer is paid ``price_fen``; the need pays carriage too."""
    mine, other = (match.offer, match.need) if side == "offer" else (match.need, match.offer)
    is_offer = side == "offer"
    return Card(
        match=match,
        side=side,
        mine=own_owner(mine),
        partner=public_owner(other),
        gain_fen=match.offer_gain_fen if is_offer else match.need_gain_fen,
        pays_fen=match.price_fen + (0 if is_offer else match.transport_fen),
        my_answer=match.offer_answer if is_offer else match.need_answer,
        their_answer=match.need_answer if is_offer else match.offer_answer,
    )


def board(actor: Actor, matches: list[Match]) -> list[Card]:
    """Cards for a page of the actor's matches, from the actor's side (the offer's if both). No query."""
    own = side_conditions(actor, "exchange.read")
    return [card(m, "offer" if any(_meets(m.offer, one) for one in own) else "need") for m in matches]


def _meets(posting: Posting, condition: Q) -> bool:
    """Whether a posting that has been read is one of ``side_conditions``."""
    given: dict[str, Any] = dict(child for child in condition.children if isinstance(child, tuple))
    is_none = given.pop("organisation_id__isnull", None)
    return (is_none is None or (posting.organisation_id is None) == is_none) and all(
        getattr(posting, name) == value for name, value in given.items()
    )


def messages_of(match: Match) -> QuerySet[Message]:
    """The conversation, oldest first."""
    return Message.objects.filter(talk__match=match).order_by("id")


# Agreements ---------------------------------------------------------------------------------------


def agreements_for(
    actor: Actor, permission: str = "exchange.read", states: Iterable[str] = Agreement.State.values
) -> Ranges[Agreement]:
    """Agreements with at least one side for which the actor speaks."""
    rows = Agreement.objects.select_related(*_DEAL)
    return of_own(rows, actor, permission, states, DealSide.Deal.AGREEMENT)


def agreement_for(actor: Actor, agreement_id: int) -> Agreement:
    """One agreement with a side in the actor's sight. Raises Hidden."""
    rows = Agreement.objects.select_related(*_DEAL)
    return open_door(rows, actor, "exchange.read", agreement_id, within=seen_by(actor))


# Clearings ----------------------------------------------------------------------------------------


def clearings_for(actor: Actor, permission: str = "exchange.read") -> QuerySet[Clearing]:
    """Runs of the actor's counties; nation-wide runs for nation-wide actors."""
    reach = place_filter(actor, permission, "county__")
    rows = Clearing.objects.filter(reach) if reach != NOTHING else Clearing.objects.none()
    return rows.select_related("county")


def clearing_for(actor: Actor, clearing_id: int, permission: str = "exchange.read") -> Clearing:
    """One run in the actor's reach. Raises Hidden."""
    return open_door(clearings_for(actor, permission), actor, permission, clearing_id, within=Q())


def leftovers_of(clearing: Clearing) -> QuerySet[Leftover]:
    """Postings of a published run that kept something, with why."""
    rows = Leftover.objects.filter(clearing=clearing)
    owners = ("posting__household", "posting__organisation", "posting__place", "posting__category")
    return rows.select_related(*owners)


def leftover_counts(clearing: Clearing) -> dict[str, int]:
    """How many postings were left over, by reason."""
    rows = Leftover.objects.filter(clearing=clearing).values_list("code").annotate(n=Count("pk"))
    return dict(rows.order_by("code"))
