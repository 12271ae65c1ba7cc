"""Accounts: who may sign in, with which password."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import Hat, SignIn, User
from yuchang.accounts.queries import has_hats_beyond, live, people_for
from yuchang.accounts.rules import ADMINISTRATORS, Actor, PlaceScope, Role
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid

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
    user.home_id, user.password_changed_at = _home_of(actor), clock.now()
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


def reset_password(*, actor: Actor, user_id: int, version: int | None) -> str:
    """A new one-time password; every session of the person ends. Raises Hidden, Refused, Stale."""
    with actions.write("accounts.reset_password", actor) as audit:
        user = person_to_let_in(actor, user_id)
        actions.check_version(user, version)
        password = one_time_password()
        user.set_password(password)
        user.password_is_temporary, user.password_changed_at = True, clock.now()
        actions.save(user)
        end_sessions(user)
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
        user.password_is_temporary, user.password_changed_at = False, clock.now()
        actions.save(user)
        audit.add("user", user.pk)
    return user


def deactivate_user(*, actor: Actor, user_id: int, version: int | None, reason: str) -> User:
    """Close an account for a time; every session of it ends at once, posts and rights are kept on paper.

    Who leaves for good: ``leaving.leave``. Raises Hidden, Refused, Stale, Conflict.
    """
    if not reason.strip():
        raise invalid("reason", _("请写明停用的理由。"))
    with actions.write("accounts.deactivate_user", actor) as audit:
        user = wholly_kept(actor, user_id)
        actions.check_version(user, version)
        close(user)
        audit.add("user", user.pk, reason=reason.strip())
    return user


def close(user: User) -> None:
    """Nobody signs in to a locked account any more; part of an action. Raises Conflict."""
    if not user.is_active:
        raise Conflict(_("该账号已经停用。"))
    user.is_active = False
    actions.save(user)
    end_sessions(user)


def reactivate_user(*, actor: Actor, user_id: int, version: int | None) -> User:
    """Open a closed account again; its rights are those that still run. Raises Hidden, Refused, Conflict."""
    with actions.write("accounts.reactivate_user", actor) as audit:
        user = wholly_kept(actor, user_id)
        actions.check_version(user, version)
        if user.is_active:
            raise Conflict(_("该账号没有停用。"))
        user.is_active = True
        actions.save(user)
        audit.add("user", user.pk)
    return user


def other_person(actor: Actor, user_id: int) -> User:
    """Somebody else whose account the actor keeps, locked. Raises Hidden, Refused."""
    user = open_door(people_for(actor), actor, MANAGE, user_id, within=Q(), lock=True)
    if user.pk == actor.user_id:
        raise Refused(_("不能调整自己的账号与岗位。"), remedy=_("请由另一位系统管理员办理。"))
    return user


def wholly_kept(actor: Actor, user_id: int) -> User:
    """``other_person`` without a hat beyond the actor's places. Raises Hidden, Refused.

    Who opens or closes a county officer's account by his second post in a township decides on the county.
    """
    user = other_person(actor, user_id)
    if has_hats_beyond(actor, user.pk):
        raise Refused(
            _("此人在您管辖范围以外也有岗位。"),
            remedy=_("账号由管辖其全部岗位的上级系统管理员办理;您可以收回或结束本地区的岗位。"),
        )
    return user


def person_to_let_in(actor: Actor, user_id: int) -> User:
    """The same, for whoever gets a new way in. Raises Hidden, Refused.

    Who can open the account of a security or audit administrator holds that office too; the three would
    be one person's. Only the operator of the machine can (``first.let_in_again``).
    """
    user = wholly_kept(actor, user_id)
    watching = [role for role in ADMINISTRATORS if role != Role.SYSTEM_ADMINISTRATOR]
    of_them = Hat.objects.filter(live(clock.today()), user=user, state="live", role__in=watching)
    if actor.user_id is not None and of_them.exists():
        raise Refused(
            _("安全管理员与审计管理员的密码和第二步验证不由系统管理员重设。"),
            remedy=_("请由运维人员在服务器上执行 manage.py administrators --again 登录名。"),
        )
    return user


def end_sessions(user: User, but: str = "") -> int:
    """Sign a person out everywhere, but for one session. Returns how many ended; part of an action."""
    rows = SignIn.objects.filter(user=user).exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    return len(keys)


def _home_of(actor: Actor) -> int | None:
    """The place whose administrator made the account; None for one of the whole country."""
    places = [s.place_id for s in actor.scopes(MANAGE) if isinstance(s, PlaceScope)]
    return places[0] if places and places[0] else None
