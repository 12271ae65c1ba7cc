"""People, and what they may do where."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

from yuchang.accounts.rules import Role


class UserManager(BaseUserManager["User"]):
    """Finds a person by the name used at sign-in."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """A person who signs in. Rights come from grants only; there is no superuser."""

    username = models.CharField(max_length=60, unique=True)
    display_name = models.CharField(max_length=60)
    is_active = models.BooleanField(default=True)
    password_is_temporary = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = UserManager()


class RoleGrant(models.Model):
    """One role of one person within one scope, from a day until a day.

    The scope is a sum type: exactly one of the target columns is set, as ``scope_kind`` says.
    Organisation, household, assignment, consent and sample are numbers of higher domains.
    """

    class ScopeKind(models.TextChoices):
        PLACE = "place"
        ORGANISATION = "organisation"
        HOUSEHOLD = "household"
        ASSIGNMENT = "assignment"
        CONSENT = "consent"
        SAMPLE = "sample"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=30, choices=[(r.value, r.value) for r in Role])
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
            models.CheckConstraint(
                condition=(
                    Q(scope_kind="place", target_id__isnull=True)
                    & (Q(place__isnull=False) ^ Q(is_nation=True))
                )
                | (~Q(scope_kind="place") & Q(place__isnull=True, is_nation=False, target_id__isnull=False)),
                name="accounts_rolegrant_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=models.F("valid_from")),
                name="accounts_rolegrant_dates",
            ),
            models.CheckConstraint(
                condition=Q(role__in=[r.value for r in Role]), name="accounts_rolegrant_known_role"
            ),
        ]
        indexes = [models.Index(fields=["user", "valid_from"], name="accounts_grant_user")]
