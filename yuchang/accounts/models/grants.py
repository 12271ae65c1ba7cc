"""What a person may do where: direct grants, the view of all hats, and invitations."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models.people import User
from yuchang.accounts.rules import Role
from yuchang.core.models import Versioned

ROLE_CHOICES = [(r.value, r.value) for r in Role]
ROLE_VALUES = [r.value for r in Role]


class Vetted(Versioned):
    """What one person proposes and another approves (三员分立: a right by the security administrator).

    Only a live row counts; one that ends on the day it began is marked ended. The command
    line, which has no person, proposes live rows.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("待批准")
        LIVE = "live", _("有效")
        REFUSED = "refused", _("未批准")
        ENDED = "ended", _("当日撤回")

    state = models.CharField(max_length=10, choices=State, default=State.LIVE)
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    vetted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    vetted_at = models.DateTimeField(null=True)
    vetting_note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        abstract = True


def vetted_constraints(table: str) -> list[models.CheckConstraint]:
    """Those of ``proposal_constraints``, and nobody vets the own right."""
    return [
        *proposal_constraints(table),
        models.CheckConstraint(
            condition=Q(vetted_by__isnull=True) | ~Q(vetted_by=F("user")), name=f"{table}_not_oneself"
        ),
    ]


def proposal_constraints(table: str) -> list[models.CheckConstraint]:
    """Nobody vets the own proposal, and what a person proposed lives only when it was vetted."""
    return [
        models.CheckConstraint(
            condition=Q(state__in=["proposed", "live", "refused", "ended"]), name=f"{table}_known_state"
        ),
        models.CheckConstraint(
            condition=Q(vetted_by__isnull=True)
            | Q(proposed_by__isnull=True)
            | ~Q(vetted_by=F("proposed_by")),
            name=f"{table}_two_people",
        ),
        models.CheckConstraint(
            condition=~Q(state="live") | Q(proposed_by__isnull=True) | Q(vetted_by__isnull=False),
            name=f"{table}_lives_when_vetted",
        ),
        models.CheckConstraint(
            condition=Q(vetted_by__isnull=True, vetted_at__isnull=True)
            | Q(vetted_by__isnull=False, vetted_at__isnull=False),
            name=f"{table}_vetted_when",
        ),
    ]


class ScopeKind(models.TextChoices):
    """The kinds of the sum type of scopes."""

    PLACE = "place"
    ORGANISATION = "organisation"
    HOUSEHOLD = "household"
    ASSIGNMENT = "assignment"
    CONSENT = "consent"
    SAMPLE = "sample"


ONE_SCOPE = Q(scope_kind="place", target_id__isnull=True) & (Q(place__isnull=False) ^ Q(is_nation=True)) | (
    ~Q(scope_kind="place") & Q(place__isnull=True, is_nation=False, target_id__isnull=False)
)


class RoleGrant(Vetted):
    """One role of one person within one scope, from a day until a day.

    The scope is a sum type: exactly one of the target columns is set, as ``scope_kind`` says.
    Organisation, household, assignment, consent and sample are numbers of higher domains.
    """

    ScopeKind = ScopeKind

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=30, choices=ROLE_CHOICES)
    scope_kind = models.CharField(max_length=20, choices=ScopeKind)
    place = models.ForeignKey(
        "places.Place", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    is_nation = models.BooleanField(default=False)
    target_id = models.BigIntegerField(null=True, blank=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ONE_SCOPE, name="accounts_rolegrant_one_scope"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="accounts_rolegrant_dates",
            ),
            models.CheckConstraint(condition=Q(role__in=ROLE_VALUES), name="accounts_rolegrant_known_role"),
            *vetted_constraints("accounts_rolegrant"),
        ]
        indexes = [
            models.Index(fields=["user", "valid_from"], name="accounts_grant_user"),
            models.Index(fields=["place", "role"], name="accounts_grant_place"),
            models.Index(fields=["id"], name="accounts_grant_waiting", condition=Q(state="proposed")),
        ]


class Hat(models.Model):
    """A view: every right of everyone, whether from a grant, a post, a deputyship, a team or an assignment.

    ``source`` and ``source_id`` name the row behind it; ``id`` is the two joined. The database's own check
    that the three administrators stay apart reads the same view.
    """

    id = models.CharField(max_length=40, primary_key=True)
    source = models.CharField(max_length=12)
    source_id = models.BigIntegerField()
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="hats", db_constraint=False)
    role = models.CharField(max_length=30)
    state = models.CharField(max_length=10)
    scope_kind = models.CharField(max_length=20)
    place = models.ForeignKey("places.Place", null=True, on_delete=models.DO_NOTHING, related_name="+")
    is_nation = models.BooleanField()
    target_id = models.BigIntegerField(null=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        managed = False
        db_table = "accounts_hat"


class Invitation(Versioned):
    """A one-time link to an account. Only a hash of its code is stored.

    Whoever opens it chooses name and password; the grant it carries is then proposed and waits
    for a second person.
    """

    code_hash = models.BinaryField(unique=True)
    display_name = models.CharField(max_length=60)
    role = models.CharField(max_length=30, choices=ROLE_CHOICES)
    place = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    organisation_id = models.BigIntegerField(null=True)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    user = models.OneToOneField(User, null=True, on_delete=models.PROTECT, related_name="invitation")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=ROLE_VALUES), name="accounts_invitation_known_role"),
            models.CheckConstraint(
                condition=Q(place__isnull=False) ^ Q(organisation_id__isnull=False),
                name="accounts_invitation_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, user__isnull=True)
                | Q(accepted_at__isnull=False, user__isnull=False, cancelled_at__isnull=True),
                name="accounts_invitation_accepted_by",
            ),
        ]
        indexes = [models.Index(fields=["place", "-id"], name="accounts_invitation_place")]
