"""Households, members, their dated facts, causes, resources, notices and objections.

What is true now of a household stands on ``Household`` and ``Member`` (versioned; every older row is
kept in ``RowVersion`` by trigger). What was observed stands in the append-only fact tables: one wide
row per observation, empty columns are unknown, "now" is the latest row on or before a day.
"""

from __future__ import annotations

import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.places.models import Place, Placed
from yuchang.registry import codes


def random_code() -> str:
    """Twelve random signs that stand for a household or notice in public. They mean nothing."""
    return secrets.token_hex(6).upper()


def _known(column: str, values: codes.CodeList, *, blank: bool = False) -> Q:
    condition = Q(**{f"{column}__in": [c.code for c in values]})
    return condition | Q(**{column: ""}) if blank else condition


class Household(Versioned, Placed):
    """A household of the register. ``place`` is its village.

    ``state``: entered → verified (by a second person) → noticed → listed → exited; or removed.
    ``verified_by`` is empty while the latest entry or correction waits for the second person.
    ``search_keys`` holds names, their one- and two-character grams and initials of all members.
    ``content_hash`` is a keyed hash of what the official workbook says of it; empty = not computed.
    """

    class State(models.TextChoices):
        ENTERED = "entered", _("已录入")
        VERIFIED = "verified", _("已核实")
        NOTICED = "noticed", _("公示中")
        LISTED = "listed", _("已纳入")
        EXITED = "exited", _("已退出")
        REMOVED = "removed", _("已注销")

    household_key = "pk"  # see accounts.queries.household_key

    # Below, single-column indexes that a longer one already serves are left out: an import pays for each.
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+", db_index=False)

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.CharField(max_length=40, unique=True)
    public_code = models.CharField(max_length=12, default=random_code)
    hamlet = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.ENTERED)
    attribute = models.CharField(max_length=20)
    exit_attribute = models.CharField(max_length=20, default="not_exited")
    exit_year = models.SmallIntegerField(null=True, blank=True)
    size = models.SmallIntegerField()
    head_name = models.CharField(max_length=100)
    main_cause = models.CharField(max_length=20)
    search_keys = ArrayField(models.CharField(max_length=100), default=list)
    content_hash = models.BinaryField(null=True)
    batch_id = models.BigIntegerField(null=True)
    entered_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    entered_at = models.DateTimeField()
    verified_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    verified_at = models.DateTimeField(null=True)
    listed_on = models.DateField(null=True)
    exited_on = models.DateField(null=True)
    removed_reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_code"], name="registry_household_public_code"),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True)
                | (Q(entered_by__isnull=False) & ~Q(verified_by=F("entered_by"))),
                name="registry_household_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["verified", "noticed"]) | Q(verified_by__isnull=False),
                name="registry_household_verified_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["entered", "verified", "noticed", "listed", "exited", "removed"]),
                name="registry_household_known_state",
            ),
            models.CheckConstraint(
                condition=_known("attribute", codes.ATTRIBUTES), name="registry_household_attribute"
            ),
            models.CheckConstraint(
                condition=_known("exit_attribute", codes.EXIT_ATTRIBUTES),
                name="registry_household_exit_attribute",
            ),
            models.CheckConstraint(
                condition=_known("main_cause", codes.CAUSES), name="registry_household_main_cause"
            ),
            models.CheckConstraint(condition=Q(size__gte=1, size__lte=99), name="registry_household_size"),
            models.CheckConstraint(
                condition=Q(village_id__isnull=False), name="registry_household_in_a_village"
            ),
        ]
        indexes = [
            models.Index(fields=["province_id", "id"], name="registry_hh_province"),
            models.Index(fields=["prefecture_id", "id"], name="registry_hh_prefecture"),
            models.Index(fields=["county_id", "id"], name="registry_hh_county"),
            models.Index(fields=["township_id", "id"], name="registry_hh_township"),
            models.Index(fields=["village_id", "id"], name="registry_hh_village"),
            models.Index(fields=["county_id", "state", "id"], name="registry_hh_county_state"),
            models.Index(fields=["township_id", "state", "id"], name="registry_hh_township_state"),
            models.Index(fields=["village_id", "state", "id"], name="registry_hh_village_state"),
            models.Index(fields=["county_id", "main_cause", "id"], name="registry_hh_county_cause"),
            models.Index(fields=["county_id", "attribute", "id"], name="registry_hh_county_attribute"),
            models.Index(
                fields=["county_id", "id"],
                condition=Q(verified_by__isnull=True) & Q(state__in=["entered", "listed", "exited"]),
                name="registry_hh_to_verify",
            ),
            models.Index(fields=["batch_id"], condition=Q(batch_id__isnull=False), name="registry_hh_batch"),
            GinIndex(fields=["search_keys"], name="registry_hh_search"),
            # Where on the disk a range of numbers lies: a search reads what it finds there and no more.
            BrinIndex(fields=["id"], pages_per_range=16, autosummarize=True, name="registry_hh_numbers"),
        ]

    def __str__(self) -> str:
        return f"{self.head_name} ({self.number})"


# How a household's people are listed wherever they are listed.
HEAD_FIRST = (models.Case(models.When(relation="head", then=0), default=1), "number", "id")


class Member(Versioned):
    """A person of a household, from ``joined_on`` until ``left_on``.

    ID number and phone are sealed (labels ``member.id``, ``member.phone``; uid = ``uid``) with a blind
    index each (``member.id``, ``member.id_tail`` of the last six signs, ``member.phone``).
    A living person belongs to one household at a time, in the whole database.
    """

    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="members", db_index=False)
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    sex = models.CharField(max_length=10, blank=True, default="")
    birth_on = models.DateField(null=True)
    relation = models.CharField(max_length=20)
    ethnicity = models.CharField(max_length=2, blank=True, default="")
    id_sealed = models.BinaryField(null=True)
    id_blind = models.BinaryField(null=True)
    id_tail_blind = models.BinaryField(null=True)
    phone_sealed = models.BinaryField(null=True)
    phone_blind = models.BinaryField(null=True)
    joined_on = models.DateField()
    left_on = models.DateField(null=True)
    batch_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["number"], condition=Q(left_on__isnull=True), name="registry_member_number"
            ),
            models.UniqueConstraint(
                fields=["id_blind"], condition=Q(left_on__isnull=True), name="registry_member_one_household"
            ),
            models.UniqueConstraint(
                fields=["household"],
                condition=Q(left_on__isnull=True, relation="head"),
                name="registry_member_one_head",
            ),
            models.CheckConstraint(
                condition=_known("relation", codes.RELATIONS), name="registry_member_relation"
            ),
            models.CheckConstraint(
                condition=_known("sex", codes.SEXES, blank=True), name="registry_member_sex"
            ),
            models.CheckConstraint(
                condition=Q(id_blind__isnull=True) | Q(id_sealed__isnull=False),
                name="registry_member_id_sealed",
            ),
        ]
        indexes = [
            models.Index(fields=["household", "left_on", "id"], name="registry_member_household"),
            models.Index(fields=["id_tail_blind"], name="registry_member_id_tail"),
            models.Index(fields=["phone_blind"], name="registry_member_phone"),
        ]

    def __str__(self) -> str:
        return self.name


class Source(models.TextChoices):
    """Where an observation comes from."""

    WORKBOOK = "workbook", _("官方台账导入")
    FORM = "form", _("表单录入")
    VISIT = "visit", _("入户走访")
    COMPARISON = "comparison", _("部门比对")
    REPORT = "report", _("农户申报")
    UNDO = "undo", _("导入撤销")


class Observation(models.Model):
    """When it was observed, when and by whom recorded, and from which source. Append-only.

    Whom it names must exist: 0008 asks once for all rows of a statement, instead of once for each.
    """

    observed_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        "accounts.User",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    source = models.CharField(max_length=20, choices=Source)
    batch_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class HouseholdFacts(Observation):
    """One wide observation of a household. Every fact may be unknown (NULL). Money in fen a year."""

    household = models.ForeignKey(
        Household, on_delete=models.PROTECT, related_name="facts", db_index=False, db_constraint=False
    )
    size = models.SmallIntegerField(null=True)
    attribute = models.CharField(max_length=20, null=True)  # noqa: DJ001 - NULL is unknown
    exit_attribute = models.CharField(max_length=20, null=True)  # noqa: DJ001
    main_cause = models.CharField(max_length=20, null=True)  # noqa: DJ001
    net_income_per_head_fen = models.BigIntegerField(null=True)
    wage_income_fen = models.BigIntegerField(null=True)
    business_income_fen = models.BigIntegerField(null=True)
    transfer_income_fen = models.BigIntegerField(null=True)
    property_income_fen = models.BigIntegerField(null=True)
    production_expense_fen = models.BigIntegerField(null=True)
    compliant_medical_spending_fen = models.BigIntegerField(null=True)
    insurance_claims_fen = models.BigIntegerField(null=True)
    disaster_loss_fen = models.BigIntegerField(null=True)
    debt_fen = models.BigIntegerField(null=True)
    unsafe_house = models.CharField(max_length=4, null=True)  # noqa: DJ001
    safe_water = models.BooleanField(null=True)
    water_hardship = models.BooleanField(null=True)
    arable_land_mu_tenths = models.IntegerField(null=True)
    house_area_sqm = models.IntegerField(null=True)
    house_built_year = models.SmallIntegerField(null=True)
    is_relocated = models.BooleanField(null=True)
    has_electricity = models.BooleanField(null=True)
    has_broadband = models.BooleanField(null=True)
    in_cooperative = models.BooleanField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["household", "-observed_on", "-id"], name="registry_hhfacts_latest"),
            models.Index(
                fields=["batch_id"], condition=Q(batch_id__isnull=False), name="registry_hhfacts_batch"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(unsafe_house__isnull=True) | Q(unsafe_house__in=["no", "c", "d"]),
                name="registry_hhfacts_unsafe_house",
            )
        ]


class MemberFacts(Observation):
    """One wide observation of a person, health apart. NULL is unknown."""

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="facts", db_index=False, db_constraint=False
    )
    schooling = models.CharField(max_length=20, null=True)  # noqa: DJ001
    enrolment = models.CharField(max_length=20, null=True)  # noqa: DJ001
    labour = models.CharField(max_length=20, null=True)  # noqa: DJ001
    work_status = models.CharField(max_length=20, null=True)  # noqa: DJ001
    work_months = models.SmallIntegerField(null=True)
    wage_income_fen = models.BigIntegerField(null=True)
    has_medical_insurance = models.BooleanField(null=True)
    has_serious_illness_cover = models.BooleanField(null=True)
    has_pension = models.BooleanField(null=True)
    has_allowance = models.BooleanField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["member", "-observed_on", "-id"], name="registry_mfacts_latest"),
            models.Index(
                fields=["batch_id"], condition=Q(batch_id__isnull=False), name="registry_mfacts_batch"
            ),
        ]


class MemberHealth(Observation):
    """One observation of a person's health, under grants of its own: rules read it, the public zone never."""

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="health", db_index=False, db_constraint=False
    )
    health = ArrayField(models.CharField(max_length=10))
    disability_kind = models.CharField(max_length=20, null=True)  # noqa: DJ001
    disability_level = models.SmallIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["member", "-observed_on", "-id"], name="registry_mhealth_latest"),
            models.Index(
                fields=["batch_id"], condition=Q(batch_id__isnull=False), name="registry_mhealth_batch"
            ),
        ]


class Cause(models.Model):
    """Why a household is poor, from a day until a day: one main cause, at most two others at a time."""

    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="causes")
    code = models.CharField(max_length=20)
    is_main = models.BooleanField()
    since_on = models.DateField()
    until_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["household"],
                condition=Q(is_main=True, until_on__isnull=True),
                name="registry_cause_one_main",
            ),
            models.UniqueConstraint(
                fields=["household", "code"],
                condition=Q(until_on__isnull=True),
                name="registry_cause_once",
            ),
            models.CheckConstraint(condition=_known("code", codes.CAUSES), name="registry_cause_known"),
        ]


class Resource(Versioned, Placed):
    """What a household or a village has (offer) or needs. ``category`` is a code of the exchange's tree.

    ``quantity`` counts whole ``unit``s. A household's resource lies in its village; without a
    household it is the village's own.
    """

    class Direction(models.TextChoices):
        OFFER = "offer", _("能提供")
        NEED = "need", _("需要")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    household = models.ForeignKey(
        Household, null=True, blank=True, on_delete=models.PROTECT, related_name="resources"
    )
    direction = models.CharField(max_length=5, choices=Direction)
    kind = models.CharField(max_length=10)
    category = models.CharField(max_length=60)
    quantity = models.IntegerField()
    unit = models.CharField(max_length=20)
    season_from = models.DateField(null=True, blank=True)
    season_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, default="")
    declared_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="registry_resource_quantity"),
            models.CheckConstraint(
                condition=Q(direction__in=["offer", "need"]), name="registry_resource_direction"
            ),
            models.CheckConstraint(
                condition=_known("kind", codes.RESOURCE_KINDS), name="registry_resource_kind"
            ),
            models.CheckConstraint(
                condition=Q(season_from__isnull=True)
                | Q(season_to__isnull=True)
                | Q(season_to__gte=F("season_from")),
                name="registry_resource_season",
            ),
        ]
        indexes = [
            models.Index(fields=["household", "id"], name="registry_resource_household"),
            models.Index(fields=["county_id", "category", "id"], name="registry_resource_county"),
            models.Index(fields=["township_id", "id"], name="registry_resource_township"),
            models.Index(fields=["village_id", "id"], name="registry_resource_village"),
        ]


class Notice(Versioned, Placed):
    """A public notice of one village's households: masked, from ``opens_on`` through ``closes_on``.

    The public zone reads the portal's published copy, never this table.
    """

    class State(models.TextChoices):
        OPEN = "open", _("公示中")
        CLOSED = "closed", _("已结束")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    public_code = models.CharField(max_length=12, unique=True, default=random_code)
    opens_on = models.DateField()
    closes_on = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    published_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    closed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(closes_on__gte=F("opens_on")), name="registry_notice_dates")
        ]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="registry_notice_county"),
            models.Index(fields=["village_id", "-id"], name="registry_notice_village"),
            models.Index(fields=["state", "closes_on"], name="registry_notice_open"),
        ]


class NoticeEntry(models.Model):
    """One household of a notice. ``masked_name`` and ``cause_group`` are all that the public sees of it."""

    class Outcome(models.TextChoices):
        PENDING = "pending", _("公示中")
        LISTED = "listed", _("无异议,已纳入")
        WITHHELD = "withheld", _("异议成立,未纳入")

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="entries")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="notice_entries")
    public_code = models.CharField(max_length=12, unique=True, default=random_code)
    masked_name = models.CharField(max_length=20)
    size = models.SmallIntegerField()
    cause_group = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.PENDING)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "household"], name="registry_entry_once"),
            models.UniqueConstraint(
                fields=["household"], condition=Q(outcome="pending"), name="registry_entry_one_live"
            ),
        ]


class Objection(Versioned, Placed):
    """Somebody doubts that a household of a notice belongs there. Decided by one who did not enter it."""

    class State(models.TextChoices):
        OPEN = "open", _("待处理")
        UPHELD = "upheld", _("异议成立")
        REJECTED = "rejected", _("异议不成立")

    class Origin(models.TextChoices):
        CADRE = "cadre", _("村干部代录")
        PORTAL = "portal", _("公示页提交")

    household_key = "entry__household_id"  # see accounts.queries.household_key

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    entry = models.ForeignKey(NoticeEntry, on_delete=models.PROTECT, related_name="objections")
    origin = models.CharField(max_length=10, choices=Origin)
    text = models.CharField(max_length=1000)
    raised_at = models.DateTimeField()
    raised_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    household_entered_by_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open") | Q(decided_by__isnull=False), name="registry_objection_decided"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(household_entered_by_id__isnull=True)
                | ~Q(decided_by=F("household_entered_by_id")),
                name="registry_objection_not_by_the_enterer",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(raised_by__isnull=True)
                | ~Q(decided_by=F("raised_by")),
                name="registry_objection_not_by_the_raiser",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "state", "-id"], name="registry_objection_county"),
            models.Index(fields=["village_id", "-id"], name="registry_objection_village"),
        ]


class RowVersion(models.Model):
    """An older row of a mutable table, kept by trigger at every update. Append-only.

    ``batch_id`` is the import that replaced it, if one did.
    """

    table_name = models.CharField(max_length=40)
    row_id = models.BigIntegerField()
    version = models.IntegerField()
    batch_id = models.BigIntegerField(null=True)
    replaced_at = models.DateTimeField(db_default=Now())
    content = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["table_name", "row_id", "version"], name="registry_rowversion_row")]


class Likeness(Versioned, Placed):
    """Two living members who may be the same person. ``place`` is the smallest place that holds both.

    ``score`` and ``reasons`` are what ``registry.likeness`` said; a person decides, nothing is merged.
    """

    class Grade(models.TextChoices):
        LIKELY = "likely", _("很可能重复")
        POSSIBLE = "possible", _("可能重复")

    class State(models.TextChoices):
        OPEN = "open", _("待核对")
        SAME = "same", _("同一人")
        DIFFERENT = "different", _("不是同一人")

    first = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    score = models.SmallIntegerField()
    grade = models.CharField(max_length=10, choices=Grade)
    reasons = ArrayField(models.CharField(max_length=20), default=list)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="registry_likeness_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="registry_likeness_order"),
            models.CheckConstraint(
                condition=Q(state="open") | Q(decided_by__isnull=False), name="registry_likeness_decided"
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "state", "-id"], name="registry_likeness_county"),
            models.Index(fields=["township_id", "state", "-id"], name="registry_likeness_township"),
            models.Index(fields=["village_id", "state", "-id"], name="registry_likeness_village"),
        ]
