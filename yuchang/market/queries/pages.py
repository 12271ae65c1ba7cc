"""What the pages show of rounds, offers and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from yuchang.accounts.queries import organisation_filter, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.market import rules
from yuchang.market.models import Allocation, Commitment, Lot, Offer, Order, OrderLine, Round, Settlement
from yuchang.market.queries.reach import may_run, may_settle
from yuchang.market.words import goods_unit

SHOWN_GROWERS = 24
"""So many growers are named to a buyer; the others are counted."""


def is_on_sale(offer: Offer) -> bool:
    """Whether the offer can be ordered at this moment."""
    window = offer.round.sales_from <= clock.now() <= offer.round.sales_to
    return offer.state == Round.State.OPEN and window and offer.sold < offer.cap


def price_parts(offer: Offer | OrderLine) -> list[tuple[str, str, int]]:
    """Where the money of one unit goes: (code, words, fen), without empty parts."""
    parts = [
        ("grower", _("农户"), offer.grower_fen),
        ("coop", _("合作社服务"), offer.coop_fen),
        ("logistics", _("物流"), offer.logistics_fen),
        ("residual", _("平台留存与尾差"), offer.residual_fen),
    ]
    return [part for part in parts if part[2]]


@dataclass(frozen=True)
class Bar:
    """A part of a bar: from where to how far in per cent, its colour, and what it says."""

    code: str
    word: str
    fen: int
    start: float
    width: float
    colour: str


_COLOURS = {"grower": "#17603a", "coop": "#0b5563", "logistics": "#c98a1b", "residual": "#7b8f96"}


def part_bars(offer: Offer | OrderLine) -> list[Bar]:
    """Where each unit's money goes, as the parts of one bar."""
    bars, start = [], 0.0
    for code, word, fen in price_parts(offer):
        width = 100 * fen / offer.price_fen
        bars.append(Bar(code, word, fen, round(start, 2), round(width, 2), _COLOURS[code]))
        start += width
    return bars


def shortfall_sentence(rule: str) -> str:
    """The shortfall rule in one sentence, as the buyer reads it before paying."""
    if rule == rules.FIRST_COME:
        return _("如收成不足，按付款先后发货，未发部分按原价全额退款。")
    return _("如收成不足，各订单按数量等比例少发，少发部分按原价全额退款。")


@dataclass(frozen=True)
class Growers:
    """The growers of an offer as a buyer may see them: (masked name, village), and how many there are."""

    shown: tuple[tuple[str, str], ...]
    households: int
    villages: int

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.households - len(self.shown)


def masked_growers(offer: Offer) -> Growers:
    """The households behind an offer, names masked, largest promise first."""
    rows = Commitment.objects.filter(offer=offer)
    counted = rows.aggregate(households=Count("id"), villages=Count("village_id", distinct=True))
    named = rows.order_by("-quantity", "id").values_list("household__head_name", "place__name")
    shown = tuple((rules.mask_name(name), village) for name, village in named[:SHOWN_GROWERS])
    return Growers(shown, counted["households"], counted["villages"])


def offers_of(row: Round) -> QuerySet[Offer]:
    """The goods of a round."""
    return Offer.objects.filter(round=row).select_related("coop", "logistics").order_by("id")


def chosen_offer(offers: Sequence[Offer], number: str) -> Offer | None:
    """The offer that the address names, or the first."""
    return next((offer for offer in offers if str(offer.pk) == number), offers[0] if offers else None)


def commitments(actor: Actor, offer: Offer | None, permission: str = "market.read") -> QuerySet[Commitment]:
    """The promises to an offer by households of the actor's places, or to a round of the actor's co-op."""
    mine = place_filter(actor, permission)
    mine |= organisation_filter(actor, permission, "offer__round__organisation_id")
    rows = Commitment.objects.filter(mine, offer=offer) if offer else Commitment.objects.none()
    return rows.select_related("household", "place")


@dataclass(frozen=True)
class GrowerRow:
    """One household in an offer: committed, harvested, of that lost, and sold from its lots."""

    commitment: Commitment
    harvested: int
    lost: int
    sold: int


def grower_rows(rows: Sequence[Commitment]) -> list[GrowerRow]:
    """The households of these promises with what they brought in and what of it was sold."""
    lots = Lot.objects.filter(
        offer_id__in={row.offer_id for row in rows}, household_id__in=[row.household_id for row in rows]
    )
    sums = {
        household: (harvested, lost, sold)
        for household, harvested, lost, sold in lots.values_list("household_id").annotate(
            Sum("harvested"), Sum("lost"), Sum("sold")
        )
    }
    return [GrowerRow(row, *sums.get(row.household_id, (0, 0, 0))) for row in rows]


def widest(rows: Sequence[Commitment]) -> int:
    """The quantity that fills a bar: one and a half times the largest promise shown."""
    return max((row.quantity for row in rows), default=1) * 3 // 2 or 1


def orders_of(row: Round) -> list[tuple[str, str, int, int]]:
    """The orders of a round by state: (code, words, number, fen)."""
    found = Order.objects.filter(round=row).values_list("state").annotate(Count("id"), Sum("total_fen"))
    return [
        (code, str(Order.State(code).label), number, fen) for code, number, fen in found.order_by("state")
    ]


@dataclass(frozen=True)
class Step:
    """What can be done next with a round: which address, its word, the verb, and what will hold after."""

    address: str
    code: str
    verb: str
    after: str


def next_steps(actor: Actor, row: Round) -> list[Step]:
    """The official steps that the round's state and the actor's rights allow."""
    if row.state == Round.State.DRAFT and may_run(actor, row):
        return [Step("sales", "start", _("开售"), _("按农户承诺总量开售，买方可以下单。"))]
    if row.state == Round.State.OPEN and may_run(actor, row):
        return [Step("sales", "close", _("截单"), _("不再接单，未付款的订单释放。"))]
    if row.state == Round.State.CLOSED and may_settle(actor, row):
        return [Step("delivery", "fulfil", _("配货"), _("按收获分配到订单；不足部分按规则退款。"))]
    if row.state == Round.State.FULFILLED and may_settle(actor, row):
        return [
            Step("delivery", "dispatch", _("登记发货"), _("已配货的订单标为已发货。")),
            Step("delivery", "deliver", _("凭回单登记签收"), _("已发货的订单标为已签收，可以结算。")),
        ]
    return []


def order_states() -> list[tuple[str, str]]:
    """The states of an order: (code, words)."""
    return [(code, str(label)) for code, label in Order.State.choices]


def order_lines(order: Order) -> QuerySet[OrderLine]:
    """The lines of an order that the actor was let through to."""
    return OrderLine.objects.filter(order=order).select_related("offer").order_by("id")


def stages(order: Order) -> list[tuple[str, datetime | None]]:
    """The way of an order: (words, when; None: not yet)."""
    return [
        (_("下单"), order.placed_at),
        (_("付款"), order.paid_at),
        (_("发货"), order.dispatched_at),
        (_("签收"), order.delivered_at),
        (_("结算"), order.settled_at),
    ]


def settlement_of(order: Order) -> Settlement | None:
    """What the order's settlement paid to whom, once it is settled."""
    return Settlement.objects.filter(order=order).first()


def growers_of_order(order: Order) -> list[tuple[str, str, int, str]]:
    """Who filled the order: (masked name, village, quantity, unit), largest part first."""
    rows = Allocation.objects.filter(line__order=order).order_by("-quantity", "id")
    named = rows.values_list(
        *("lot__household__head_name", "lot__place__name", "quantity"),
        *("line__offer__unit", "line__offer__category_code"),
    )[:SHOWN_GROWERS]
    return [
        (rules.mask_name(name), village, quantity, goods_unit(unit, code))
        for name, village, quantity, unit, code in named
    ]


def can_pay_simulated() -> bool:
    """Whether the simulated payment provider may be used here."""
    return clock.is_simulated()


def may_record_transfer(actor: Actor, order: Order) -> bool:
    """Whether the actor records bank transfers for this order, and it still waits for one."""
    if order.state != Order.State.HELD or not actor.may("market.settle"):
        return False
    return Order.objects.filter(place_filter(actor, "market.settle"), pk=order.pk).exists()
