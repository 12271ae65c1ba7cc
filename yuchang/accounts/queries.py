"""Reads: who is acting, and the filters by which rows come into reach."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.rules import (
    Actor,
    AssignmentScope,
    ConsentScope,
    Grant,
    HouseholdScope,
    OrganisationScope,
    PlaceScope,
    Role,
    SampleScope,
    Scope,
)

LEVEL_COLUMNS = {1: "province_id", 2: "prefecture_id", 3: "county_id", 4: "township_id", 5: "village_id"}
NOTHING = Q(pk__in=[])
EVERYTHING = Q(pk__isnull=False)  # not an empty Q, which would vanish when joined by “or”


def actor_for(user_id: int, name: str, on: date) -> Actor:
    """The person with every grant valid on the day. One query."""
    rows = RoleGrant.objects.filter(user_id=user_id, user__is_active=True, valid_from__lte=on)
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on)).select_related("place").order_by("id")
    return Actor(user_id, name, tuple(Grant(Role(row.role), _scope(row)) for row in rows))


def _scope(row: RoleGrant) -> Scope:
    if row.scope_kind == "place":
        return PlaceScope(row.place.pk, row.place.level) if row.place else PlaceScope(0, 0)
    number = row.target_id
    assert number is not None  # noqa: S101 - the table's check constraint says so
    kinds: dict[str, Callable[[int], Scope]] = {
        "organisation": OrganisationScope,
        "household": HouseholdScope,
        "assignment": AssignmentScope,
        "consent": ConsentScope,
        "sample": SampleScope,
    }
    return kinds[row.scope_kind](number)


def place_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Rows whose place keys lie in the actor's places; no such scope, no rows.

    ``prefix`` leads from the queried table to the one with the keys, for example ``household__``.
    """
    condition = Q()
    for scope in actor.scopes(permission):
        if isinstance(scope, PlaceScope):
            if scope.level == 0:
                return EVERYTHING
            condition |= Q(**{prefix + LEVEL_COLUMNS[scope.level]: scope.place_id})
    return condition if condition else NOTHING


def organisation_filter(actor: Actor, permission: str, column: str = "organisation_id") -> Q:
    """Rows of the actor's organisations; none, no rows."""
    numbers = actor.organisation_ids(permission)
    return Q(**{f"{column}__in": numbers}) if numbers else NOTHING


def grants_in_reach(actor: Actor) -> Q:
    """Grants that a manager of accounts may see and end: those within the places he or she keeps."""
    condition = place_filter(actor, "accounts.manage", prefix="place__")
    is_national = any(isinstance(s, PlaceScope) and s.level == 0 for s in actor.scopes("accounts.manage"))
    return Q() if is_national else condition & Q(place__isnull=False)


def people_for(actor: Actor) -> QuerySet[User]:
    """The people whose accounts the actor keeps: with a grant in reach, or without any grant yet."""
    if not actor.may("accounts.manage"):
        return User.objects.none()
    grants = RoleGrant.objects.filter(user=OuterRef("pk"))
    return User.objects.filter(Exists(grants.filter(grants_in_reach(actor))) | ~Exists(grants))
