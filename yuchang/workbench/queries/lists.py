"""The columns of the windows' own lists: people and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.rules import Role
from yuchang.core.addresses import address
from yuchang.core.lists import Filter, state, text
from yuchang.workbench.queries.household import role_word
from yuchang.workbench.queries.log import action_choices, action_word, kind_choices, kind_word


def _hats(row: Any) -> str:
    parts = [
        role_word(Role(grant.role)) + (f" · {grant.place.name}" if grant.place else "")
        for grant in row.role_grants.all()
    ]
    return "；".join(parts)


PEOPLE = (
    text("name", _("姓名"), lambda r: r.display_name, href=lambda r: address("workbench:person", r.pk)),
    text("username", _("登录名"), lambda r: r.username),
    text("roles", _("岗位"), _hats),
    state(
        "state",
        _("状态"),
        lambda r: now("在用") if r.is_active else now("停用"),
        lambda r: "good" if r.is_active else "quiet",
    ),
)
LOG_FILTERS = {
    "action": _("动作（名称、领域或代码）"),
    "kind": _("对象类别"),
    "object_id": _("对象编号"),
    "actor": _("何人（姓名或编号）"),
}


def log_filters(given: Mapping[str, str]) -> list[Filter]:
    """The filters of the log, with the words that an action and a kind can be searched by."""
    choices = {"action": action_choices(), "kind": kind_choices()}
    return [Filter(k, word, given[k], suggestions=choices.get(k, ())) for k, word in LOG_FILTERS.items()]


LOG = (
    text("at", _("时间"), lambda r: f"{timezone.localtime(r.at):%Y-%m-%d %H:%M:%S}"),
    text("actor", _("何人"), lambda r: r.actor_name),
    text("action", _("动作"), lambda r: action_word(r.action), note=lambda r: r.action),
    text(
        "object",
        _("对象"),
        lambda r: f"{kind_word(r.object_kind, r.action)} {r.object_id}",
        note=lambda r: r.object_kind,
    ),
    text("action_code", _("动作代码"), lambda r: r.action, is_extra=True),
    text("kind_code", _("对象类别代码"), lambda r: r.object_kind, is_extra=True),
    text("object_id", _("对象编号"), lambda r: r.object_id, is_extra=True),
)
