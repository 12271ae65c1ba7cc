"""The columns of the windows' own lists: people and the audit log."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.rules import Role
from yuchang.core.addresses import address
from yuchang.core.lists import state, text
from yuchang.workbench.queries.household import role_word


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
    "action": _("动作（以点结尾查整个领域）"),
    "kind": _("对象类别"),
    "object_id": _("对象编号"),
    "actor": _("何人（姓名或编号）"),
}
LOG = (
    text("at", _("时间"), lambda r: f"{timezone.localtime(r.at):%Y-%m-%d %H:%M:%S}"),
    text("actor", _("何人"), lambda r: r.actor_name),
    text("action", _("动作"), lambda r: r.action),
    text("object", _("对象"), lambda r: f"{r.object_kind} {r.object_id}"),
)
