"""What the public zone may see (published copies, masked) and what it may hand in (intake).

The public zone works under its own database role, which reads the published tables and adds to the
intake, and nothing else (``migrations/0002_guards.py``). Nothing here points at inside tables: the zone
can move to another machine. No ID number, phone, health or disability stands in any column.
"""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.factors import real_now

# Seven digits in a row could be a telephone, card or ID number; no published text needs them.
PRIVATE = r"[0-9]{7,}"
_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def receipt_code() -> str:
    """Ten signs without look-alikes, by which a sender finds the objection again."""
    return "".join(secrets.choice(_SIGNS) for _i in range(10))


def public_code() -> str:
    """Twelve random signs that name a published thing; never derived from an inside number."""
    return "".join(secrets.choice(_SIGNS) for _i in range(12))


class PublishedCounty(models.Model):
    """One publication of a county's totals. Append-only: a correction is the next publication.

    Amounts in fen; a figure that could say something about fewer than ten households is NULL.
    ``money_as_of`` is earlier than ``as_of`` where the figures of an earlier publication were repeated.
    ``sankey`` is chart data, ``causes`` pairs of cause group and number of households,
    small groups joined. ``content_hash`` is the SHA-256 of the canonical text of the figures;
    ``log_size`` and ``log_root`` name the audit log as it stood.
    """

    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    county_name = models.CharField(max_length=100)
    region_name = models.CharField(max_length=300)
    from_on = models.DateField()
    as_of = models.DateField()
    households_listed = models.IntegerField(null=True)
    matched_count = models.IntegerField(null=True)
    matched_fen = models.BigIntegerField(null=True)
    sold_fen = models.BigIntegerField(null=True)
    paid_fen = models.BigIntegerField(null=True)
    households_paid = models.IntegerField(null=True)
    money_as_of = models.DateField(null=True)
    sankey = models.JSONField()
    causes = models.JSONField()
    content_hash = models.CharField(max_length=64)
    log_size = models.BigIntegerField(default=0)
    log_root = models.CharField(max_length=64, blank=True, default="")
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    households_listed__gte=0,
                    matched_count__gte=0,
                    matched_fen__gte=0,
                    sold_fen__gte=0,
                    paid_fen__gte=0,
                    households_paid__gte=0,
                ),
                name="portal_county_not_negative",
            ),
            models.CheckConstraint(condition=Q(as_of__gte=F("from_on")), name="portal_county_dates"),
        ]
        indexes = [models.Index(fields=["county_code", "-id"], name="portal_county_latest")]


class PublishedNotice(models.Model):
    """A live public notice of one village, until ``expires_on`` (the last day on which it shows)."""

    code = models.CharField(max_length=12, unique=True)
    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    township_name = models.CharField(max_length=100)
    village_name = models.CharField(max_length=100)
    opens_on = models.DateField()
    expires_on = models.DateField()
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_on__gte=F("opens_on")), name="portal_notice_dates")
        ]
        indexes = [models.Index(fields=["county_code", "expires_on", "id"], name="portal_notice_county")]


class PublishedNoticeEntry(models.Model):
    """One household of a notice, as anyone may see it: 张某某, size, and a cause without health detail."""

    notice = models.ForeignKey(PublishedNotice, on_delete=models.CASCADE, related_name="entries")
    code = models.CharField(max_length=12, unique=True)
    masked_name = models.CharField(max_length=20)
    size = models.SmallIntegerField()
    cause_group = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(masked_name__endswith="某某") & ~Q(masked_name__regex=r"[0-9]"),
                name="portal_entry_is_masked",
            )
        ]


class PublishedRound(models.Model):
    """A round of orders, from its opening until ``expires_on``: what is sold, and what was promised."""

    code = models.CharField(max_length=12, unique=True, default=public_code)
    round_id = models.BigIntegerField(unique=True)
    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    county_name = models.CharField(max_length=100)
    title = models.CharField(max_length=80)
    seller_name = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=20)
    sales_from = models.DateTimeField()
    sales_to = models.DateTimeField()
    deliver_on = models.DateField()
    promise = models.CharField(max_length=200)
    shortfall_rule = models.CharField(max_length=20)
    published_at = models.DateTimeField()
    expires_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(title__regex=PRIVATE)
                & ~Q(promise__regex=PRIVATE)
                & ~Q(seller_name__regex=PRIVATE),
                name="portal_round_no_numbers",
            )
        ]
        indexes = [models.Index(fields=["county_code", "sales_to", "id"], name="portal_round_county")]


class PublishedGoods(models.Model):
    """One kind of goods of a published round, and later its way: the page behind the code on the box.

    Per unit, in fen: ``grower + coop + logistics + residual = price``. ``growers`` is NULL below ten
    households; then the harvest (quantity and days) is NULL, too, for it would be a household's.
    """

    round = models.ForeignKey(PublishedRound, on_delete=models.CASCADE, related_name="goods")
    code = models.CharField(max_length=12, unique=True, default=public_code)
    offer_id = models.BigIntegerField(unique=True)
    title = models.CharField(max_length=80)
    unit = models.CharField(max_length=20)
    price_fen = models.BigIntegerField()
    grower_fen = models.BigIntegerField()
    coop_fen = models.BigIntegerField()
    logistics_fen = models.BigIntegerField()
    residual_fen = models.BigIntegerField()
    cap = models.BigIntegerField()
    sold = models.BigIntegerField()
    growers = models.IntegerField(null=True)
    harvested = models.BigIntegerField(null=True)
    lost = models.BigIntegerField(null=True)
    harvested_from = models.DateField(null=True)
    harvested_to = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(title__regex=PRIVATE), name="portal_goods_no_numbers"),
            models.CheckConstraint(
                condition=Q(growers__isnull=True) | Q(growers__gte=10), name="portal_goods_ten_growers"
            ),
            models.CheckConstraint(
                condition=Q(growers__isnull=False)
                | Q(harvested__isnull=True, lost__isnull=True, harvested_from__isnull=True),
                name="portal_goods_no_single_harvest",
            ),
        ]


class PublishedTable(models.Model):
    """One release of open data: counts of households by two groups, suppressed as ``rules.groups`` says.

    ``rows`` holds row keys, column keys and cells; NULL is "fewer than ten, or hidden for another's
    sake". Append-only until ``expires_on``, so that the next release can be held against every earlier one.
    """

    code = models.CharField(max_length=12, unique=True, default=public_code)
    dataset = models.CharField(max_length=40)
    county_id = models.BigIntegerField()
    county_code = models.CharField(max_length=12)
    county_name = models.CharField(max_length=100)
    as_of = models.DateField()
    rows = models.JSONField()
    published_at = models.DateTimeField()
    expires_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["county_code", "dataset", "-id"], name="portal_table_county")]


class PublishedFile(models.Model):
    """A file that anyone may download until ``expires_on``. The content lies here and nowhere else."""

    code = models.CharField(max_length=12, unique=True, default=public_code)
    table = models.ForeignKey(PublishedTable, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=100)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    expires_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "name"], name="portal_file_once"),
        ]


class PublishedReceipt(models.Model):
    """What became of something handed in, under its receipt: a state and a day, never a reason or a name."""

    class State(models.TextChoices):
        RECEIVED = "received", _("已收到，正在核实")
        UPHELD = "upheld", _("核实属实，已更正")
        REJECTED = "rejected", _("经核实，与反映的不符")
        CLOSED = "closed", _("公示已结束，已转乡镇处理")
        CHECKING = "checking", _("登记已送达，正在审核")
        ADMITTED = "admitted", _("已通过核验，引荐县会联系您开通账号")
        DECLINED = "declined", _("未通过核验")
        UNFIT = "unfit", _("未受理：登记内容有误，或该机构已登记")

    receipt = models.CharField(max_length=10, unique=True)
    state = models.CharField(max_length=10, choices=State)
    decided_on = models.DateField(null=True)
    expires_on = models.DateField()


class ObjectionIntake(models.Model):
    """An objection as it came in. The public zone adds; only the inside reads, collects and empties.

    ``sender_hash`` is a keyed hash of the sender's network address, kept to bound the number per hour of real
    time: ``arrived_at`` is the true instant, ``received_at`` that of the working day, which may be simulated.
    ``sent_in`` (outside) and ``carried_in`` (inside) number the bundle that carried it;
    ``objection_id`` is what it became in the register.
    """

    receipt = models.CharField(max_length=10, unique=True, default=receipt_code)
    entry_code = models.CharField(max_length=12)
    text = models.CharField(max_length=1000)
    sender_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    arrived_at = models.DateTimeField(default=real_now)
    collected_at = models.DateTimeField(null=True)
    objection_id = models.BigIntegerField(null=True, unique=True)
    sent_in = models.IntegerField(null=True)
    carried_in = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="portal_intake_has_text"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(collected_at__isnull=True), name="portal_intake_waiting"),
            models.Index(fields=["sender_hash", "arrived_at"], name="portal_intake_arrived"),
        ]


class RegistrationIntake(models.Model):
    """An organisation that asked to be registered. The public zone adds; only the inside reads and empties.

    ``sealed`` holds what it wrote, readable with this zone's bundle key alone, emptied once it was taken
    in. ``host_code`` is the county that is to check it. ``organisation_id`` is what it became; NULL with
    ``collected_at`` set means that it was not fit.
    """

    receipt = models.CharField(max_length=10, unique=True, default=receipt_code)
    host_code = models.CharField(max_length=12)
    sealed = models.BinaryField()
    sender_hash = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    collected_at = models.DateTimeField(null=True)
    organisation_id = models.BigIntegerField(null=True, unique=True)
    sent_in = models.IntegerField(null=True)
    carried_in = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(host_code__regex=r"^[0-9]{12}$"), name="portal_registration_host"
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(collected_at__isnull=True), name="portal_registration_waiting"
            ),
            models.Index(fields=["sender_hash", "received_at"], name="portal_registration_sender"),
        ]


class Release(models.Model):
    """Inside only: which part of the books a county's published money figures counted.

    The next publication is compared with these, so that no two of them differ by a few households.
    ``last_leg`` is the highest number of a leg that was counted.
    """

    county_id = models.BigIntegerField()
    published = models.OneToOneField(PublishedCounty, on_delete=models.PROTECT, related_name="+")
    from_on = models.DateField()
    as_of = models.DateField()
    last_leg = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["county_id", "id"], name="portal_release_county")]


class Outbox(models.Model):
    """Inside only: a published row that was added, changed or removed and has not been carried out.

    Filled by triggers on every published table, so that no publication can forget it.
    """

    table_name = models.CharField(max_length=63)
    row_id = models.BigIntegerField()
    bundle = models.IntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(bundle__isnull=True), name="portal_outbox_waiting")
        ]


class Stream(models.TextChoices):
    """Which way a bundle goes."""

    PUBLICATIONS = "publications", _("公开内容，由内到外")
    INTAKE = "intake", _("收到的异议和机构登记，由外到内")


class Bundle(models.Model):
    """One signed bundle, sent or received. Each names the one before: a gap or a fork cannot pass.

    ``content`` is the file itself, kept until the other side confirmed it. ``acknowledged`` is the
    number of the other stream's bundle that this one confirms (0: none).
    """

    stream = models.CharField(max_length=20, choices=Stream)
    is_sent = models.BooleanField()
    number = models.IntegerField()
    is_complete = models.BooleanField(default=False)
    manifest_hash = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    lines = models.IntegerField()
    size = models.BigIntegerField()
    acknowledged = models.IntegerField(default=0)
    at = models.DateTimeField()
    by_id = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    content = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream", "is_sent", "number"], name="portal_bundle_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="portal_bundle_number"),
        ]

    @property
    def file_name(self) -> str:
        """By which name it is carried; names sort in the order of applying."""
        return f"yuchang-{self.stream}-{self.number:06d}.zip"


class Peer(models.Model):
    """The other zone's public keys, as a person compared and accepted them. The newest row counts."""

    name = models.CharField(max_length=20)
    sign_key = models.CharField(max_length=64)
    seal_key = models.CharField(max_length=64)
    trusted_at = models.DateTimeField()
    trusted_by_id = models.BigIntegerField(null=True)


# The published tables, in the order in which rows may be added; removed in the opposite order.
PUBLISHED: tuple[type[models.Model], ...] = (
    PublishedCounty,
    PublishedNotice,
    PublishedNoticeEntry,
    PublishedRound,
    PublishedGoods,
    PublishedTable,
    PublishedFile,
    PublishedReceipt,
)
INTAKE: tuple[type[models.Model], ...] = (ObjectionIntake, RegistrationIntake)
# Published once and never changed (0002_guards, 0004_zone_guards).
APPEND_ONLY = frozenset({"portal_publishedcounty", "portal_publishedtable"})
