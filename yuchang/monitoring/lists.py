"""The columns of the list of alerts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.core.addresses import address
from yuchang.core.language import is_english
from yuchang.core.lists import Cell, Column, day, day_word, state, text, yuan
from yuchang.monitoring.rules import KIND_WORDS, SignalKind

STATE_KINDS = {"open": "warn", "escalated": "bad"}


def kind_word(kind: str) -> str:
    """The name of an alert's kind in the reader's language."""
    return KIND_WORDS[SignalKind(kind)][int(is_english())]


def _due(row: Any) -> Cell:
    is_late = row.state != "closed" and row.due_on < clock.today()
    return Cell(day_word(row.due_on), note=now("已超期") if is_late else "")


ALERTS = (
    Column("due", _("办理时限"), _due, sort=("due_on",)),
    text(
        "head",
        _("户主"),
        lambda r: r.household.head_name,
        href=lambda r: address("monitoring:alert", r.pk),
    ),
    text("place", _("村"), lambda r: r.place.name),
    text("kind", _("预警原因"), lambda r: kind_word(r.kind)),
    yuan("observed", _("观测值(元)"), lambda r: r.observed_fen),
    yuan("limit", _("界限(元)"), lambda r: r.limit_fen),
    day("opened", _("发现日期"), lambda r: r.opened_on, is_extra=True),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATE_KINDS.get(r.state, "good")),
)
