"""What limits a run besides its postings: budgets of organisations, and help in an emergency."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.exchange.clearing.side_rows import ROW_MAX_FEN
from yuchang.exchange.models.clearings import Match
from yuchang.exchange.models.postings import PRICE_MAX_FEN, QUANTITY_MAX, Category, Posting
from yuchang.places.models import Placed


class Budget(Versioned):
    """What an organisation can pay in all until a day, stated by itself and never shown to others.

    What is agreed after ``set_at``, and what is being talked about, is taken off (``budgets.budgets_left``).
    """

    organisation = models.OneToOneField(
        "partners.Organisation", on_delete=models.PROTECT, related_name="budget"
    )
    amount_fen = models.BigIntegerField()
    until = models.DateField()
    set_at = models.DateTimeField()
    set_by_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gte=0, amount_fen__lte=ROW_MAX_FEN), name="exchange_budget_amount"
            ),
        ]


FUND_MAX_FEN = 100_000_000_000
"""No emergency's help is larger: one billion yuan."""


class Emergency(Versioned, Placed):
    """Goods of a county that do not sell (滞销), and the help they get until a day. Place keys: the county's.

    One posting, or every open offer of households and villages of a category up to ``quantity``. In each
    clearing meanwhile they look for partners within ``radius_km`` (null: the whole country), and the fund
    pays up to ``help_fen`` a unit, ``fund_fen`` in all. Ends by itself after ``until``.
    """

    class State(models.TextChoices):
        LIVE = "live", _("滞销应急中")
        ENDED = "ended", _("已结束")

    posting = models.ForeignKey(Posting, null=True, on_delete=models.PROTECT, related_name="emergencies")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    until = models.DateField()
    reason = models.CharField(max_length=300)
    radius_km = models.PositiveIntegerField(null=True)
    help_fen = models.BigIntegerField(default=0)
    fund_fen = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.LIVE)
    declared_by_id = models.BigIntegerField(null=True)
    declared_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lte=QUANTITY_MAX), name="exchange_emergency_quantity"
            ),
            models.CheckConstraint(
                condition=Q(help_fen__gte=0, help_fen__lte=PRICE_MAX_FEN)
                & Q(fund_fen__gte=0, fund_fen__lte=FUND_MAX_FEN),
                name="exchange_emergency_money",
            ),
            models.CheckConstraint(
                condition=Q(state="live", ended_at__isnull=True) | Q(state="ended", ended_at__isnull=False),
                name="exchange_emergency_state",
            ),
            models.UniqueConstraint(
                fields=["posting"], condition=Q(state="live"), name="exchange_emergency_posting_once"
            ),
            models.UniqueConstraint(
                fields=["county_id", "category"],
                condition=Q(state="live", posting__isnull=True),
                name="exchange_emergency_category_once",
            ),
        ]
        indexes = [models.Index(fields=["county_id", "-id"], name="exchange_emergency_county")]


class EmergencyHelp(models.Model):
    """What an emergency's fund pays on one proposal, per unit, if it comes to an agreement. Append-only."""

    emergency = models.ForeignKey(Emergency, on_delete=models.PROTECT, related_name="helps")
    match = models.OneToOneField(Match, on_delete=models.PROTECT, related_name="emergency_help")
    help_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(help_fen__gte=0), name="exchange_emergencyhelp_money"),
        ]
