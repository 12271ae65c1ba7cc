"""The columns of the directory."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from yuchang.core.lists import state, text

STATE_KINDS = {"vetted": "good", "proposed": "warn"}
ORGANISATIONS = (
    text(
        "name",
        _("名称"),
        lambda r: r.name,
        href=lambda r: reverse("partners:organisation_page", args=[r.pk]),
        sort=("name",),
    ),
    text("kind", _("类型"), lambda r: r.get_kind_display()),
    text("place", _("所在地"), lambda r: r.place.full_name),
    text("capabilities", _("能力与资源"), lambda r: "、".join(r.capabilities)),
    text("host", _("引荐县"), lambda r: r.host.name),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATE_KINDS.get(r.state, "bad")),
)
