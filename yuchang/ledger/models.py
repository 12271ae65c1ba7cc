"""The book: double entry in integer fen, append-only, down to the household.

Sign: a positive leg is money the account's owner receives, a negative leg money the owner gives.
What the database itself enforces stands in ``migrations/0002_guards.py``.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yuchang.core.phrases import in_chinese
from yuchang.places.models import Place, Placed


class Way(models.TextChoices):
    """The way in which money reaches a household (利益联结方式)."""

    DIRECT = "direct", _("直接带动")
    VALUE_CHAIN = "value_chain", _("产业链带动")
    SPILL_OVER = "spill_over", _("溢出带动")


class Account(Placed):
    """Whose money it is. Households and organisations have one each, a place one of every other kind."""

    class Kind(models.TextChoices):
        HOUSEHOLD = "household", pgettext_lazy("one", "农户")
        ORGANISATION = "organisation", pgettext_lazy("one", "单位")
        FUND = "fund", _("资金")
        FEE = "fee", _("平台服务费")
        RESIDUAL = "residual", _("尾差")
        CLEARING = "clearing", _("货款待结")

    kind = models.CharField(max_length=20, choices=Kind)
    household = models.ForeignKey(
        "registry.Household", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    organisation = models.ForeignKey(
        "partners.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=120)
    opened_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="household", household__isnull=False, organisation__isnull=True)
                | Q(kind="organisation", organisation__isnull=False, household__isnull=True)
                | Q(
                    kind__in=["fund", "fee", "residual", "clearing"],
                    household__isnull=True,
                    organisation__isnull=True,
                ),
                name="ledger_account_one_owner",
            ),
            models.UniqueConstraint(
                fields=["household"], condition=Q(kind="household"), name="ledger_account_household"
            ),
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(kind="organisation"), name="ledger_account_organisation"
            ),
            models.UniqueConstraint(
                fields=["kind", "place", "name"],
                condition=Q(household__isnull=True, organisation__isnull=True),
                name="ledger_account_of_place",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def said(self) -> str:
        """The name in the reader's language: that of a place's account ends with the word of its kind."""
        word = in_chinese(self.Kind(self.kind).label)
        place = self.name.removesuffix(f" {word}")
        return self.name if place == self.name else f"{place} {self.get_kind_display()}"


class Transaction(Placed):
    """One event in the book. ``(source, source_id, kind)`` names the event, so it is booked once.

    ``payer`` is the account whose money moves on (the buyer of a settled order): flows are grouped by it.
    """

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("收款")
        SETTLEMENT = "settlement", _("结算")
        REFUND = "refund", _("退款")
        TRANSFER = "transfer", _("划转")
        REVERSAL = "reversal", _("冲正")

    source = models.CharField(max_length=40)
    source_id = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind)
    channel = models.CharField(max_length=20, blank=True)
    payer = models.ForeignKey(Account, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    booked_at = models.DateTimeField()
    booked_on = models.DateField()
    memo = models.CharField(max_length=200, blank=True)
    reverses = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by"
    )
    created_in = models.BigIntegerField(db_default=Func(function="txid_current"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "source_id", "kind"], name="ledger_transaction_once"),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False)
                | (~Q(kind="reversal") & Q(reverses__isnull=True)),
                name="ledger_transaction_reversal",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "booked_on", "id"], name="ledger_tx_county"),
            models.Index(fields=["township_id", "booked_on", "id"], name="ledger_tx_township"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.source_id} {self.kind}"


class Leg(Placed):
    """One account's part in a transaction, in signed fen. ``order_line_id`` is a number of the market.

    The place keys are those of the account on the day of booking; ``household_id`` is its owner.
    All legs of a transaction are inserted by one statement.
    """

    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", db_index=False)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="legs")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="legs", db_index=False)
    amount_fen = models.BigIntegerField()
    household_id = models.BigIntegerField(null=True, blank=True)
    order_line_id = models.BigIntegerField(null=True, blank=True)
    way = models.CharField(max_length=20, choices=Way, blank=True)
    booked_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount_fen=0), name="ledger_leg_not_zero"),
            models.CheckConstraint(condition=Q(way__in=["", *Way.values]), name="ledger_leg_known_way"),
        ]
        indexes = [
            models.Index(fields=["account", "booked_on", "id"], name="ledger_leg_account"),
            models.Index(
                fields=["household_id", "booked_on", "id"],
                condition=Q(household_id__isnull=False),
                name="ledger_leg_household",
                include=["amount_fen"],
            ),
            models.Index(
                fields=["county_id", "booked_on", "id"],
                condition=Q(household_id__isnull=False),
                name="ledger_leg_county",
            ),
            models.Index(
                fields=["township_id", "booked_on", "id"],
                condition=Q(household_id__isnull=False),
                name="ledger_leg_township",
            ),
            models.Index(
                fields=["village_id", "booked_on", "id"],
                condition=Q(household_id__isnull=False),
                name="ledger_leg_village",
            ),
            models.Index(
                F("order_line_id"), condition=Q(order_line_id__isnull=False), name="ledger_leg_line"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount_fen}"
