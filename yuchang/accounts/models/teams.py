"""Leading groups, resident work teams, helpers and what is assigned to them."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models.grants import ROLE_CHOICES, Vetted, vetted_constraints
from yuchang.accounts.models.people import User
from yuchang.accounts.models.posts import Post, days, single
from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class Team(Versioned, Placed):
    """A group of people at one place.

    A leading group (县、乡、村三级电商扶贫领导小组) names who is responsible and opens nothing;
    the members of a work team (驻村工作队) have the role ``work_team`` in its place.
    """

    class Kind(models.TextChoices):
        LEADING_GROUP = "leading_group", _("领导小组")
        WORK_TEAM = "work_team", _("驻村工作队")

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=100)
    formed_on = models.DateField()
    dissolved_on = models.DateField(null=True)
    document = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["leading_group", "work_team"]), name="accounts_team_known_kind"
            ),
            models.UniqueConstraint(fields=["place", "name"], name="accounts_team_once"),
        ]
        indexes = [
            models.Index(fields=["county_id", "kind", "id"], name="accounts_team_county"),
            models.Index(fields=["place", "kind", "id"], name="accounts_team_place"),
        ]


class TeamMember(Vetted):
    """A person's place in a team from a day until a day."""

    class Position(models.TextChoices):
        LEADER = "leader", _("组长(队长)")
        DEPUTY = "deputy", _("副组长(副队长)")
        MEMBER = "member", _("成员")

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    position = models.CharField(max_length=10, choices=Position)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="accounts_teammember_dates",
            ),
            ExclusionConstraint(
                name="accounts_teammember_once",
                expressions=[
                    (single("team"), RangeOperators.OVERLAPS),
                    (single("user"), RangeOperators.OVERLAPS),
                    (days(), RangeOperators.OVERLAPS),
                ],
                condition=Q(state__in=["proposed", "live"]),
            ),
            ExclusionConstraint(
                name="accounts_teammember_one_leader",
                expressions=[(single("team"), RangeOperators.OVERLAPS), (days(), RangeOperators.OVERLAPS)],
                condition=Q(position="leader", state="live"),
            ),
            *vetted_constraints("accounts_teammember"),
        ]
        indexes = [
            models.Index(fields=["user", "valid_from"], name="accounts_teammember_user"),
            models.Index(fields=["id"], name="accounts_teammember_waiting", condition=Q(state="proposed")),
        ]


class Assignment(Versioned, Placed):
    """Objects given to one person, or to whoever holds one post: a helper's households, a visit plan.

    What it opens stands in ``ScopeItem``; the role says what may be done there. With a ``sample_id`` the
    evaluator has the scope of that sample, a number of the procedures, and no items of the own.
    """

    title = models.CharField(max_length=100)
    role = models.CharField(max_length=30, choices=ROLE_CHOICES)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="assignments")
    post = models.ForeignKey(Post, null=True, on_delete=models.PROTECT, related_name="assignments")
    assigned_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    sample_id = models.BigIntegerField(null=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["helper", "evaluator"]), name="accounts_assignment_known_role"
            ),
            models.CheckConstraint(
                condition=Q(sample_id__isnull=True) | Q(role="evaluator"),
                name="accounts_assignment_sample_role",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) ^ Q(post__isnull=False), name="accounts_assignment_one_holder"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="accounts_assignment_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "valid_from"], name="accounts_assignment_user"),
            models.Index(fields=["county_id", "id"], name="accounts_assignment_county"),
            models.Index(
                fields=["sample_id", "id"],
                condition=Q(sample_id__isnull=False),
                name="accounts_assignment_sample",
            ),
        ]


class ScopeItem(models.Model):
    """One object that an assignment or a sample opens. The object is a number of a higher domain.

    A household has one helper on any day (帮扶责任人): ``is_exclusive`` is set by the assignment of a helper.
    """

    class Kind(models.TextChoices):
        ASSIGNMENT = "assignment"
        SAMPLE = "sample"

    scope_kind = models.CharField(max_length=12, choices=Kind)
    scope_id = models.BigIntegerField()
    object_kind = models.CharField(max_length=30)
    object_id = models.BigIntegerField()
    is_exclusive = models.BooleanField(default=False)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope_kind__in=["assignment", "sample"]), name="accounts_scopeitem_known_kind"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="accounts_scopeitem_dates",
            ),
            ExclusionConstraint(
                name="accounts_scopeitem_one_helper",
                expressions=[
                    (single("object_id"), RangeOperators.OVERLAPS),
                    (days(), RangeOperators.OVERLAPS),
                ],
                condition=Q(is_exclusive=True, object_kind="household"),
            ),
        ]
        indexes = [
            models.Index(fields=["scope_kind", "scope_id", "object_kind"], name="accounts_scopeitem_scope"),
            models.Index(fields=["object_kind", "object_id"], name="accounts_scopeitem_object"),
        ]
