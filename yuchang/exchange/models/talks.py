"""The way from a proposal to an agreement."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.exchange.models.clearings import Match
from yuchang.exchange.models.deals import Side, Why
from yuchang.exchange.models.postings import PRICE_MAX_FEN, QUANTITY_MAX, Category, Direction, Posting
from yuchang.places.models import Placed


class Talk(Versioned):
    """The conversation of one match, and the terms on the table (last named by ``terms_side``)."""

    match = models.OneToOneField(Match, on_delete=models.PROTECT, related_name="talk")
    quantity = models.BigIntegerField()
    price_fen = models.BigIntegerField()
    delivery_from = models.DateField()
    delivery_to = models.DateField()
    terms_side = models.CharField(max_length=10, choices=Direction, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lte=QUANTITY_MAX), name="exchange_talk_quantity"
            ),
            models.CheckConstraint(
                condition=Q(price_fen__gte=0, price_fen__lte=PRICE_MAX_FEN), name="exchange_talk_price"
            ),
            models.CheckConstraint(
                condition=Q(delivery_to__gte=F("delivery_from")), name="exchange_talk_dates"
            ),
        ]


class Message(models.Model):
    """One line of a talk. Append-only."""

    class Kind(models.TextChoices):
        NOTE = "note", _("留言")
        ACCEPT = "accept", _("愿意")
        DECLINE = "decline", _("谢绝")
        COUNTER = "counter", _("还价")
        PROPOSE = "propose", _("提出协议")
        SIGN = "sign", _("签约")
        REFUSE = "refuse", _("不签")

    talk = models.ForeignKey(Talk, on_delete=models.PROTECT, related_name="messages")
    side = models.CharField(max_length=10, choices=Direction)
    kind = models.CharField(max_length=10, choices=Kind)
    author_id = models.BigIntegerField(null=True)
    author_name = models.CharField(max_length=60)
    text = models.CharField(max_length=1000, blank=True)
    code = models.CharField(max_length=10, choices=Why, blank=True, default="", db_default="")
    price_fen = models.BigIntegerField(null=True)
    quantity = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["talk", "id"], name="exchange_message_talk"),
            models.Index(fields=["talk"], condition=Q(code="price"), name="exchange_message_price"),
        ]


class Agreement(Versioned, Placed):
    """What both sides said yes to. Place keys are those of the offer (where it comes from).

    The database holds it: agreed means two yes of two different people, and agreed terms never change.
    ``fulfilled`` is what its deliveries came to. It ends fulfilled, or closed short of the quantity with the
    reason and yes of both sides (``closing_…`` asks, ``closed_…`` agrees); the rest returns to the postings.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待对方签字")
        AGREED = "agreed", _("已生效")
        REFUSED = "refused", _("未签成")
        FULFILLED = "fulfilled", _("已履约")
        CLOSED = "closed", _("已提前了结")

    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="agreements")
    offer = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="agreements_as_offer")
    need = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="agreements_as_need")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    price_fen = models.BigIntegerField()
    transport_fen = models.BigIntegerField(default=0)
    delivery_from = models.DateField()
    delivery_to = models.DateField()
    proposed_side = models.CharField(max_length=10, choices=Direction)
    offer_yes_by_id = models.BigIntegerField(null=True)
    offer_yes_name = models.CharField(max_length=60, blank=True)
    offer_yes_at = models.DateTimeField(null=True)
    need_yes_by_id = models.BigIntegerField(null=True)
    need_yes_name = models.CharField(max_length=60, blank=True)
    need_yes_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=20, choices=State, default=State.PROPOSED)
    agreed_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=300, blank=True)
    fulfilled = models.BigIntegerField(default=0, db_default=0)
    closing_side = models.CharField(max_length=10, choices=Side, blank=True, default="", db_default="")
    closing_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    closing_by_id = models.BigIntegerField(null=True)
    closing_at = models.DateTimeField(null=True)
    closed_by_id = models.BigIntegerField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lte=QUANTITY_MAX), name="exchange_agreement_quantity"
            ),
            models.CheckConstraint(
                condition=Q(fulfilled__gte=0, fulfilled__lte=F("quantity")),
                name="exchange_agreement_fulfilled",
            ),
            models.CheckConstraint(
                condition=~Q(state="fulfilled") | Q(fulfilled=F("quantity")),
                name="exchange_agreement_all_fulfilled",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed")
                | (
                    Q(closing_by_id__isnull=False, closed_by_id__isnull=False, closed_at__isnull=False)
                    & ~Q(closing_reason="")
                    & ~Q(closed_by_id=F("closing_by_id"))
                ),
                name="exchange_agreement_closed_by_two",
            ),
            models.CheckConstraint(
                condition=Q(price_fen__gte=0, price_fen__lte=PRICE_MAX_FEN), name="exchange_agreement_price"
            ),
            models.CheckConstraint(
                condition=Q(delivery_to__gte=F("delivery_from")), name="exchange_agreement_dates"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "refused"], agreed_at__isnull=True)
                | Q(
                    state__in=["agreed", "fulfilled", "closed"],
                    agreed_at__isnull=False,
                    offer_yes_by_id__isnull=False,
                    need_yes_by_id__isnull=False,
                    offer_yes_at__isnull=False,
                    need_yes_at__isnull=False,
                ),
                name="exchange_agreement_two_yes",
            ),
            models.CheckConstraint(
                condition=Q(offer_yes_by_id__isnull=True)
                | Q(need_yes_by_id__isnull=True)
                | ~Q(offer_yes_by_id=F("need_yes_by_id")),
                name="exchange_agreement_two_people",
            ),
            models.UniqueConstraint(
                fields=["match"],
                condition=Q(state__in=["proposed", "agreed", "fulfilled", "closed"]),
                name="exchange_agreement_one_live",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="exchange_agreement_county"),
            models.Index(fields=["offer", "state"], name="exchange_agreement_offer"),
            models.Index(fields=["need", "state"], name="exchange_agreement_need"),
        ]
