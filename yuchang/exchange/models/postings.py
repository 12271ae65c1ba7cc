"""What people and organisations offer and need, and what they look for."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yuchang.core.models import Versioned
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
        HOUSEHOLD = "household", pgettext_lazy("one", "农户")
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
