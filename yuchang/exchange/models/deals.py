"""What follows an agreement: its people, tasks, milestones, deliveries, disputes, reviews and papers.

Deliveries are what counts: ``Agreement.fulfilled`` is the sum of the accepted quantities of its deliveries,
``Posting.fulfilled`` the sum of its agreements'; the database refuses anything else, and more than agreed.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.places.models import Placed

WHOLE_BP = 10_000
"""A payment share of everything, in hundredths of a percent."""


class Side(models.TextChoices):
    """The giving and the receiving side of a match."""

    OFFER = "offer", _("供方")
    NEED = "need", _("需方")


class Why(models.TextChoices):
    """Why somebody declines, counters or does not sign. ``price`` teaches the next clearing a limit,
    every other reason keeps the two postings apart.
    """

    PRICE = "price", _("价格不合")
    QUANTITY = "quantity", _("数量不合")
    TIME = "time", _("时间不合")
    DISTANCE = "distance", _("太远或运输不便")
    QUALITY = "quality", _("品质或证件不合")
    PARTNER = "partner", _("不愿与对方合作")
    OTHER = "other", _("其他")


class Paper(models.Model):
    """A file of a deal. Append-only. Both sides of the match read it through ``queries_deals.paper_for``.

    ``about_id`` is the number of the talk's line, agreement, task, delivery or dispute it belongs to.
    """

    class About(models.TextChoices):
        MESSAGE = "message", _("留言附件")
        AGREEMENT = "agreement", _("协议附件")
        SCAN = "scan", _("签字扫描件")
        TASK = "task", _("任务凭证")
        DELIVERY = "delivery", _("交付凭证")
        DISPUTE = "dispute", _("争议材料")

    match = models.ForeignKey("exchange.Match", on_delete=models.PROTECT, related_name="papers")
    about_kind = models.CharField(max_length=10, choices=About)
    about_id = models.BigIntegerField()
    side = models.CharField(max_length=10, choices=Side)
    file = models.OneToOneField("files.StoredFile", on_delete=models.PROTECT, related_name="+")
    added_by_id = models.BigIntegerField()
    added_by_name = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(side__in=["offer", "need"]), name="exchange_paper_side"),
        ]
        indexes = [models.Index(fields=["match", "about_kind", "about_id"], name="exchange_paper_about")]


class DealMember(Versioned):
    """A person of the offline team (线下项目组) that carries an agreement. Membership gives no rights."""

    class Part(models.TextChoices):
        OFFER = "offer", _("供方人员")
        NEED = "need", _("需方人员")
        STAFF = "staff", _("乡村干部")

    class Duty(models.TextChoices):
        LEAD = "lead", _("牵头")
        CONTRACT = "contract", _("合同")
        QUALITY = "quality", _("验货")
        LOGISTICS = "logistics", _("物流")
        MONEY = "money", _("货款")
        OTHER = "other", _("其他")

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=10, choices=Part)
    duty = models.CharField(max_length=10, choices=Duty)
    added_by_id = models.BigIntegerField()
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "user"],
                condition=Q(ended_at__isnull=True),
                name="exchange_member_once",
            ),
        ]


class DealTask(Versioned):
    """Something to do for an agreement, by a day; done by a person, with a note and papers."""

    class Kind(models.TextChoices):
        VISIT = "visit", _("实地考察")
        SAMPLE = "sample", _("样品")
        CONTRACT = "contract", _("合同文本")
        OTHER = "other", _("其他")

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="tasks")
    kind = models.CharField(max_length=10, choices=Kind)
    what = models.CharField(max_length=200)
    due_on = models.DateField()
    member = models.ForeignKey(DealMember, null=True, on_delete=models.PROTECT, related_name="tasks")
    added_by_id = models.BigIntegerField()
    done_by_id = models.BigIntegerField(null=True)
    done_by_name = models.CharField(max_length=60, blank=True)
    done_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=500, blank=True)
    dropped_at = models.DateTimeField(null=True)
    dropped_for = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by_id__isnull=True)
                | Q(done_at__isnull=False, done_by_id__isnull=False, dropped_at__isnull=True),
                name="exchange_task_done_by",
            ),
            models.CheckConstraint(
                condition=Q(dropped_at__isnull=True) | ~Q(dropped_for=""), name="exchange_task_dropped_for"
            ),
        ]
        indexes = [models.Index(fields=["agreement", "due_on"], name="exchange_task_agreement")]


class Milestone(Versioned):
    """A day by which so much is delivered, or such a share is paid; holds once both sides said yes.

    ``quantity`` in the category's unit, or ``share_bp`` of the price in hundredths of a percent. A payment
    is met when the giving side says so (``met_at``); a quantity when the deliveries reach it.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待对方同意")
        AGREED = "agreed", _("已约定")
        REFUSED = "refused", _("未约定")

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="milestones")
    what = models.CharField(max_length=100)
    due_on = models.DateField()
    quantity = models.BigIntegerField(null=True)
    share_bp = models.PositiveIntegerField(null=True)
    proposed_side = models.CharField(max_length=10, choices=Side)
    proposed_by_id = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    answered_by_id = models.BigIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=300, blank=True)
    met_by_id = models.BigIntegerField(null=True)
    met_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, share_bp__isnull=True)
                | Q(quantity__isnull=True, share_bp__gt=0, share_bp__lte=WHOLE_BP),
                name="exchange_milestone_one_measure",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", answered_by_id__isnull=True)
                | Q(state="refused", answered_by_id__isnull=False)
                | (Q(state="agreed", answered_by_id__isnull=False) & ~Q(answered_by_id=F("proposed_by_id"))),
                name="exchange_milestone_two_people",
            ),
            models.CheckConstraint(
                condition=Q(met_at__isnull=True)
                | Q(state="agreed", share_bp__isnull=False, met_by_id__isnull=False),
                name="exchange_milestone_met",
            ),
        ]
        indexes = [models.Index(fields=["agreement", "due_on"], name="exchange_milestone_agreement")]


class Delivery(Versioned):
    """Goods that went from the giving to the receiving side: recorded by the one, judged by the other.

    ``accepted`` is what counts; a contested delivery counts with less and has a reason. A ruling of a
    dispute may raise it.
    """

    class State(models.TextChoices):
        RECORDED = "recorded", _("待确认")
        CONFIRMED = "confirmed", _("已确认")
        CONTESTED = "contested", _("有异议")
        WITHDRAWN = "withdrawn", _("已撤回")

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="deliveries")
    quantity = models.BigIntegerField()
    delivered_on = models.DateField()
    note = models.CharField(max_length=300, blank=True)
    recorded_by_id = models.BigIntegerField()
    recorded_by_name = models.CharField(max_length=60)
    recorded_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.RECORDED)
    accepted = models.BigIntegerField(default=0)
    judged_by_id = models.BigIntegerField(null=True)
    judged_by_name = models.CharField(max_length=60, blank=True)
    judged_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    order_id = models.BigIntegerField(null=True)
    """The order of the market that delivered it (``actions.deliver_orders``)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order_id"], condition=Q(order_id__isnull=False), name="exchange_delivery_order_once"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, accepted__gte=0, accepted__lte=F("quantity")),
                name="exchange_delivery_quantity",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["recorded", "withdrawn"], accepted=0, judged_by_id__isnull=True)
                | Q(state="confirmed", accepted=F("quantity"), judged_at__isnull=False)
                | (Q(state="contested", judged_at__isnull=False) & ~Q(reason="")),
                name="exchange_delivery_judged",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["recorded", "withdrawn"])
                | (Q(judged_by_id__isnull=False) & ~Q(judged_by_id=F("recorded_by_id"))),
                name="exchange_delivery_two_people",
            ),
        ]
        indexes = [models.Index(fields=["agreement", "id"], name="exchange_delivery_agreement")]


class Dispute(Versioned, Placed):
    """One side says that an agreement, or a delivery of it, was not kept. Place keys are the agreement's.

    The other side answers by ``answer_by``; then a county officer of the place decides, who took no part
    in the deal. An open dispute keeps the agreement from being closed.
    """

    class State(models.TextChoices):
        OPEN = "open", _("待对方答复")
        ANSWERED = "answered", _("待县级处理")
        DECIDED = "decided", _("已处理")
        WITHDRAWN = "withdrawn", _("已撤回")

    class Outcome(models.TextChoices):
        UPHELD = "upheld", _("支持提出方")
        PARTLY = "partly", _("部分支持")
        DISMISSED = "dismissed", _("不予支持")
        SETTLED = "settled", _("双方和解")

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="disputes")
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.PROTECT, related_name="disputes")
    side = models.CharField(max_length=10, choices=Side)
    statement = models.CharField(max_length=1000)
    opened_by_id = models.BigIntegerField()
    opened_by_name = models.CharField(max_length=60)
    opened_at = models.DateTimeField()
    answer_by = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    answer = models.CharField(max_length=1000, blank=True)
    answered_by_id = models.BigIntegerField(null=True)
    answered_by_name = models.CharField(max_length=60, blank=True)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    decision = models.CharField(max_length=1000, blank=True)
    ruled_quantity = models.BigIntegerField(null=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by_name = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by_id__isnull=True)
                | (
                    ~Q(decided_by_id=F("opened_by_id"))
                    & (Q(answered_by_id__isnull=True) | ~Q(decided_by_id=F("answered_by_id")))
                ),
                name="exchange_dispute_not_a_party",
            ),
            models.CheckConstraint(
                condition=Q(state="decided", decided_by_id__isnull=False, decided_at__isnull=False)
                & ~Q(outcome="")
                & ~Q(decision="")
                | (~Q(state="decided") & Q(decided_by_id__isnull=True, outcome="")),
                name="exchange_dispute_decided",
            ),
            models.CheckConstraint(
                condition=Q(answered_by_id__isnull=True) | ~Q(answered_by_id=F("opened_by_id")),
                name="exchange_dispute_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "state", "-id"], name="exchange_dispute_county"),
            models.Index(fields=["agreement", "id"], name="exchange_dispute_agreement"),
        ]


class Review(Versioned):
    """What one side says of the other after at least one accepted delivery: 1 to 5, once, answerable once."""

    agreement = models.ForeignKey("exchange.Agreement", on_delete=models.PROTECT, related_name="reviews")
    side = models.CharField(max_length=10, choices=Side)
    organisation = models.ForeignKey(
        "partners.Organisation", null=True, on_delete=models.PROTECT, related_name="+"
    )
    """The organisation that is reviewed; null when a household or village is."""
    stars = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=500)
    written_by_id = models.BigIntegerField()
    written_by_name = models.CharField(max_length=60)
    written_at = models.DateTimeField()
    answer = models.CharField(max_length=500, blank=True)
    answered_by_id = models.BigIntegerField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agreement", "side"], name="exchange_review_once"),
            models.CheckConstraint(condition=Q(stars__range=(1, 5)), name="exchange_review_stars"),
            models.CheckConstraint(condition=~Q(text=""), name="exchange_review_text"),
        ]
        indexes = [models.Index(fields=["organisation", "-id"], name="exchange_review_organisation")]


OF_STAFF = Q(organisation_id__isnull=True)
"""Households' and villages' sides, for which the staff of their places speak."""
_ORDER = ("deal", "state", "deal_id")


class DealSide(models.Model):
    """One side of a match, agreement or dispute: in which state it is, whose posting it is, where that lies.

    The database keeps it in step with the deals and their postings (0012); the application only reads it.
    A dispute has a third row, ``place``, for those who look after where the goods come from (0014).
    Each index is one scope's deals of one kind and state, newest last, so that a page is a range of it
    however many deals the scope has. ``deal_id`` is the number of the match, agreement or dispute.
    """

    class Deal(models.TextChoices):
        MATCH = "match", "match"
        AGREEMENT = "agreement", "agreement"
        DISPUTE = "dispute", "dispute"

    deal = models.CharField(max_length=10, choices=Deal)
    deal_id = models.BigIntegerField()
    side = models.CharField(max_length=10, choices=[*Side.choices, ("place", "place")])
    state = models.CharField(max_length=20)
    organisation_id = models.BigIntegerField(null=True)
    province_id = models.BigIntegerField(null=True)
    prefecture_id = models.BigIntegerField(null=True)
    county_id = models.BigIntegerField(null=True)
    township_id = models.BigIntegerField(null=True)
    village_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deal", "deal_id", "side"], name="exchange_dealside_once"),
        ]
        indexes = [
            models.Index(
                fields=["organisation_id", *_ORDER],
                condition=Q(organisation_id__isnull=False),
                name="exchange_side_organisation",
            ),
            models.Index(fields=[*_ORDER], condition=OF_STAFF, name="exchange_side_nation"),
            *(
                models.Index(fields=[f"{of}_id", *_ORDER], condition=OF_STAFF, name=f"exchange_side_{of}")
                for of in ("province", "prefecture", "county", "township", "village")
            ),
        ]
