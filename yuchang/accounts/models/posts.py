"""Posts apart from people: the chair, who sits on it from when to when, and who stands in."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models.grants import ROLE_CHOICES, ROLE_VALUES, Vetted, vetted_constraints
from yuchang.accounts.models.people import User
from yuchang.core.models import Versioned
from yuchang.places.models import Placed

CLOSED = RangeBoundary(inclusive_lower=True, inclusive_upper=True)


def days(start: str = "valid_from", end: str = "valid_to") -> Func:
    """The days of a row as a range, both ends included."""
    return Func(F(start), F(end), CLOSED, function="daterange", output_field=DateRangeField())


def single(column: str) -> Func:
    """A number as a range of one: plain GiST then compares it for equality (``btree_gist`` may be absent)."""
    return Func(F(column), F(column), Value("[]"), function="int8range")


class Department(Versioned, Placed):
    """An organ of the state at one place: 县乡村振兴局, 县商务局, 村民委员会."""

    name = models.CharField(max_length=100)
    ended_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "name"], name="accounts_department_once"),
        ]
        indexes = [models.Index(fields=["county_id", "name", "id"], name="accounts_department_county")]


class Post(Versioned, Placed):
    """A chair: one role within one place or for one organisation, whoever sits on it.

    Work is tied to the post, so a hand-over moves it in one step. Role and scope never change;
    another duty is another post.
    """

    title = models.CharField(max_length=60)
    role = models.CharField(max_length=30, choices=ROLE_CHOICES)
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, related_name="posts")
    organisation_id = models.BigIntegerField(null=True)
    closed_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=ROLE_VALUES), name="accounts_post_known_role"),
        ]
        indexes = [
            models.Index(fields=["county_id", "title", "id"], name="accounts_post_county"),
            models.Index(fields=["place", "title", "id"], name="accounts_post_place"),
        ]


class Incumbency(Vetted):
    """A person holds a post from a day until a day; on any day at most one person holds it."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="incumbencies")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="incumbencies")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="accounts_incumbency_dates",
            ),
            ExclusionConstraint(
                name="accounts_incumbency_one_at_a_time",
                expressions=[(single("post"), RangeOperators.OVERLAPS), (days(), RangeOperators.OVERLAPS)],
                condition=Q(state="live"),
            ),
            *vetted_constraints("accounts_incumbency"),
        ]
        indexes = [
            models.Index(fields=["user", "valid_from"], name="accounts_incumbency_user"),
            models.Index(fields=["id"], name="accounts_incumbency_waiting", condition=Q(state="proposed")),
        ]


class Deputy(Vetted):
    """During a leave another person acts with the rights of one post; the holder keeps them too."""

    class Reason(models.TextChoices):
        LEAVE = "leave", _("请假")
        TRAVEL = "travel", _("出差")
        STUDY = "study", _("学习")
        EXCHANGE = "exchange", _("交流任职")

    incumbency = models.ForeignKey(Incumbency, on_delete=models.PROTECT, related_name="deputies")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="deputyships")
    valid_from = models.DateField()
    valid_to = models.DateField()
    reason = models.CharField(max_length=10, choices=Reason)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="accounts_deputy_dates"),
            ExclusionConstraint(
                name="accounts_deputy_one_at_a_time",
                expressions=[
                    (single("incumbency"), RangeOperators.OVERLAPS),
                    (days(), RangeOperators.OVERLAPS),
                ],
                condition=Q(state="live"),
            ),
            *vetted_constraints("accounts_deputy"),
        ]
        indexes = [
            models.Index(fields=["user", "valid_from"], name="accounts_deputy_user"),
            models.Index(fields=["id"], name="accounts_deputy_waiting", condition=Q(state="proposed")),
        ]
