"""The second person's check."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Refused
from yuchang.registry.actions.cases import confirm, held_by_others
from yuchang.registry.models import Household

State = Household.State
WAITING = (State.ENTERED, State.LISTED, State.EXITED)


def verify_household(*, actor: Actor, household_id: int, version: int | None) -> Household:
    """Confirm an entry or correction made by somebody else (``registry.verify``).

    Raises Refused for one's own entry, Conflict when nothing waits, Stale.
    """
    with write("registry.verify_household", actor) as audit:
        household = open_door(Household.objects.all(), actor, "registry.verify", household_id, lock=True)
        check_version(household, version)
        if household.verified_by_id is not None or household.state not in WAITING:
            raise Conflict(_("该户没有待核实的内容。"), remedy=_("请刷新页面查看当前状态。"))
        if actor.user_id is None or household.entered_by_id == actor.user_id:
            raise Refused(_("不能核实自己录入的内容。"), remedy=_("请由另一名有核实权限的同事办理。"))
        household.verified_by_id, household.verified_at = actor.user_id, clock.now()
        if household.state == State.ENTERED:
            household.state = State.VERIFIED
        save(household)
        confirm(actor, [household.pk])
        audit.add("household", household.pk, place_id=household.place_id, version=household.version)
    return household


def verify_households(*, actor: Actor, household_ids: Sequence[int] | None = None) -> int:
    """Confirm all of these, or all that wait in the actor's area; one's own entries are left out.

    Returns how many were verified.
    """
    require(actor, "registry.verify")
    if actor.user_id is None:
        raise Refused(_("核实须由具名人员办理。"))
    now = clock.now()
    with write("registry.verify_households", actor) as audit:
        ids = list(_waiting(actor, household_ids).select_for_update().values_list("pk", flat=True))
        if not ids:
            raise Conflict(_("没有可由您核实的户。"), remedy=_("自己录入的户须由他人核实。"))
        rows = Household.objects.filter(pk__in=ids)
        rows.filter(state=State.ENTERED).update(state=State.VERIFIED, **_verified(actor, now))
        rows.filter(verified_by=None).update(**_verified(actor, now))
        confirm(actor, ids)
        audit.add_bulk(
            "household",
            "SELECT id::text, place_id, jsonb_build_object('version', version) FROM registry_household"
            " WHERE id = ANY(%s)",
            [ids],
        )
    return len(ids)


def _verified(actor: Actor, now: object) -> dict[str, object]:
    return {
        "verified_by_id": actor.user_id,
        "verified_at": now,
        "version": F("version") + 1,
        "updated_at": now,
    }


def _waiting(actor: Actor, household_ids: Sequence[int] | None) -> QuerySet[Household]:
    rows = Household.objects.filter(
        place_filter(actor, "registry.verify"), verified_by=None, state__in=WAITING, entered_by__isnull=False
    ).exclude(entered_by_id=actor.user_id)
    rows = rows.exclude(pk__in=list(held_by_others(actor)))
    return rows if household_ids is None else rows.filter(pk__in=list(household_ids))
