"""The frozen runs, what each posting gained in them, and the proposals they made."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.exchange.models.postings import Category, Posting


class Dual(models.Model):
    """What a posting gained per unit in the newest published clearing that saw it (its dual). Private."""

    posting = models.OneToOneField(Posting, primary_key=True, on_delete=models.PROTECT, related_name="dual")
    clearing = models.ForeignKey("Clearing", on_delete=models.PROTECT, related_name="+")
    gain_fen = models.BigIntegerField()
    on = models.DateField()


class FrozenManager(models.Manager["Clearing"]):
    """Runs without their bytes, which grow with the market: only ``inputs.thaw`` reads them."""

    def get_queryset(self) -> models.QuerySet[Clearing]:
        """Every column but the bytes."""
        return super().get_queryset().defer("inputs", "result", "context")


class Clearing(Versioned):
    """One frozen run: inputs, parameters and result as canonical bytes with their SHA-256.

    ``inputs`` and ``result`` are zlib-compressed JSON; the hashes are of the uncompressed bytes.
    Only a run whose certificate the independent checker accepted may be published; the database
    refuses anything else, and refuses to change what a run saw or found.

    A run without ``draft`` is the plain optimum of a day, and the draft of its scenarios: runs over the same
    frozen inputs with other ``parameters`` (floors, swaps, lots, inertia: ``clearing.terms.Parameters``).
    Of a draft and its scenarios at most one is ever published. ``context`` is what is known of the postings
    besides (``clearing.terms.Context``); ``outcome`` the figures that are compared.
    """

    class State(models.TextChoices):
        COMPUTED = "computed", _("待发布")
        PUBLISHED = "published", _("已发布")
        DISCARDED = "discarded", _("已作废")

    county = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    categories = ArrayField(models.CharField(max_length=60), default=list)
    engine = models.CharField(max_length=60)
    inputs = models.BinaryField()
    inputs_hash = models.CharField(max_length=64)
    result = models.BinaryField()
    result_hash = models.CharField(max_length=64)
    certificate = models.JSONField()
    is_certified = models.BooleanField()
    by_category = models.JSONField(default=list)
    draft = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="scenario_runs")
    name = models.CharField(max_length=60, blank=True)
    parameters = models.JSONField(default=dict)
    context = models.BinaryField(null=True)
    context_hash = models.CharField(max_length=64, blank=True)
    outcome = models.JSONField(default=dict)
    offer_count = models.PositiveIntegerField()
    need_count = models.PositiveIntegerField()
    edge_count = models.BigIntegerField()
    match_count = models.PositiveIntegerField()
    welfare_fen = models.BigIntegerField()
    value_fen = models.BigIntegerField()
    seconds = models.FloatField()
    state = models.CharField(max_length=20, choices=State, default=State.COMPUTED)
    run_by_id = models.BigIntegerField(null=True)
    run_at = models.DateTimeField()
    published_by_id = models.BigIntegerField(null=True)
    published_at = models.DateTimeField(null=True)

    objects = FrozenManager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["computed", "discarded"], published_at__isnull=True)
                | Q(state="published", is_certified=True, published_at__isnull=False),
                name="exchange_clearing_published_certified",
            ),
            models.UniqueConstraint(
                Coalesce("draft", "id"),
                condition=Q(state="published"),
                name="exchange_clearing_one_published",
            ),
        ]
        indexes = [models.Index(fields=["county", "-id"], name="exchange_clearing_county")]


class Seen(models.Model):
    """One posting as a published run saw it, with its dual: pages compare these, not the run. Append-only.

    Windows, limit (fen), radius (km, -1: anywhere) and certificates (bits) are those of the frozen columns;
    ``apart`` are the postings it is kept apart from. ``posting_id`` has no foreign key: half a million rows
    are written at once.
    """

    clearing = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="seen")
    posting_id = models.BigIntegerField()
    is_offer = models.BooleanField()
    category_id = models.CharField(max_length=60)
    owner = models.BigIntegerField()
    county_id = models.BigIntegerField()
    limit_fen = models.BigIntegerField()
    window_from = models.DateField()
    window_to = models.DateField()
    radius_km = models.IntegerField()
    certificates = models.IntegerField()
    dual_fen = models.BigIntegerField()
    apart = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clearing", "posting_id"], name="exchange_seen_once"),
        ]
        indexes = [
            models.Index(
                fields=["clearing", "category_id", "is_offer", "county_id", "posting_id"],
                name="exchange_seen_opposite",
            ),
        ]


class Match(Versioned):
    """A proposal to two sides: so much at this price. People decide.

    ``price_fen`` is what the offer receives per unit; the need pays it plus ``transport_fen``.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待回应")
        TALKING = "talking", _("洽谈中")
        AGREED = "agreed", _("已签约")
        DECLINED = "declined", _("已谢绝")
        SUPERSEDED = "superseded", _("已被新撮合取代")

    class Answer(models.TextChoices):
        PENDING = "pending", _("未回应")
        ACCEPTED = "accepted", _("愿意")
        DECLINED = "declined", _("谢绝")

    clearing = models.ForeignKey(Clearing, null=True, on_delete=models.PROTECT, related_name="matches")
    offer = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="offered_in")
    need = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="needed_in")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    price_fen = models.BigIntegerField()
    transport_fen = models.BigIntegerField(default=0)
    offer_gain_fen = models.BigIntegerField()
    need_gain_fen = models.BigIntegerField()
    distance_km = models.PositiveIntegerField(null=True)
    window_from = models.DateField()
    window_to = models.DateField()
    reason = models.JSONField()
    offer_answer = models.CharField(max_length=10, choices=Answer, default=Answer.PENDING)
    need_answer = models.CharField(max_length=10, choices=Answer, default=Answer.PENDING)
    state = models.CharField(max_length=20, choices=State, default=State.PROPOSED)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="exchange_match_quantity"),
            models.CheckConstraint(
                condition=Q(offer_gain_fen__gte=0, need_gain_fen__gte=0), name="exchange_match_both_gain"
            ),
            models.CheckConstraint(condition=~Q(offer=F("need")), name="exchange_match_two_postings"),
            models.UniqueConstraint(fields=["clearing", "offer", "need"], name="exchange_match_once"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="exchange_match_state"),
            models.Index(fields=["offer", "state"], name="exchange_match_offer"),
            models.Index(fields=["need", "state"], name="exchange_match_need"),
        ]


class Unsent(models.Model):
    """A proposal of a run that is decided and has not reached its sides yet: it becomes a ``Match``.

    What takes back an unanswered proposal takes back this one (``actions.postings.supersede``), and a budget
    holds it like a proposal. Never changed; no foreign keys to postings: 300,000 are written at once.
    """

    clearing = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="unsent", db_index=False)
    offer_id = models.BigIntegerField()
    need_id = models.BigIntegerField()
    category_id = models.CharField(max_length=60)
    quantity = models.BigIntegerField()
    price_fen = models.BigIntegerField()
    transport_fen = models.BigIntegerField()
    offer_gain_fen = models.BigIntegerField()
    need_gain_fen = models.BigIntegerField()
    distance_km = models.PositiveIntegerField(null=True)
    window_from = models.DateField()
    window_to = models.DateField()
    reason = models.JSONField()
    emergency_id = models.BigIntegerField(null=True)
    help_fen = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clearing", "offer_id", "need_id"], name="exchange_unsent_once"),
        ]
        indexes = [
            models.Index(fields=["clearing", "id"], name="exchange_unsent_next"),
            models.Index(fields=["offer_id"], name="exchange_unsent_offer"),
            models.Index(fields=["need_id"], name="exchange_unsent_need"),
        ]


class Leftover(models.Model):
    """Why some of a posting found no partner in one clearing, and what would change it. Append-only."""

    clearing = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="leftovers")
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="leftovers")
    quantity = models.BigIntegerField()
    code = models.CharField(max_length=30)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clearing", "posting"], name="exchange_leftover_once"),
        ]
        indexes = [models.Index(fields=["posting", "-id"], name="exchange_leftover_posting")]
