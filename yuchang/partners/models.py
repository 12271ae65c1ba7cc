"""The think tank: organisations, their vetting and profile; commitments, pairings and pilots."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.core.signs import signs_index
from yuchang.partners.rules import AMOUNT_MAX
from yuchang.places.models import Placed


class Organisation(Versioned, Placed):
    """One organisation. ``place`` is its seat; ``host`` is the county that introduced and vets it.

    A vetted organisation is public to every participant; a proposed, refused or suspended one only to its
    host county and to itself. The phone number is sealed under ``uid`` (label ``organisation.phone``).
    ``checked_by_id`` looked at the papers of one that registered itself; somebody else vets.
    """

    class Kind(models.TextChoices):
        ENTERPRISE = "enterprise", _("企业")
        COOPERATIVE = "cooperative", _("合作社")
        CHAMBER = "chamber", _("商会")
        HOMETOWN_CHAMBER = "hometown_chamber", _("异地（家乡）商会")
        HOMETOWN = "hometown", _("家乡企业家")
        UNIVERSITY = "university", _("高校科研院所")
        NGO = "ngo", _("社会组织")
        BANK = "bank", _("金融机构")
        PLATFORM = "platform", _("电商平台")
        ASSOCIATION = "association", _("行业协会")
        LOGISTICS = "logistics", _("物流企业")
        CANTEEN = "canteen", _("单位食堂与采购方")
        PUBLIC_BODY = "public_body", _("机关事业单位")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待核验")
        VETTED = "vetted", _("已核验")
        SUSPENDED = "suspended", _("已暂停")
        REFUSED = "refused", _("未通过")

    class Origin(models.TextChoices):
        STAFF = "staff", _("工作人员录入")
        PUBLIC = "public", _("自行登记")
        INVITED = "invited", _("受邀登记")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    credit_code = models.CharField(max_length=18, unique=True, null=True, blank=True)
    host = models.ForeignKey("places.Place", on_delete=models.PROTECT, related_name="+")
    contact_name = models.CharField(max_length=60, blank=True)
    phone_sealed = models.BinaryField(null=True, blank=True)
    capabilities = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    introduction = models.TextField(max_length=2000, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.PROPOSED)
    state_note = models.CharField(max_length=300, blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.STAFF)
    proposed_by_id = models.BigIntegerField(null=True)
    checked_by_id = models.BigIntegerField(null=True)
    checked_at = models.DateTimeField(null=True)
    vetted_by_id = models.BigIntegerField(null=True)
    vetted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "enterprise",
                        "cooperative",
                        "chamber",
                        "hometown",
                        "university",
                        "ngo",
                        "bank",
                        "platform",
                        "association",
                        "logistics",
                        "canteen",
                        "hometown_chamber",
                        "public_body",
                    ]
                ),
                name="partners_organisation_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", vetted_by_id__isnull=True)
                | Q(state__in=["vetted", "suspended", "refused"], vetted_at__isnull=False),
                name="partners_organisation_state",
            ),
            models.CheckConstraint(
                condition=Q(vetted_by_id__isnull=True)
                | Q(proposed_by_id__isnull=True)
                | ~Q(vetted_by_id=F("proposed_by_id")),
                name="partners_organisation_two_people",
            ),
            models.CheckConstraint(
                condition=Q(vetted_by_id__isnull=True)
                | Q(checked_by_id__isnull=True)
                | ~Q(vetted_by_id=F("checked_by_id")),
                name="partners_organisation_checked_apart",
            ),
        ]
        indexes = [
            signs_index("name", "partners_organisation_signs"),
            GinIndex(fields=["capabilities"], name="partners_organisation_able"),
            models.Index(fields=["host", "state", "id"], name="partners_org_host"),
            models.Index(fields=["state", "kind", "id"], name="partners_org_kind"),
            models.Index(fields=["county_id", "name", "id"], name="partners_org_county"),
            models.Index(fields=["name", "id"], name="partners_org_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Invitation(Versioned):
    """A one-time link by which an organisation registers itself with a county that asked it to.

    Only the SHA-256 of the link's secret is kept; it works once, until ``expires_at``.
    """

    host = models.ForeignKey("places.Place", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Organisation.Kind)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by_id = models.BigIntegerField()
    expires_at = models.DateTimeField()
    organisation = models.OneToOneField(
        Organisation, null=True, on_delete=models.PROTECT, related_name="invitation"
    )
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["host", "-id"], name="partners_invitation_host")]


class ContactPerson(Versioned):
    """Somebody to talk to in an organisation. The telephone is sealed under ``uid`` (``contact.phone``)."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=60)
    duty = models.CharField(max_length=60, blank=True)
    phone_sealed = models.BinaryField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "id"], name="partners_contact_org")]


class ProfileLine(Versioned):
    """One line of an organisation's profile: what it can, where it sells, what it aims at, what it needs.

    ``category`` is a code of the exchange's tree (opaque here); ``quantity`` whole ``unit``s a year.
    Lines are ended, never changed.
    """

    class Kind(models.TextChoices):
        CAPABILITY = "capability", _("能力")
        MARKET = "market", _("市场")
        GOAL = "goal", _("社会责任目标")
        NEED = "need", _("自身需求")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.CharField(max_length=120)
    category = models.CharField(max_length=60, blank=True)
    quantity = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=20, blank=True)
    place = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    until = models.DateField(null=True)
    entered_by_id = models.BigIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["capability", "goal", "need"]) | Q(kind="market", place__isnull=False),
                name="partners_line_market_place",
            ),
            models.CheckConstraint(
                condition=Q(quantity__isnull=True) | Q(quantity__gt=0, quantity__lte=AMOUNT_MAX),
                name="partners_line_quantity",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "kind", "id"],
                condition=Q(ended_at__isnull=True),
                name="partners_line_org",
            ),
        ]


class Commitment(Versioned, Placed):
    """What an organisation, or a county body, promises to a place, in milestones.

    ``place`` is who receives. ``maker_place`` is set when a public body promises, ``organisation``
    otherwise. Whether it is kept, late or broken is never stored: ``rules.judge_milestone`` says it from
    confirmed progress and a date. Terms never change (``0002_think_tank``).
    """

    class Kind(models.TextChoices):
        MONEY = "money", _("资金")
        PURCHASE = "purchase", _("采购额")
        JOBS = "jobs", _("岗位")
        SEATS = "seats", _("培训名额")
        EQUIPMENT = "equipment", _("设备物资")
        OTHER = "other", _("其他")

    class State(models.TextChoices):
        OFFERED = "offered", _("待受助地接受")
        ACTIVE = "active", _("履行中")
        DECLINED = "declined", _("未接受")
        RELEASED = "released", _("已解除")

    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="commitments"
    )
    maker_place = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=120)
    unit = models.CharField(max_length=20)
    document = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OFFERED)
    made_by_id = models.BigIntegerField(null=True)
    answered_by_id = models.BigIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(organisation__isnull=False, maker_place__isnull=True)
                | Q(organisation__isnull=True, maker_place__isnull=False),
                name="partners_commitment_one_maker",
            ),
            models.CheckConstraint(
                condition=Q(state="offered", answered_by_id__isnull=True)
                | Q(state__in=["active", "declined", "released"], answered_at__isnull=False),
                name="partners_commitment_answered",
            ),
            models.CheckConstraint(
                condition=Q(answered_by_id__isnull=True)
                | Q(made_by_id__isnull=True)
                | ~Q(answered_by_id=F("made_by_id")),
                name="partners_commitment_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="partners_commitment_org"),
            models.Index(fields=["county_id", "-id"], name="partners_commitment_county"),
            models.Index(fields=["village_id", "-id"], name="partners_commitment_village"),
            models.Index(fields=["maker_place", "-id"], name="partners_commitment_maker"),
        ]


class Milestone(models.Model):
    """So much by a day. Written with its commitment, then never touched. Append-only.

    ``amount`` in the commitment's unit; money and purchases in fen.
    """

    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="milestones")
    number = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    measure = models.CharField(max_length=120)
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="partners_milestone_number"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=AMOUNT_MAX), name="partners_milestone_amount"
            ),
        ]


class Progress(Versioned):
    """What was done for a milestone, reported by its maker, confirmed or refused by the receiving county.

    Only confirmed progress counts. ``file`` or ``reference`` is the evidence. A judged report is frozen.
    """

    class State(models.TextChoices):
        REPORTED = "reported", _("待受助地确认")
        CONFIRMED = "confirmed", _("已确认")
        REFUSED = "refused", _("未确认")

    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="progress")
    amount = models.BigIntegerField()
    happened_on = models.DateField()
    note = models.CharField(max_length=300, blank=True)
    reference = models.CharField(max_length=120, blank=True)
    file = models.ForeignKey("files.StoredFile", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.REPORTED)
    reported_by_id = models.BigIntegerField()
    reported_at = models.DateTimeField()
    judged_by_id = models.BigIntegerField(null=True)
    judged_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=AMOUNT_MAX), name="partners_progress_amount"
            ),
            models.CheckConstraint(
                condition=Q(file__isnull=False) | ~Q(reference=""), name="partners_progress_evidence"
            ),
            models.CheckConstraint(
                condition=Q(state="reported", judged_by_id__isnull=True)
                | Q(state__in=["confirmed", "refused"], judged_by_id__isnull=False),
                name="partners_progress_judged",
            ),
            models.CheckConstraint(
                condition=Q(judged_by_id__isnull=True) | ~Q(judged_by_id=F("reported_by_id")),
                name="partners_progress_two_people",
            ),
        ]
        indexes = [models.Index(fields=["milestone", "happened_on"], name="partners_progress_milestone")]


class Pairing(Versioned, Placed):
    """结对帮扶: a helper (organisation or county) and ``place`` which receives, from a day to a day.

    Proposed by one side and accepted by the other, by two different people.
    """

    class Kind(models.TextChoices):
        FIRM_COUNTY = "firm_county", _("企业结对县")
        FIRM_VILLAGE = "firm_village", _("万企帮万村")
        EAST_WEST = "east_west", _("东西部协作")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待对方同意")
        ACTIVE = "active", _("结对中")
        DECLINED = "declined", _("未达成")
        ENDED = "ended", _("已结束")

    class Side(models.TextChoices):
        HELPER = "helper", _("帮扶方")
        RECEIVER = "receiver", _("受助方")

    kind = models.CharField(max_length=14, choices=Kind)
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="pairings"
    )
    helper_place = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    document = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    proposed_side = models.CharField(max_length=10, choices=Side)
    proposed_by_id = models.BigIntegerField(null=True)
    answered_by_id = models.BigIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=["firm_county", "firm_village"],
                    organisation__isnull=False,
                    helper_place__isnull=True,
                )
                | Q(kind="east_west", organisation__isnull=True, helper_place__isnull=False),
                name="partners_pairing_helper",
            ),
            models.CheckConstraint(
                condition=~Q(kind="firm_village") | Q(village_id__isnull=False),
                name="partners_pairing_village",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="partners_pairing_dates",
            ),
            models.CheckConstraint(
                condition=Q(answered_by_id__isnull=True)
                | Q(proposed_by_id__isnull=True)
                | ~Q(answered_by_id=F("proposed_by_id")),
                name="partners_pairing_two_people",
            ),
            models.UniqueConstraint(
                fields=["organisation", "place"],
                condition=Q(state__in=["proposed", "active"], organisation__isnull=False),
                name="partners_pairing_org_once",
            ),
            models.UniqueConstraint(
                fields=["helper_place", "place"],
                condition=Q(state__in=["proposed", "active"], helper_place__isnull=False),
                name="partners_pairing_place_once",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="partners_pairing_county"),
            models.Index(fields=["organisation", "-id"], name="partners_pairing_org"),
            models.Index(fields=["helper_place", "-id"], name="partners_pairing_helper"),
        ]


class Pilot(Versioned, Placed):
    """Something tried in rounds before it is widened. ``place`` is who runs it (a county or above)."""

    class State(models.TextChoices):
        RUNNING = "running", _("试点中")
        WIDENED = "widened", _("已推开")
        STOPPED = "stopped", _("已停止")

    title = models.CharField(max_length=120)
    question = models.CharField(max_length=300)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="pilots")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    opened_by_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["county_id", "-id"], name="partners_pilot_county")]


class PilotRound(Versioned):
    """One round of a pilot: places, days, a goal; then a result, then another person's decision."""

    class Decision(models.TextChoices):
        AGAIN = "again", _("再试一轮")
        WIDEN = "widen", _("扩大")
        STOP = "stop", _("停止")

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    places = models.ManyToManyField("places.Place", related_name="+")
    starts_on = models.DateField()
    ends_on = models.DateField()
    measure = models.CharField(max_length=120)
    goal = models.BigIntegerField()
    result = models.BigIntegerField(null=True)
    result_note = models.CharField(max_length=300, blank=True)
    reported_by_id = models.BigIntegerField(null=True)
    reported_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=6, choices=Decision, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pilot", "number"], name="partners_round_number"),
            models.UniqueConstraint(
                fields=["pilot"], condition=Q(decision=""), name="partners_round_one_undecided"
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="partners_round_dates"),
            models.CheckConstraint(
                condition=Q(decision="")
                | Q(result__isnull=False, decided_at__isnull=False, decision__in=["again", "widen", "stop"]),
                name="partners_round_decided_on_result",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id__isnull=True) | ~Q(decided_by_id=F("reported_by_id")),
                name="partners_round_two_people",
            ),
        ]
