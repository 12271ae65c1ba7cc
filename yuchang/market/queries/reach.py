"""Which rounds, offers and orders come into an actor's reach."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import LEVEL_COLUMNS, organisation_filter, place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core.errors import Conflict, Refused
from yuchang.core.prepared import prepared
from yuchang.exchange.models import Agreement
from yuchang.market.models import Channel, Offer, Order, Round
from yuchang.partners.models import Organisation
from yuchang.places.models import Place


def round_reach(actor: Actor, permission: str) -> Q:
    """Rounds in the actor's places, in a place that contains them, or of the actor's co-op.

    A village cadre thus reaches the round of the county, in which households of the village take part.
    """
    reach = place_filter(actor, permission) | organisation_filter(actor, permission)
    places = [s.place_id for s in actor.scopes(permission) if isinstance(s, PlaceScope) and s.level > 1]
    ancestors: set[int] = set()
    for keys in _keys(places) if places else ():
        ancestors |= {pk for pk in keys if pk}
    return reach | Q(place_id__in=ancestors) if ancestors else reach


@prepared
def _keys(places: Any) -> QuerySet[Place, Any]:
    return Place.objects.filter(pk__any=places).values_list(*LEVEL_COLUMNS.values())


def rounds_for(actor: Actor) -> QuerySet[Round]:
    """Rounds the actor may read: of the places and co-ops in reach; for partners also all on sale."""
    return Round.objects.filter(rounds_within(actor)).select_related("place", "organisation")


def rounds_within(actor: Actor) -> Q:
    """The rounds of ``rounds_for`` as a condition."""
    require(actor, "market.read")
    reach = round_reach(actor, "market.read")
    if actor.organisation_ids("market.read"):
        reach |= Q(state=Round.State.OPEN, channel=Channel.ROUND)
    return reach


def round_for(actor: Actor, round_id: int, permission: str = "market.read", *, lock: bool = False) -> Round:
    """One round for running it. Raises Refused or Hidden."""
    rows = Round.objects.select_related("place", "organisation")
    return open_door(rows, actor, permission, round_id, within=round_reach(actor, permission), lock=lock)


def offer_on_sale(actor: Actor, offer_id: int) -> Offer:
    """An offer as a buyer sees it: of a round that is or was on sale. Raises Refused or Hidden."""
    rows = Offer.objects.select_related("round", "round__place", "coop", "logistics")
    on_sale = Q(round__channel=Channel.ROUND) & ~Q(round__state=Round.State.DRAFT)
    return open_door(rows, actor, "market.order", offer_id, within=on_sale)


def offer_to_commit(actor: Actor, offer_id: int) -> Offer:
    """An offer to which the actor's households may promise. Raises Refused or Hidden."""
    within = Q(round__in=Round.objects.filter(round_reach(actor, "market.commit")))
    rows = Offer.objects.select_related("round", "round__place")
    return open_door(rows, actor, "market.commit", offer_id, within=within)


def buyer_id(actor: Actor, organisation_id: int | None = None) -> int:
    """The organisation for which the actor orders. Raises Refused for another's or for none."""
    mine = actor.organisation_ids("market.order")
    chosen = organisation_id if organisation_id is not None else (mine[0] if mine else None)
    if chosen is None or chosen not in mine:
        raise Refused(
            _("只能代表您所在的单位下单。"), remedy=_("请用采购单位的账号登录，或联系本单位管理员。")
        )
    return chosen


def order_reach(actor: Actor, permission: str) -> Q:
    """Orders of the actor's places and organisations, and of rounds that the actor's co-op opened."""
    reach = place_filter(actor, permission) | organisation_filter(actor, permission)
    if not (mine := actor.organisation_ids(permission)):
        return reach
    opened = list(Round.objects.filter(organisation_id__in=mine).values_list("pk", flat=True))
    return reach | Q(round_id__in=opened) if opened else reach


def orders_for(actor: Actor) -> QuerySet[Order]:
    """Orders the actor may read."""
    require(actor, "market.read")
    rows = Order.objects.filter(order_reach(actor, "market.read"))
    return rows.select_related("organisation", "round")


def order_for(actor: Actor, order_id: int) -> Order:
    """One order. Raises Refused or Hidden."""
    rows = Order.objects.select_related("organisation", "round", "round__place")
    return open_door(rows, actor, "market.read", order_id, within=order_reach(actor, "market.read"))


def may_run(actor: Actor, row: Round) -> bool:
    """Whether the actor opens and closes this round: its place's officer or its co-op."""
    if not actor.may("market.open"):
        return False
    reach = place_filter(actor, "market.open") | organisation_filter(actor, "market.open")
    return Round.objects.filter(reach, pk=row.pk).exists()


def may_settle(actor: Actor, row: Round) -> bool:
    """Whether the actor fills and settles this round."""
    if not actor.may("market.settle"):
        return False
    return Round.objects.filter(place_filter(actor, "market.settle"), pk=row.pk).exists()


def can_open(actor: Actor) -> bool:
    """Whether the actor may open a round anywhere: as officer of a place or as a co-op."""
    if any(isinstance(scope, PlaceScope) for scope in actor.scopes("market.open")):
        return True
    return _coops(actor).exists()


def _coops(actor: Actor) -> QuerySet[Organisation]:
    mine = actor.organisation_ids("market.open")
    return Organisation.objects.filter(pk__in=mine, kind=Organisation.Kind.COOPERATIVE)


def opening_place(actor: Actor) -> tuple[Place, int | None]:
    """Where a round of this actor is opened, and for which co-op (None: the county itself).

    Raises Refused for somebody who is neither an officer nor a co-op, Conflict for a national scope.
    """
    for scope in actor.scopes("market.open"):
        if isinstance(scope, PlaceScope):
            if scope.level == 0:
                raise Conflict(_("请由所在县开团。"))
            return Place.objects.get(pk=scope.place_id), None
    coop = _coops(actor).first()
    if coop is None or coop.county_id is None:
        raise Refused(_("只有县级专员或合作社可以开团。"), remedy=_("请联系县级专员。"))
    return Place.objects.get(pk=coop.county_id), coop.pk


def agreement_for_order(actor: Actor, agreement_id: int) -> Agreement:
    """An agreement that the actor may turn into an order: the seller's officer, or the buyer."""
    reach = place_filter(actor, "market.open")
    reach |= organisation_filter(actor, "market.order", "need__organisation_id")
    rows = Agreement.objects.select_related("offer", "offer__place", "need", "need__organisation", "category")
    return open_door(rows, actor, "market.read", agreement_id, within=reach)


def by_channel(channel: str) -> Q:
    """A filter on the way by which orders come; our own rounds unless the other is asked for."""
    return Q(channel=channel if channel in Channel.values else Channel.ROUND)


def in_state(state: str) -> Q:
    """A filter on the state, for one that exists; all otherwise."""
    known = {*Round.State.values, *Order.State.values}
    return Q(state=state) if state in known else Q()
