"""Rounds, offers, commitments, orders, lots and settlements.

Quantities are integers in the smallest sold unit of the goods; money is integer fen. What can run out is
guarded by the database: ``0 <= sold <= cap <= committed`` on an offer, ``sold + lost <= harvested`` on a lot.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.core.signs import signs_index
from yuchang.ledger.models import Way
from yuchang.places.models import Placed


class ShortfallRule(models.TextChoices):
    """What happens when less is harvested than was sold."""

    PRO_RATA = "pro_rata", _("按比例少发")
    FIRST_COME = "first_come", _("先付先得")


class Channel(models.TextChoices):
    """By which way an order came."""

    ROUND = "round", _("本平台预售")
    AGREEMENT = "agreement", _("供需撮合协议")


class Round(Versioned, Placed):
    """One opening for orders: goods of a place, a sales window, a promise and what holds if it is broken.

    ``organisation`` is the co-op that opened it; none: the county's officer did.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("筹备中")
        OPEN = "open", _("预售中")
        CLOSED = "closed", _("已截单")
        FULFILLED = "fulfilled", _("已配货")
        SETTLED = "settled", _("已结算")
        CANCELLED = "cancelled", _("已取消")

    title = models.CharField(max_length=80)
    organisation = models.ForeignKey(
        "partners.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    channel = models.CharField(max_length=20, choices=Channel, default=Channel.ROUND)
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    sales_from = models.DateTimeField()
    sales_to = models.DateTimeField()
    deliver_on = models.DateField()
    promise = models.CharField(max_length=200)
    shortfall_rule = models.CharField(max_length=20, choices=ShortfallRule, default=ShortfallRule.PRO_RATA)
    way = models.CharField(max_length=20, choices=Way, default=Way.DIRECT)
    opened_by_id = models.BigIntegerField(null=True)
    agreement_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sales_to__gt=F("sales_from")), name="market_round_window"),
            models.UniqueConstraint(
                fields=["agreement_id"],
                condition=Q(agreement_id__isnull=False),
                name="market_round_of_agreement",
            ),
        ]
        indexes = [
            signs_index("title", "market_round_signs"),
            models.Index(fields=["county_id", "-sales_to", "-id"], name="market_round_county"),
            models.Index(fields=["state", "-sales_to", "-id"], name="market_round_state"),
        ]

    def __str__(self) -> str:
        return self.title


class Offer(Versioned, Placed):
    """One kind of goods within a round, its price, and where each unit's money goes.

    ``grower_fen + coop_fen + logistics_fen + residual_fen = price_fen`` per unit. ``committed`` is kept by
    a trigger as the sum of the commitments; nobody else may write it. ``unit_kg_thousandths`` is the weight.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="offers")
    title = models.CharField(max_length=80)
    category_code = models.CharField(max_length=60)
    unit = models.CharField(max_length=20)
    price_fen = models.BigIntegerField()
    grower_fen = models.BigIntegerField()
    coop_fen = models.BigIntegerField(default=0)
    logistics_fen = models.BigIntegerField(default=0)
    residual_fen = models.BigIntegerField(default=0)
    coop = models.ForeignKey(
        "partners.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    logistics = models.ForeignKey(
        "partners.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(max_length=20, choices=Round.State, default=Round.State.DRAFT)
    committed = models.BigIntegerField(default=0)
    cap = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0)
    buyer_limit = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sold__gte=0, sold__lte=F("cap"), cap__lte=F("committed")),
                name="market_offer_sold_cap_committed",
            ),
            models.CheckConstraint(
                condition=Q(
                    price_fen__gt=0,
                    grower_fen__gt=0,
                    coop_fen__gte=0,
                    logistics_fen__gte=0,
                    residual_fen__gte=0,
                    price_fen=F("grower_fen") + F("coop_fen") + F("logistics_fen") + F("residual_fen"),
                ),
                name="market_offer_parts_make_price",
            ),
            models.CheckConstraint(
                condition=(Q(coop_fen=0) | Q(coop__isnull=False))
                & (Q(logistics_fen=0) | Q(logistics__isnull=False)),
                name="market_offer_fee_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(buyer_limit__isnull=True) | Q(buyer_limit__gt=0), name="market_offer_limit"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Commitment(Versioned, Placed):
    """What one household has promised to an offer. The sum of these bounds the cap."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="commitments")
    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    committed_by_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "household"], name="market_commitment_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="market_commitment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.offer_id}/{self.household_id}: {self.quantity}"


class Order(Versioned, Placed):
    """A buyer's order. Its place is the round's (the seller's); the buyer is an organisation.

    ``idempotency_key`` makes a repeated request one order; ``fingerprint`` tells a repeat from a misuse.
    """

    class State(models.TextChoices):
        HELD = "held", _("待付款")
        PAID = "paid", _("已付款")
        DISPATCHED = "dispatched", _("已发货")
        DELIVERED = "delivered", _("已签收")
        SETTLED = "settled", _("已结算")
        EXPIRED = "expired", _("超时未付")
        CANCELLED = "cancelled", _("已取消")
        REFUNDED = "refunded", _("已全额退款")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="orders")
    organisation = models.ForeignKey("partners.Organisation", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=20, choices=Channel, default=Channel.ROUND)
    idempotency_key = models.CharField(max_length=80, unique=True)
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=State, default=State.HELD)
    total_fen = models.BigIntegerField()
    placed_by_id = models.BigIntegerField(null=True)
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(total_fen__gt=0), name="market_order_total"),
            models.CheckConstraint(
                condition=~Q(state__in=["paid", "dispatched", "delivered", "settled"])
                | Q(paid_at__isnull=False),
                name="market_order_paid_at",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "-placed_at", "-id"], name="market_order_county"),
            models.Index(fields=["organisation", "-placed_at", "-id"], name="market_order_buyer"),
            models.Index(fields=["round", "state", "paid_at", "id"], name="market_order_round"),
            models.Index(fields=["expires_at", "id"], condition=Q(state="held"), name="market_order_holds"),
        ]

    def __str__(self) -> str:
        return f"订单 {self.pk}"


class OrderLine(models.Model):
    """Some quantity of one offer. Price and parts are frozen from the offer on the day of the order."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="lines")
    quantity = models.BigIntegerField()
    price_fen = models.BigIntegerField()
    grower_fen = models.BigIntegerField()
    coop_fen = models.BigIntegerField()
    logistics_fen = models.BigIntegerField()
    residual_fen = models.BigIntegerField()
    way = models.CharField(max_length=20, choices=Way)
    fulfilled = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "offer"], name="market_orderline_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="market_orderline_positive"),
            models.CheckConstraint(
                condition=Q(
                    price_fen=F("grower_fen") + F("coop_fen") + F("logistics_fen") + F("residual_fen")
                ),
                name="market_orderline_parts",
            ),
            models.CheckConstraint(
                condition=Q(fulfilled__isnull=True) | Q(fulfilled__gte=0, fulfilled__lte=F("quantity")),
                name="market_orderline_fulfilled",
            ),
        ]


class BuyerCount(models.Model):
    """How much of an offer one buyer has ordered; the guard of the limit per buyer."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("partners.Organisation", on_delete=models.PROTECT, related_name="+")
    bought = models.BigIntegerField()
    buyer_limit = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "organisation"], name="market_buyercount_once"),
            models.CheckConstraint(
                condition=Q(bought__gte=0, bought__lte=F("buyer_limit")), name="market_buyercount_limit"
            ),
        ]


class Payment(models.Model):
    """A confirmation from a payment provider. Append-only; ``(provider, reference)`` counts once.

    ``is_returned``: it came too late or twice, and went straight back to the buyer.
    """

    class Provider(models.TextChoices):
        SIMULATED = "simulated", _("模拟支付")
        TRANSFER = "transfer", _("银行转账")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    provider = models.CharField(max_length=20, choices=Provider)
    reference = models.CharField(max_length=80)
    amount_fen = models.BigIntegerField()
    received_at = models.DateTimeField()
    is_returned = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "reference"], name="market_payment_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="market_payment_positive"),
        ]


class Lot(Placed):
    """Goods of one household brought in for one offer. What is lost and sold never exceeds the harvest.

    ``sold`` is kept by a trigger as the sum of the allocations from this lot.
    """

    number = models.CharField(max_length=40, unique=True)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="lots")
    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, related_name="+")
    harvested = models.BigIntegerField()
    lost = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0)
    harvested_on = models.DateField()
    recorded_by_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(harvested__gt=0, lost__gte=0, sold__gte=0, harvested__gte=F("sold") + F("lost")),
                name="market_lot_mass_balance",
            ),
        ]
        indexes = [models.Index(fields=["offer", "household", "id"], name="market_lot_offer")]


class Allocation(models.Model):
    """Which household's lot fills which order line. Append-only."""

    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="allocations")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="allocations")
    household_id = models.BigIntegerField()
    quantity = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "lot"], name="market_allocation_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="market_allocation_positive"),
        ]
        indexes = [models.Index(fields=["household_id", "id"], name="market_allocation_household")]


class Settlement(models.Model):
    """The paying-out of one order: what the buyer paid and who received it. One per order, append-only."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="settlement")
    transaction = models.OneToOneField("ledger.Transaction", on_delete=models.PROTECT, related_name="+")
    paid_fen = models.BigIntegerField()
    refunded_fen = models.BigIntegerField()
    households_fen = models.BigIntegerField()
    coop_fen = models.BigIntegerField()
    logistics_fen = models.BigIntegerField()
    residual_fen = models.BigIntegerField()
    settled_by_id = models.BigIntegerField(null=True)
    settled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    paid_fen=F("refunded_fen")
                    + F("households_fen")
                    + F("coop_fen")
                    + F("logistics_fen")
                    + F("residual_fen")
                ),
                name="market_settlement_conserves",
            ),
        ]
