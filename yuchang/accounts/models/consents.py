"""Consent (PIPL arts. 13-15, 23, 29): who may be told what, for which purpose, until when."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models.people import User
from yuchang.core.models import Versioned
from yuchang.places.models import Placed

# What a household may let others use.
INFORMATION = (
    ("contact", _("姓名与联系电话")),
    ("family", _("家庭人口")),
    ("income", _("收入情况")),
    ("resources", _("资源与需求")),
    ("orders", _("订单")),
    ("settled_orders", _("已结算的订单")),
    ("deliveries", _("交货记录")),
    ("training", _("培训与就业")),
)


class Consent(Versioned, Placed):
    """A household, or one member of it, lets one recipient use named fields for one purpose.

    The household, member, organisation and evidence file are numbers of other domains. What was consented
    never changes, and what was withdrawn stays withdrawn: a new agreement is a new row (0003_guards).
    """

    class Purpose(models.TextChoices):
        CREDIT = "credit", _("办理贷款")
        INSURANCE = "insurance", _("办理保险")
        EMPLOYMENT = "employment", _("介绍就业")
        TRADE = "trade", _("产销对接")
        COMPARISON = "comparison", _("信息比对核查")
        PUBLICATION = "publication", _("宣传展示")

    class Channel(models.TextChoices):
        PAPER = "paper", _("纸质签字")
        VISIT = "visit", _("入户面签")
        PHONE = "phone", _("手机确认")
        PAGE = "page", _("本人页面")

    household_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    purpose = models.CharField(max_length=20, choices=Purpose)
    organisation_id = models.BigIntegerField()
    fields = ArrayField(models.CharField(max_length=40))
    channel = models.CharField(max_length=10, choices=Channel)
    evidence_file_id = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, blank=True, default="")
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_on = models.DateField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(fields=[]), name="accounts_consent_names_fields"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("granted_at")),
                name="accounts_consent_order",
            ),
        ]
        indexes = [
            models.Index(fields=["household_id", "-id"], name="accounts_consent_household"),
            models.Index(fields=["organisation_id", "-id"], name="accounts_consent_organisation"),
            models.Index(fields=["county_id", "-id"], name="accounts_consent_county"),
        ]

    @property
    def information(self) -> list[str]:
        """What may be used, in the reader's language."""
        words = dict(INFORMATION)
        return [str(words.get(field, field)) for field in self.fields]
