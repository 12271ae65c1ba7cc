"""Roles given to a person directly, and taken back."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.actions.people import other_person
from yuchang.accounts.actions.proposals import MANAGE, check_days, explained, proposal
from yuchang.accounts.doors import open_door
from yuchang.accounts.models import Hat, RoleGrant, User
from yuchang.accounts.queries import grants_in_reach
from yuchang.accounts.rules import (
    HIGHEST_LEVEL,
    LOWEST_LEVEL,
    NEEDS_ORGANISATION,
    NOT_GRANTED,
    Actor,
    Role,
    may_be_combined,
)
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, Refused, invalid
from yuchang.places.models import Place


def grant_role(
    *,
    actor: Actor,
    user_id: int,
    role: Role,
    place_id: int | None = None,
    organisation_id: int | None = None,
    valid_to: date | None = None,
) -> RoleGrant:
    """Propose a role within a place or an organisation from today on; it lives once it is vetted.

    From the command line, where there is no second person yet, it lives at once. Nobody grants to himself;
    the three administrators and an auditor wear no other hat (三员分立).
    Raises Refused, Hidden, Invalid, Conflict.
    """
    today = clock.today()
    check_days(today, valid_to)
    with actions.write("accounts.grant_role", actor) as audit:
        user = other_person(actor, user_id)
        check_combination(user, role, today)
        place = scope_place(actor, role, place_id, organisation_id)
        same = _open_grants(user, today).filter(role=role, place=place, target_id=organisation_id)
        if same.exists():
            raise Conflict(_("此人已有这一岗位。"))
        with explained():
            grant = RoleGrant.objects.create(
                user=user,
                role=role,
                scope_kind="organisation" if organisation_id else "place",
                place=place,
                target_id=organisation_id,
                valid_from=today,
                valid_to=valid_to,
                **proposal(actor),
            )
        details = {"user": user.pk, "role": role, "organisation": organisation_id, "state": grant.state}
        audit.add("role_grant", grant.pk, place_id=place_id, **details)
    return grant


def end_grant(*, actor: Actor, grant_id: int, version: int | None) -> RoleGrant:
    """Take a role back as of today. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.end_grant", actor) as audit:
        grant = open_door(
            RoleGrant.objects.all(), actor, MANAGE, grant_id, within=grants_in_reach(actor), lock=True
        )
        if grant.user_id == actor.user_id:
            raise Refused(_("不能调整自己的岗位。"), remedy=_("请由另一位系统管理员办理。"))
        actions.check_version(grant, version)
        yesterday = clock.today() - timedelta(days=1)
        if grant.valid_to and grant.valid_to <= yesterday:
            raise Conflict(_("这一岗位已经结束。"))
        audit.add("role_grant", grant.pk, place_id=grant.place_id, user=grant.user_id, role=grant.role)
        if grant.valid_from > yesterday:
            grant.delete()
        else:
            grant.valid_to = yesterday
            actions.save(grant)
    return grant


def check_combination(user: User, role: Role, on: date) -> None:
    """The new role goes with those the person has or will have. Raises Refused."""
    rows = Hat.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), user=user)
    held = {Role(r) for r in rows.filter(state__in=["proposed", "live"]).values_list("role", flat=True)}
    if not may_be_combined(held | {role}):
        raise Refused(
            _("系统管理员、安全管理员、审计管理员、审计员互相分立,也不能兼任业务岗位。"),
            remedy=_("请为业务岗位另设账号。"),
        )


def _open_grants(user: User, on: date) -> QuerySet[RoleGrant]:
    rows = RoleGrant.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), user=user)
    return rows.filter(state__in=["proposed", "live"])


def place_within(actor: Actor, permission: str, place_id: int) -> Place:
    """A place that somebody typed into a form, within his reach. Raises Invalid at the field, Refused."""
    try:
        return open_door(Place.objects.filter(valid_to__isnull=True), actor, permission, place_id)
    except Hidden as error:
        message = _("没有这个地区,或不在您的管辖范围内。")
        raise invalid("place", message, _("请填写本地区以内的代码;其他地区请联系那里的管理员。")) from error


def scope_place(actor: Actor, role: Role, place_id: int | None, organisation_id: int | None) -> Place | None:
    """The place of a new right, within the giver's reach. Raises Invalid, Hidden."""
    if role == Role.EVALUATOR:
        raise invalid("role", _("评估员的权限来自抽查样本。"), _("请由抽取样本的人在抽查页面交给评估员。"))
    if role == Role.HELPER:
        raise invalid(
            "role", _("帮扶责任人只看到结对的农户。"), _("请新建账号,再在农户的页面上确定其为帮扶责任人。")
        )
    if role in NOT_GRANTED:
        raise invalid("role", _("农户用手机验证码登录,不在这里授予。"))
    if role in NEEDS_ORGANISATION:
        if organisation_id is None or place_id is not None:
            raise invalid("organisation", _("帮扶伙伴的岗位须指定所代表的单位。"))
        return None
    if place_id is None or organisation_id is not None:
        raise invalid("place", _("这一岗位须指定所管的地区。"))
    place = _at_level_of(role, place_within(actor, MANAGE, place_id))
    if place.level > LOWEST_LEVEL.get(role, 5):
        raise invalid("place", _("这一岗位的层级高于所选地区。"), _("请选择上一级地区。"))
    if place.level < HIGHEST_LEVEL.get(role, 0):
        raise invalid(
            "place", _("这一岗位的层级低于所选地区。"), _("请选择下一级地区;管几处的,每处各设一个。")
        )
    return place


def _at_level_of(role: Role, place: Place) -> Place:
    """A city without counties stands twice under one code, as prefecture and as county: the one meant."""
    if place.level >= HIGHEST_LEVEL.get(role, 0):
        return place
    same = Place.objects.filter(code=place.code, parent=place, valid_to__isnull=True)
    return same.filter(level=HIGHEST_LEVEL[role]).first() or place
