"""Organisations of the think tank: who they are, where, what they can do, and whether they are vetted."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class Organisation(Versioned, Placed):
    """One organisation. ``place`` is its seat; ``host`` is the county that introduced and vets it.

    A vetted organisation is public to every participant; a proposed or suspended one only to its
    host county and to itself. The phone number is sealed under ``uid`` (label ``organisation.phone``).
    """

    class Kind(models.TextChoices):
        ENTERPRISE = "enterprise", _("企业")
        COOPERATIVE = "cooperative", _("合作社")
        CHAMBER = "chamber", _("商会")
        HOMETOWN = "hometown", _("家乡企业家")
        UNIVERSITY = "university", _("高校科研院所")
        NGO = "ngo", _("社会组织")
        BANK = "bank", _("金融机构")
        PLATFORM = "platform", _("电商平台")
        ASSOCIATION = "association", _("行业协会")
        LOGISTICS = "logistics", _("物流企业")
        CANTEEN = "canteen", _("单位食堂与采购方")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待核验")
        VETTED = "vetted", _("已核验")
        SUSPENDED = "suspended", _("已暂停")

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
    proposed_by_id = models.BigIntegerField(null=True)
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
                    ]
                ),
                name="partners_organisation_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", vetted_by_id__isnull=True)
                | Q(state__in=["vetted", "suspended"], vetted_at__isnull=False),
                name="partners_organisation_state",
            ),
            models.CheckConstraint(
                condition=Q(vetted_by_id__isnull=True)
                | Q(proposed_by_id__isnull=True)
                | ~Q(vetted_by_id=F("proposed_by_id")),
                name="partners_organisation_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["host", "state", "id"], name="partners_org_host"),
            models.Index(fields=["state", "kind", "id"], name="partners_org_kind"),
            models.Index(fields=["county_id", "name", "id"], name="partners_org_county"),
            models.Index(fields=["name", "id"], name="partners_org_name"),
        ]

    def __str__(self) -> str:
        return self.name
