"""Offers and needs of everyone, the frozen clearings, and the way from a match to an agreement."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.exchange.clearing.side_rows import ROW_MAX_FEN
from yuchang.exchange.models_deals import Side, Why
from yuchang.places.models import Placed

QUANTITY_MAX = 1_000_000_000
"""No posting is larger: 1,000,000 tonnes if the unit is kilograms."""
PRICE_MAX_FEN = 100_000_000
"""No unit costs more: one million yuan."""


class Direction(models.TextChoices):
    """The two kinds of posting, and the two sides of a match."""

    OFFER = "offer", _("供给")
    NEED = "need", _("需求")


UNSETTLED = ("draft", "open")
"""Postings that can still be changed; nobody has the very same one twice among them."""
HOLDING_RESOURCE = ("draft", "open", "matched")
"""Postings that hold the resource they were made from."""


class Category(models.Model):
    """One kind of thing that is offered and needed; leaves only are posted.

    Shipped in ``categories.yaml``. ``unit`` is the smallest unit sold and the unit of every
    quantity and price. ``radius_km`` is the usual reach (null: the whole country);
    ``transport_fen_100km`` the cost of carrying one unit 100 km.
    """

    code = models.CharField(max_length=60, primary_key=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    unit = models.CharField(max_length=20, blank=True)
    unit_en = models.CharField(max_length=20, blank=True)
    aliases = ArrayField(models.CharField(max_length=30), default=list)
    radius_km = models.PositiveIntegerField(null=True)
    transport_fen_100km = models.PositiveIntegerField(default=0)
    is_leaf = models.BooleanField(default=True)
    is_seasonal = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [GinIndex(fields=["aliases"], name="exchange_category_aliases")]

    def __str__(self) -> str:
        return self.name_zh


class Posting(Versioned, Placed):
    """What one participant can give or needs.

    ``limit_fen`` is private: the least an offer accepts, the most a need pays, per unit. It never
    leaves to the other side (``queries`` masks it). ``agreed_quantity`` is what agreements hold,
    ``fulfilled`` what of it was delivered and accepted. ``limit_set_at``: when the limit was last corrected;
    what was declined for its price before teaches clearings nothing any more.
    ``terms`` are the words of the note (``searching.terms_of``), written with it, so that a search finds
    a posting in the moment it is posted.

    ``min_lot`` is the least that one partner takes or gives; ``certificates`` are those an offer has and a
    need asks for (codes of ``rules.CERTIFICATES``). ``quantity`` is in the category's unit; ``entered_unit``
    is the one it was entered in. A repeating posting has ``previous`` (nobody repeats one twice) and the
    window of the first, from which every later one is reckoned. ``content_key`` keeps the same posting
    from being live twice (``rules.content_key``; empty for what was posted before there was one).
    """

    class OwnerKind(models.TextChoices):
        HOUSEHOLD = "household", _("农户")
        VILLAGE = "village", _("村集体")
        ORGANISATION = "organisation", _("机构")

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        OPEN = "open", _("待撮合")
        MATCHED = "matched", _("已约满")
        FULFILLED = "fulfilled", _("已履约")
        WITHDRAWN = "withdrawn", _("已撤回")
        EXPIRED = "expired", _("已过期")

    class Repeats(models.TextChoices):
        YEAR = "year", _("每年")
        MONTH = "month", _("每月")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    direction = models.CharField(max_length=10, choices=Direction)
    owner_kind = models.CharField(max_length=20, choices=OwnerKind)
    household = models.ForeignKey(
        "registry.Household", null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    organisation = models.ForeignKey(
        "partners.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    resource = models.ForeignKey(
        "registry.Resource", null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    quantity = models.BigIntegerField()
    agreed_quantity = models.BigIntegerField(default=0)
    fulfilled = models.BigIntegerField(default=0, db_default=0)
    unit = models.CharField(max_length=20)
    limit_fen = models.BigIntegerField()
    limit_set_at = models.DateTimeField(null=True, blank=True)
    window_from = models.DateField()
    window_to = models.DateField()
    radius_km = models.PositiveIntegerField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    entered_by_id = models.BigIntegerField(null=True)
    terms = ArrayField(models.CharField(max_length=60), default=list)
    min_lot = models.BigIntegerField(default=1, db_default=1)
    certificates = ArrayField(models.CharField(max_length=20), default=list, db_default=[])
    entered_unit = models.CharField(max_length=20, blank=True, default="", db_default="")
    repeats = models.CharField(max_length=5, choices=Repeats, blank=True, default="", db_default="")
    repeat_until = models.DateField(null=True, blank=True)
    first_from = models.DateField(null=True, blank=True)
    first_to = models.DateField(null=True, blank=True)
    previous = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="next_one"
    )
    content_key = models.CharField(max_length=32, blank=True, default="", db_default="")
    import_batch_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(min_lot__gte=1, min_lot__lte=F("quantity")), name="exchange_posting_min_lot"
            ),
            models.CheckConstraint(
                condition=Q(repeats="", previous__isnull=True)
                | Q(repeats__in=["year", "month"], first_from__isnull=False, first_to__isnull=False),
                name="exchange_posting_repeats",
            ),
            models.UniqueConstraint(
                fields=["content_key"],
                condition=Q(state__in=["draft", "open"]) & ~Q(content_key=""),
                name="exchange_posting_no_twin",
            ),
            models.CheckConstraint(
                condition=Q(direction__in=["offer", "need"]), name="exchange_posting_direction"
            ),
            models.CheckConstraint(
                condition=Q(owner_kind="household", household__isnull=False, organisation__isnull=True)
                | Q(
                    owner_kind="village",
                    household__isnull=True,
                    organisation__isnull=True,
                    village_id__isnull=False,
                )
                | Q(owner_kind="organisation", household__isnull=True, organisation__isnull=False),
                name="exchange_posting_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lte=QUANTITY_MAX), name="exchange_posting_quantity"
            ),
            models.CheckConstraint(
                condition=Q(agreed_quantity__gte=0, agreed_quantity__lte=F("quantity")),
                name="exchange_posting_not_oversold",
            ),
            models.CheckConstraint(
                condition=Q(fulfilled__gte=0, fulfilled__lte=F("agreed_quantity")),
                name="exchange_posting_fulfilled",
            ),
            models.CheckConstraint(
                condition=Q(limit_fen__gte=0, limit_fen__lte=PRICE_MAX_FEN), name="exchange_posting_limit"
            ),
            models.CheckConstraint(
                condition=Q(window_to__gte=F("window_from")), name="exchange_posting_window"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "open", "matched", "fulfilled", "withdrawn", "expired"]),
                name="exchange_posting_state",
            ),
            models.UniqueConstraint(
                fields=["resource"],
                condition=Q(state__in=["draft", "open", "matched"]),
                name="exchange_posting_one_per_resource",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="exchange_posting_county"),
            models.Index(fields=["village_id", "-id"], name="exchange_posting_village"),
            models.Index(fields=["township_id", "-id"], name="exchange_posting_township"),
            models.Index(fields=["organisation", "-id"], name="exchange_posting_org"),
            models.Index(fields=["household", "-id"], name="exchange_posting_household"),
            models.Index(
                fields=["category", "direction"], condition=Q(state="open"), name="exchange_posting_open"
            ),
            models.Index(fields=["updated_at"], condition=Q(state="open"), name="exchange_posting_fresh"),
            models.Index(
                fields=["id"],
                condition=Q(terms=[], state__in=["draft", "open"]) & ~Q(note=""),
                name="exchange_posting_unread_note",
            ),
            models.Index(
                fields=["window_to", "id"], condition=~Q(repeats=""), name="exchange_posting_repeating"
            ),
            models.Index(
                fields=["import_batch_id"],
                condition=Q(import_batch_id__isnull=False),
                name="exchange_posting_import",
            ),
            models.Index(
                fields=["category", "direction", "-id"],
                condition=Q(state="open"),
                name="exchange_posting_newest",
            ),
            models.Index(
                fields=["category", "direction", "limit_fen", "id"],
                condition=Q(state="open"),
                name="exchange_posting_limits",
            ),
            models.Index(
                fields=["organisation", "state", "direction", "id"], name="exchange_posting_org_state"
            ),
            models.Index(
                fields=["county_id", "state", "direction", "id"],
                condition=Q(organisation__isnull=True),
                name="exchange_posting_county_state",
            ),
            models.Index(
                fields=["organisation", "category", "direction", "id"],
                condition=Q(state="open"),
                name="exchange_posting_org_open",
            ),
            *(
                models.Index(
                    fields=[f"{of}_id", "category", "direction", "id"],
                    condition=Q(state="open", organisation__isnull=True),
                    name=f"exchange_posting_{of}_open",
                )
                for of in ("county", "township", "village")
            ),
        ]

    @property
    def left(self) -> int:
        """What no agreement holds."""
        return self.quantity - self.agreed_quantity


class PostingPhoto(models.Model):
    """A picture of what a posting is about, for everybody in the exchange. Append-only."""

    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="photos")
    file = models.OneToOneField("files.StoredFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["posting", "id"], name="exchange_photo_posting")]


class SavedSearch(Versioned):
    """What one person looks for again and again; new postings that answer it become notices.

    ``criteria`` is what the search page's address says (``searching.Criteria``).
    """

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    criteria = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=Q(is_active=True), name="exchange_search_name_once"
            ),
        ]

    @property
    def query(self) -> str:
        """The address of the search page that looks for this."""
        kept = {name: value for name, value in self.criteria.items() if name not in ("text", "county_id")}
        return urlencode({"q": self.criteria.get("text", ""), **kept})


class Told(models.Model):
    """A posting of which a saved search has told its person: never twice. Append-only."""

    search = models.ForeignKey(SavedSearch, on_delete=models.PROTECT, related_name="+")
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["search", "posting"], name="exchange_told_once"),
        ]


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


class Scenario(Versioned):
    """A what-if asked of a draft: parameters, how far the computing is, and the frozen run it became.

    Scoped through ``draft``. A task computes it (``tasks.compute_scenario``); ``run`` is then its result.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("计算中")
        DONE = "done", _("已算完")
        FAILED = "failed", _("不能计算")
        CANCELLED = "cancelled", _("已停止")

    draft = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="scenarios")
    name = models.CharField(max_length=60)
    parameters = models.JSONField()
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    run = models.OneToOneField(Clearing, null=True, on_delete=models.PROTECT, related_name="scenario")
    asked_by_id = models.BigIntegerField()
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="done", run__isnull=False)
                | Q(state__in=["queued", "running", "failed", "cancelled"], run__isnull=True),
                name="exchange_scenario_done_has_run",
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_scenario_percent"),
            models.UniqueConstraint(fields=["draft", "name"], name="exchange_scenario_name_once"),
        ]


class Replay(Versioned):
    """A stored run computed and checked once more, by whom and with what result. Scoped through ``clearing``.

    A task computes it (``tasks.recompute``); its result is kept and never changes.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("计算中")
        DONE = "done", _("已算完")
        FAILED = "failed", _("不能计算")

    clearing = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="replays")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    is_same = models.BooleanField(null=True)
    is_accepted = models.BooleanField(null=True)
    result_hash = models.CharField(max_length=64, blank=True)
    asked_by_id = models.BigIntegerField()
    asked_by_name = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="done", is_same__isnull=False, is_accepted__isnull=False)
                & ~Q(result_hash="")
                | Q(
                    state__in=["queued", "running", "failed"], is_same__isnull=True, is_accepted__isnull=True
                ),
                name="exchange_replay_done_has_result",
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_replay_percent"),
            models.UniqueConstraint(
                fields=["clearing"],
                condition=Q(state__in=["queued", "running"]),
                name="exchange_replay_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["clearing", "-id"], name="exchange_replay_clearing")]


class Publication(Versioned):
    """How far a run's proposals have gone out to both sides, asked by whom. One per run; of a draft and its
    scenarios one at most is under way or decided. Scoped through ``clearing``.

    Decided (``decided_at``), every proposal is written down as ``Unsent`` and goes out portion by portion;
    from then on the run can neither be discarded nor exchanged for another scenario. It ends ``done``, and
    the run ``published``, with the last portion; a failed one is gone on with. ``draft`` is the root of the
    run and its scenarios, ``turn`` the order of the decisions: the later replaces what the earlier proposed.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("发布中")
        DONE = "done", _("已发完")
        FAILED = "failed", _("未能发布")

    clearing = models.OneToOneField(Clearing, on_delete=models.PROTECT, related_name="publication")
    draft = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="publications")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    total = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    explained = models.PositiveIntegerField(default=0)
    asked_by_id = models.BigIntegerField()
    asked_by_name = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(null=True, unique=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_publication_percent"),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, turn__isnull=True)
                | Q(decided_at__isnull=False, turn__isnull=False),
                name="exchange_publication_turn",
            ),
            models.CheckConstraint(
                condition=Q(sent__lte=F("total")) & (Q(decided_at__isnull=False) | Q(total=0)),
                name="exchange_publication_sent",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(decided_at__isnull=False, finished_at__isnull=False),
                name="exchange_publication_done",
            ),
            models.UniqueConstraint(
                fields=["draft"],
                condition=Q(state__in=["queued", "running", "done"]) | Q(decided_at__isnull=False),
                name="exchange_publication_one",
            ),
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
