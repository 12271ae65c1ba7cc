"""The first administrators of a new installation, and the way back for one who cannot sign in any more.

Only the command line comes here: whoever runs the machine, without a role of his own.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from yuchang.accounts.actions.factors import remove_second_factors
from yuchang.accounts.actions.grants import grant_role
from yuchang.accounts.actions.people import create_user, reset_password
from yuchang.accounts.models import Hat, User
from yuchang.accounts.queries import live
from yuchang.accounts.rules import ROLE_WORDS, Actor, Grant, PlaceScope, Role
from yuchang.core import clock
from yuchang.core.errors import Hidden, invalid
from yuchang.places.models import Place

OPERATOR = Actor(None, "command line", (Grant(Role.SYSTEM_ADMINISTRATOR, PlaceScope(0, 0)),))
_NAMES = {
    Role.SYSTEM_ADMINISTRATOR: "system",
    Role.SECURITY_ADMINISTRATOR: "security",
    Role.AUDIT_ADMINISTRATOR: "audit",
}


@dataclass(frozen=True)
class Made:
    """One of the three: ``password`` is empty where somebody held the role before."""

    role: Role
    username: str
    password: str


def first_administrators(place: Place) -> list[Made]:
    """One account for each of the three administrators (三员) of a place, with one-time passwords.

    A role that somebody holds there stays with its holder, so that a repeat changes nothing.
    """
    return [_holder(role, place) or _make(role, place) for role in _NAMES]


def _holder(role: Role, place: Place) -> Made | None:
    hats = Hat.objects.filter(live(clock.today()), state="live", role=role, place=place, user__is_active=True)
    hat = hats.select_related("user").order_by("source_id").first()
    return Made(role, hat.user.username, "") if hat else None


def _make(role: Role, place: Place) -> Made:
    name = f"{_NAMES[role]}-{place.code.rstrip('0') or place.code}"
    taken = User.objects.filter(username__startswith=name).count()
    username = f"{name}-{taken + 1}" if taken else name
    user, password = create_user(actor=OPERATOR, username=username, display_name=ROLE_WORDS[role][0])
    grant_role(actor=OPERATOR, user_id=user.pk, role=role, place_id=place.pk)
    return Made(role, username, password)


def let_in_again(username: str) -> str:
    """A new one-time password for an administrator; factors and sessions go. Raises Hidden, Invalid."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Hidden(_("没有这个登录名。"))
    if not Hat.objects.filter(live(clock.today()), user=user, state="live", role__in=list(_NAMES)).exists():
        raise invalid("username", _("此人不是三员之一。"), _("请由系统管理员在“人员”页面重设密码。"))
    user = remove_second_factors(actor=OPERATOR, user_id=user.pk, version=user.version)
    return reset_password(actor=OPERATOR, user_id=user.pk, version=user.version)
