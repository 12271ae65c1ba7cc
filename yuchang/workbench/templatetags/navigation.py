"""What the top bar shows: the rooms a person may enter, the person's hats, the person's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.models import RoleGrant
from yuchang.accounts.queries import role_word
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core.addresses import address
from yuchang.messages.queries import unread_count
from yuchang.procedures.queries import READ
from yuchang.workbench.queries.searching import KINDS

register = template.Library()

# Word, address, permission; the order of the bar.
ROOMS: tuple[tuple[Any, str, str], ...] = (
    (gettext_lazy("待办"), "workbench:home", "workbench.read"),
    (gettext_lazy("本地"), "workbench:dashboard", "monitoring.read"),
    (gettext_lazy("农户"), "registry:household_list", "registry.read"),
    (gettext_lazy("供需"), "exchange:board", "exchange.read"),
    (gettext_lazy("订单"), "market:round_list", "market.read"),
    (gettext_lazy("预警"), "monitoring:alerts", "monitoring.read"),
    (gettext_lazy("账本"), "ledger:transaction_list", "ledger.read"),
    (gettext_lazy("政策"), "policy:desk", "policy.read"),
    (gettext_lazy("程序"), "procedures:due", "procedures.read"),
    (gettext_lazy("报表"), "sheets:plan_list", "sheets.read"),
    (gettext_lazy("伙伴"), "partners:organisation_list", "partners.read"),
    (gettext_lazy("公开"), "publication:home", "portal.publish"),
    (gettext_lazy("内外交换"), "publication:bundles", "portal.carry"),
    (gettext_lazy("地区"), "places:index", "workbench.read"),
    (gettext_lazy("审计"), "workbench:audit_log", "audit.read"),
    (gettext_lazy("运行"), "workbench:operations", "operations.read"),
    (gettext_lazy("人员"), "workbench:people", "accounts.manage"),
)


MOST_SOUGHT = (
    "registry.read",
    "accounts.manage",
    "workbench.read",
    "partners.read",
    "exchange.read",
    "market.read",
    READ,
)


@dataclass(frozen=True)
class Room:
    """One link of the top bar."""

    word: str
    url: str
    is_here: bool


@register.simple_tag(takes_context=True)
def rooms(context: dict[str, Any]) -> list[Room]:
    """The links that the present actor may use, the present one marked."""
    request: HttpRequest = context["request"]
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        return []
    found = []
    for word, name, permission in ROOMS:
        if not actor.may(permission):
            continue
        if url := address(name):
            found.append(Room(str(word), url, _is_here(request.path, url)))
    return found


@dataclass(frozen=True)
class Bell:
    """The way to the inbox, and how much in it is unread."""

    url: str
    count: int

    @property
    def shown(self) -> str:
        """The number, ``99+`` at most."""
        return "99+" if self.count > 99 else str(self.count)

    @property
    def words(self) -> str:
        """What a screen reader says."""
        return _("消息，%(n)s 条未读") % {"n": self.shown} if self.count else _("消息")


@register.simple_tag(takes_context=True)
def bell(context: dict[str, Any]) -> Bell | None:
    """Unread messages of the present actor; nothing where there is no inbox. One query."""
    actor = context.get("actor")
    if not isinstance(actor, Actor) or not actor.user_id:
        return None
    url = address("messages:inbox")
    return Bell(url, unread_count(actor)) if url else None


def _is_here(path: str, url: str) -> bool:
    return path == url if url == "/" else path.startswith(url)


@register.simple_tag(takes_context=True)
def findable(context: dict[str, Any]) -> str:
    """What the box on top finds for the present actor, the most asked for first: three kinds."""
    actor = context.get("actor")
    if not isinstance(actor, Actor):
        return ""
    words = {permission: str(word) for word, permission, _find in KINDS}
    found = [words[permission] for permission in MOST_SOUGHT if actor.may(permission)][:3]
    return _("、").join(found).lower()


@register.filter
def may(actor: Actor | None, permission: str) -> bool:
    """``{% if actor|may:"registry.verify" %}``: whether the actor holds the permission anywhere."""
    return isinstance(actor, Actor) and actor.may(permission)


@register.filter
def hats(actor: Actor | None) -> str:
    """The actor's roles in words."""
    if not isinstance(actor, Actor):
        return ""
    words = dict.fromkeys(role_word(grant.role) for grant in actor.grants)
    return (" · ").join(words)


@register.filter
def area(actor: Actor | None) -> str:
    """The name of the first place within which the actor works; empty for a national scope."""
    if not isinstance(actor, Actor):
        return ""
    for grant in actor.grants:
        if isinstance(grant.scope, PlaceScope) and grant.scope.level:
            return grant.scope.name
    return ""


@register.filter
def role(grant: RoleGrant) -> str:
    """The role of a grant in words."""
    return role_word(grant.role)
