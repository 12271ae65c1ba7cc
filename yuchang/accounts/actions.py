"""Writes about people: who may sign in, and with which roles where."""

from __future__ import annotations

import secrets
from datetime import date

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.queries import grants_in_reach, people_for
from yuchang.accounts.rules import NEEDS_ORGANISATION, Actor, Role, may_be_combined
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid
from yuchang.places.models import Place

MANAGE = "accounts.manage"
# Without letters and digits that are mistaken for each other when read from paper.
_SMALL, _LARGE, _DIGITS = "abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"


def one_time_password() -> str:
    """Twelve random characters of three kinds, for paper; good for one sign-in, then it must be changed."""
    drawn = [secrets.choice(kind) for kind in (_SMALL, _LARGE, _DIGITS) for _i in range(4)]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def create_user(*, actor: Actor, username: str, display_name: str) -> tuple[User, str]:
    """A new person without any role, and the one-time password, which is nowhere stored in the clear.

    Raises Invalid for a name that is taken, Refused without the right.
    """
    require(actor, MANAGE)
    password = one_time_password()
    user = User(username=username.strip(), display_name=display_name.strip(), password_is_temporary=True)
    user.set_password(password)
    try:
        with actions.write("accounts.create_user", actor) as audit:
            with transaction.atomic():
                user.save()
            audit.add("user", user.pk, username=user.username)
    except IntegrityError as error:
        taken = _("登录名“%(name)s”已有人使用。") % {"name": user.username}
        raise invalid("username", taken, _("请换一个登录名。")) from error
    return user, password


def reset_password(*, actor: Actor, user_id: int) -> str:
    """A new one-time password. Raises Hidden, Refused."""
    with actions.write("accounts.reset_password", actor) as audit:
        user = _other_person(actor, user_id)
        password = one_time_password()
        user.set_password(password)
        user.password_is_temporary = True
        user.save(update_fields=["password", "password_is_temporary"])
        audit.add("user", user.pk)
    return password


def change_own_password(*, actor: Actor, old: str, new: str) -> User:
    """The signed-in person's own new password. Raises Invalid: the old one is wrong, or the new one weak."""
    with actions.write("accounts.change_own_password", actor) as audit:
        user = User.objects.select_for_update().get(pk=actor.user_id or 0)
        if not user.check_password(old):
            raise invalid("old", _("原密码不对。"))
        if old == new:
            raise invalid("new", _("新密码不能与原密码相同。"))
        try:
            validate_password(new, user)
        except ValidationError as error:
            raise Invalid([Problem("new", text) for text in error.messages]) from error
        user.set_password(new)
        user.password_is_temporary = False
        user.save(update_fields=["password", "password_is_temporary"])
        audit.add("user", user.pk)
    return user


def grant_role(
    *,
    actor: Actor,
    user_id: int,
    role: Role,
    place_id: int | None = None,
    organisation_id: int | None = None,
    valid_to: date | None = None,
) -> RoleGrant:
    """Give a role within a place or an organisation from today on.

    Nobody grants to himself; a system administrator and an auditor wear no other hat (三员分立).
    Raises Refused, Hidden, Invalid, Conflict.
    """
    with actions.write("accounts.grant_role", actor) as audit:
        user = _other_person(actor, user_id)
        today = clock.today()
        held = {Role(r) for r in _live_grants(user, today).values_list("role", flat=True)}
        if not may_be_combined(held | {role}):
            raise Refused(
                _("系统管理员、审计员与业务岗位不能由同一人担任。"), remedy=_("请为业务岗位另设账号。")
            )
        place = _scope_place(actor, role, place_id, organisation_id)
        same = _live_grants(user, today).filter(role=role, place=place, target_id=organisation_id)
        if same.exists():
            raise Conflict(_("此人已有这一岗位。"))
        grant = RoleGrant.objects.create(
            user=user,
            role=role,
            scope_kind="organisation" if organisation_id else "place",
            place=place,
            target_id=organisation_id,
            valid_from=today,
            valid_to=valid_to,
        )
        audit.add(
            "role_grant", grant.pk, place_id=place_id, user=user.pk, role=role, organisation=organisation_id
        )
    return grant


def end_grant(*, actor: Actor, grant_id: int) -> RoleGrant:
    """Take a role back as of today. Raises Hidden, Refused, Conflict."""
    with actions.write("accounts.end_grant", actor) as audit:
        grant = open_door(
            RoleGrant.objects.all(), actor, MANAGE, grant_id, within=grants_in_reach(actor), lock=True
        )
        if grant.user_id == actor.user_id:
            raise Refused(_("不能调整自己的岗位。"), remedy=_("请由另一位系统管理员办理。"))
        yesterday = date.fromordinal(clock.today().toordinal() - 1)
        if grant.valid_to and grant.valid_to <= yesterday:
            raise Conflict(_("这一岗位已经结束。"))
        audit.add("role_grant", grant.pk, place_id=grant.place_id, user=grant.user_id, role=grant.role)
        if grant.valid_from > yesterday:
            grant.delete()
        else:
            grant.valid_to = yesterday
            grant.save(update_fields=["valid_to"])
    return grant


def deactivate_user(*, actor: Actor, user_id: int, reason: str) -> User:
    """Close an account; every session of it ends at its next request. Raises Hidden, Refused, Conflict."""
    if not reason.strip():
        raise invalid("reason", _("请写明停用的理由。"))
    with actions.write("accounts.deactivate_user", actor) as audit:
        user = _other_person(actor, user_id)
        if not user.is_active:
            raise Conflict(_("该账号已经停用。"))
        user.is_active = False
        user.save(update_fields=["is_active"])
        audit.add("user", user.pk, reason=reason.strip())
    return user


def _other_person(actor: Actor, user_id: int) -> User:
    user = open_door(people_for(actor), actor, MANAGE, user_id, within=Q(), lock=True)
    if user.pk == actor.user_id:
        raise Refused(_("不能调整自己的账号与岗位。"), remedy=_("请由另一位系统管理员办理。"))
    return user


def _live_grants(user: User, on: date) -> QuerySet[RoleGrant]:
    return RoleGrant.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), user=user)


def _scope_place(actor: Actor, role: Role, place_id: int | None, organisation_id: int | None) -> Place | None:
    """The place of the new grant, within the giver's reach. Raises Invalid, Hidden."""
    if role in NEEDS_ORGANISATION:
        if organisation_id is None or place_id is not None:
            raise invalid("organisation", _("帮扶伙伴的岗位须指定所代表的单位。"))
        return None
    if place_id is None or organisation_id is not None:
        raise invalid("place", _("这一岗位须指定所管的地区。"))
    return open_door(Place.objects.filter(valid_to__isnull=True), actor, MANAGE, place_id)
