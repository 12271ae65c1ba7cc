"""Reads of the market, already within the reader's reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import LEVEL_COLUMNS, organisation_filter, place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Refused
from yuchang.market import rules
from yuchang.market.models import Allocation, Channel, Commitment, Lot, Offer, Order, OrderLine, Round
from yuchang.places.models import Place

PAID_STATES = [Order.State.PAID, Order.State.DISPATCHED, Order.State.DELIVERED, Order.State.SETTLED]


def round_reach(actor: Actor, permission: str) -> Q:
    """Rounds in the actor's places, in a place that contains them, or of the actor's co-op.

    A village cadre thus reaches the round of the county, in which households of the village take part.
    """
    reach = place_filter(actor, permission) | organisation_filter(actor, permission)
    places = [s.place_id for s in actor.scopes(permission) if isinstance(s, PlaceScope) and s.level > 1]
    ancestors: set[int] = set()
    for row in Place.objects.filter(pk__in=places).values(*LEVEL_COLUMNS.values()):
        ancestors |= {pk for pk in row.values() if pk}
    return reach | Q(place_id__in=ancestors) if ancestors else reach


def rounds_for(actor: Actor) -> QuerySet[Round]:
    """Rounds the actor may read: of the places and co-ops in reach; for partners also all on sale."""
    require(actor, "market.read")
    reach = round_reach(actor, "market.read")
    if actor.organisation_ids("market.read"):
        reach |= Q(state=Round.State.OPEN, channel=Channel.ROUND)
    return Round.objects.filter(reach).select_related("place", "organisation")


def round_for(actor: Actor, round_id: int, permission: str = "market.read", *, lock: bool = False) -> Round:
    """One round for running it. Raises Refused or Hidden."""
    rows = Round.objects.select_related("place", "organisation")
    return open_door(rows, actor, permission, round_id, within=round_reach(actor, permission), lock=lock)


def offer_on_sale(actor: Actor, offer_id: int) -> Offer:
    """An offer as a buyer sees it: of a round that is or was on sale. Raises Refused or Hidden."""
    rows = Offer.objects.select_related("round", "round__place", "coop", "logistics")
    on_sale = Q(round__channel=Channel.ROUND) & ~Q(round__state=Round.State.DRAFT)
    return open_door(rows, actor, "market.order", offer_id, within=on_sale)


def buyer_id(actor: Actor, organisation_id: int | None = None) -> int:
    """The organisation for which the actor orders. Raises Refused for another's or for none."""
    mine = actor.organisation_ids("market.order")
    chosen = organisation_id if organisation_id is not None else (mine[0] if mine else None)
    if chosen is None or chosen not in mine:
        raise Refused(
            _("只能代表您所在的单位下单。"), remedy=_("请用采购单位的账号登录,或联系本单位管理员。")
        )
    return chosen


def order_reach(actor: Actor, permission: str) -> Q:
    """Orders of the actor's places and organisations, and of rounds that the actor's co-op opened."""
    return (
        place_filter(actor, permission)
        | organisation_filter(actor, permission)
        | organisation_filter(actor, permission, "round__organisation_id")
    )


def orders_for(actor: Actor) -> QuerySet[Order]:
    """Orders the actor may read."""
    require(actor, "market.read")
    rows = Order.objects.filter(order_reach(actor, "market.read"))
    return rows.select_related("organisation", "round")


def order_for(actor: Actor, order_id: int) -> Order:
    """One order. Raises Refused or Hidden."""
    rows = Order.objects.select_related("organisation", "round", "round__place")
    return open_door(rows, actor, "market.read", order_id, within=order_reach(actor, "market.read"))


def order_lines(order: Order) -> QuerySet[OrderLine]:
    """The lines of an order that the actor was let through to."""
    return OrderLine.objects.filter(order=order).select_related("offer").order_by("id")


@dataclass(frozen=True)
class GrowerRow:
    """One household in an offer: committed, sold (its share), harvested, delivered. In the offer's unit."""

    household_id: int
    name: str
    village: str
    committed: int
    harvested: int
    lost: int
    allocated: int


def growers(offer_ids: Sequence[int], within: Q | None = None) -> dict[int, list[GrowerRow]]:
    """The households of each offer in the order of commitment. ``within`` narrows to the reader's places."""
    rows = Commitment.objects.filter(within or Q(), offer_id__in=offer_ids).order_by("offer_id", "id")
    rows = rows.select_related("household", "place")
    lots = {
        (offer, household): (harvested, lost, sold)
        for offer, household, harvested, lost, sold in Lot.objects.filter(offer_id__in=offer_ids)
        .values_list("offer_id", "household_id")
        .annotate(Sum("harvested"), Sum("lost"), Sum("sold"))
    }
    found: dict[int, list[GrowerRow]] = {pk: [] for pk in offer_ids}
    for row in rows:
        harvested, lost, sold = lots.get((row.offer_id, row.household_id), (0, 0, 0))
        found[row.offer_id].append(
            GrowerRow(
                row.household_id,
                row.household.head_name,
                row.place.name,
                row.quantity,
                harvested,
                lost,
                sold,
            )
        )
    return found


def price_parts(offer: Offer | OrderLine) -> list[tuple[str, str, int]]:
    """Where the money of one unit goes: (code, words, fen), without empty parts."""
    parts = [
        ("grower", _("农户"), offer.grower_fen),
        ("coop", _("合作社服务"), offer.coop_fen),
        ("logistics", _("物流"), offer.logistics_fen),
        ("residual", _("平台留存与尾差"), offer.residual_fen),
    ]
    return [part for part in parts if part[2]]


def shortfall_sentence(rule: str) -> str:
    """The shortfall rule in one sentence, as the buyer reads it before paying."""
    if rule == rules.FIRST_COME:
        return _("如收成不足,按付款先后发货,未发部分按原价全额退款。")
    return _("如收成不足,各订单按数量等比例少发,少发部分按原价全额退款。")


def paid_lines(round_ids: Sequence[int]) -> list[OrderLine]:
    """Lines of paid orders of these rounds, in the order of payment."""
    rows = OrderLine.objects.filter(order__round_id__in=round_ids, order__state__in=PAID_STATES)
    return list(rows.order_by("offer_id", "order__paid_at", "order_id", "id").select_related("order"))


def ready_growers(offer_ids: Sequence[int]) -> dict[int, list[rules.Grower]]:
    """The growers of each offer with their lots (harvest less loss), for allocation."""
    lots: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for lot in Lot.objects.filter(offer_id__in=offer_ids).order_by("harvested_on", "id"):
        ready = lot.harvested - lot.lost - lot.sold
        if ready:
            lots.setdefault((lot.offer_id, lot.household_id), []).append((lot.pk, ready))
    found: dict[int, list[rules.Grower]] = {pk: [] for pk in offer_ids}
    rows = Commitment.objects.filter(offer_id__in=offer_ids).order_by("offer_id", "id")
    for offer_id, household_id, quantity in rows.values_list("offer_id", "household_id", "quantity"):
        mine = tuple(lots.get((offer_id, household_id), ()))
        found[offer_id].append(rules.Grower(household_id, quantity, mine))
    return found


def priced_lines(order_ids: Sequence[int]) -> dict[int, list[rules.PricedLine]]:
    """The lines of each order with what each household delivered."""
    delivered: dict[int, dict[int, int]] = {}
    fills = Allocation.objects.filter(line__order_id__in=order_ids).order_by("line_id", "id")
    for line_id, household_id, quantity in fills.values_list("line_id", "household_id", "quantity"):
        mine = delivered.setdefault(line_id, {})
        mine[household_id] = mine.get(household_id, 0) + quantity
    found: dict[int, list[rules.PricedLine]] = {pk: [] for pk in order_ids}
    for line in OrderLine.objects.filter(order_id__in=order_ids).order_by("order_id", "id"):
        found[line.order_id].append(
            rules.PricedLine(
                line.pk,
                line.quantity,
                line.fulfilled or 0,
                line.grower_fen,
                line.coop_fen,
                line.logistics_fen,
                line.residual_fen,
                delivered.get(line.pk, {}),
            )
        )
    return found


@dataclass(frozen=True)
class Preview:
    """What settling a round now would pay, in fen, and to whom."""

    orders: int
    waiting_orders: int
    households: tuple[tuple[int, str, int], ...]
    households_fen: int
    coop_fen: int
    logistics_fen: int
    residual_fen: int

    @property
    def total_fen(self) -> int:
        """Everything that would be paid out."""
        return self.households_fen + self.coop_fen + self.logistics_fen + self.residual_fen


def settlement_preview(round_id: int) -> Preview:
    """The settlement of the delivered orders of a round, computed by the rule that will book it."""
    orders = Order.objects.filter(round_id=round_id)
    ready = list(orders.filter(state=Order.State.DELIVERED).order_by("id").values_list("pk", flat=True))
    waiting = orders.filter(state__in=[Order.State.PAID, Order.State.DISPATCHED]).count()
    shares = [rules.split_line(line) for lines in priced_lines(ready).values() for line in lines]
    each: dict[int, int] = {}
    for share in shares:
        for household_id, fen in share.households.items():
            each[household_id] = each.get(household_id, 0) + fen
    names = dict(
        Commitment.objects.filter(offer__round_id=round_id).values_list(
            "household_id", "household__head_name"
        )
    )
    return Preview(
        len(ready),
        waiting,
        tuple((pk, names.get(pk, ""), fen) for pk, fen in sorted(each.items())),
        sum(s.households_fen for s in shares),
        sum(s.coop_fen for s in shares),
        sum(s.logistics_fen for s in shares),
        sum(s.residual_fen for s in shares),
    )


def totals(place: Place, from_on: date, to_on: date) -> dict[str, int]:
    """What a place sold and settled: ``orders``, ``sold_fen``, ``settled_orders``, ``settled_fen``.

    ``sold_fen`` counts paid orders by the day of payment at their full price; ``settled_fen`` what their
    settlements paid out to all parties.
    """
    rows = Order.objects.filter(**{LEVEL_COLUMNS[place.level]: place.pk}, paid_at__isnull=False)
    sold = rows.filter(paid_at__date__gte=from_on, paid_at__date__lte=to_on)
    done = rows.filter(settlement__settled_at__date__gte=from_on, settlement__settled_at__date__lte=to_on)
    paid_out = F("settlement__paid_fen") - F("settlement__refunded_fen")
    return {
        **sold.aggregate(orders=Count("id"), sold_fen=Sum("total_fen", default=0)),
        **done.aggregate(settled_orders=Count("id"), settled_fen=Sum(paid_out, default=0)),
    }


def is_on_sale(offer: Offer) -> bool:
    """Whether the offer can be ordered at this moment."""
    window = offer.round.sales_from <= clock.now() <= offer.round.sales_to
    return offer.state == Round.State.OPEN and window and offer.sold < offer.cap


def has_open_orders(round_id: int) -> bool:
    """Whether paid orders of the round are not settled yet."""
    open_states = [Order.State.PAID, Order.State.DISPATCHED, Order.State.DELIVERED]
    return Order.objects.filter(round_id=round_id, state__in=open_states).exists()
