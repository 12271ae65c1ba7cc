"""Reads: who may see which organisation. Phone numbers are never part of a read (see ``reveal_phone``)."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import LEVEL_COLUMNS, NOTHING
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.partners.models import Organisation


def host_filter(actor: Actor, permission: str) -> Q:
    """Organisations hosted by a county in which the actor holds the permission."""
    condition = Q()
    for scope in actor.scopes(permission):
        if isinstance(scope, PlaceScope):
            if scope.level == 0:
                return Q()
            condition |= Q(**{f"host__{LEVEL_COLUMNS[min(scope.level, 3)]}": scope.place_id})
    return condition if condition else NOTHING


def managed_by(actor: Actor) -> Q:
    """Organisations that the actor may vet and suspend: those of the county hosting them."""
    return host_filter(actor, "partners.manage")


def owned_by(actor: Actor) -> Q:
    """Organisations for which the actor acts."""
    numbers = actor.organisation_ids("partners.own")
    return Q(pk__in=numbers) if numbers else NOTHING


def organisations_for(actor: Actor) -> QuerySet[Organisation]:
    """Vetted organisations for all; others for their host county, who proposed them, and themselves."""
    visible = Q(state=Organisation.State.VETTED) | host_filter(actor, "partners.read") | owned_by(actor)
    visible |= Q(proposed_by_id=actor.user_id)
    return Organisation.objects.filter(visible).select_related("place", "host").defer("phone_sealed")


def find_organisations(
    actor: Actor, *, text: str = "", kind: str = "", state: str = ""
) -> QuerySet[Organisation]:
    """The visible organisations whose name or capability contains the text, of a kind, in a state."""
    rows = organisations_for(actor)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(capabilities__contains=[text]))
    if kind:
        rows = rows.filter(kind=kind)
    if state:
        rows = rows.filter(state=state)
    return rows


def organisation_for(actor: Actor, organisation_id: int) -> Organisation:
    """One visible organisation. Raises Hidden."""
    return open_door(organisations_for(actor), actor, "partners.read", organisation_id, within=Q())


def cooperatives_in(county_id: int) -> QuerySet[Organisation]:
    """The vetted co-operatives seated in a county, by name."""
    rows = Organisation.objects.filter(kind=Organisation.Kind.COOPERATIVE, state=Organisation.State.VETTED)
    return rows.filter(county_id=county_id).order_by("name", "id")
