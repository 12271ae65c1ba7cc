"""The columns of the lists of procedures."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.core.addresses import address
from yuchang.core.lists import Cell, Column, day, number, state, text
from yuchang.procedures import queries
from yuchang.procedures.models import Case


def _step(case: Case) -> str:
    step = queries.plan_of(case.definition).steps.get(case.step)
    return queries.words(step.title, step.title_en) if step else case.step


def _left(case: Case) -> Cell:
    """How many days of the calendar are left, as a state."""
    if case.due_on is None:
        return Cell("—")
    days = (case.due_on - clock.today()).days
    if days < 0:
        return Cell(now("逾期 %(n)s 天") % {"n": -days}, kind="bad", raw=days)
    if days <= 2:
        return Cell(now("剩 %(n)s 天") % {"n": days}, kind="warn", raw=days)
    return Cell(now("剩 %(n)s 天") % {"n": days}, kind="info", raw=days)


def _case(case: Case) -> str:
    return address("procedures:case", case.pk)


_TITLE = text("title", _("事项"), lambda r: r.title, href=_case, note=lambda r: r.reference)
_PROCEDURE = text("procedure", _("程序"), lambda r: queries.words(r.definition.title, r.definition.title_en))
_PLACE = text("place", _("地区"), lambda r: r.place.name)
_STEP = text("step", _("当前步骤"), _step)
_DUE = day("due", _("期限"), lambda r: r.due_on, sort=("due_on",))
_OPENED = day("opened", _("发起"), lambda r: r.opened_at, is_extra=True)

DUE: tuple[Column, ...] = (
    _TITLE,
    _PROCEDURE,
    _PLACE,
    _STEP,
    _DUE,
    Column("left", _("剩余"), _left),
    _OPENED,
)
OVERDUE: tuple[Column, ...] = (
    _TITLE,
    _PROCEDURE,
    _PLACE,
    _STEP,
    _DUE,
    Column("left", _("剩余"), _left),
    state(
        "rung",
        _("上报"),
        lambda r: now("第 %(n)s 级") % {"n": r.escalation} if r.escalation else now("未上报"),
        lambda r: "bad" if r.escalation > 1 else "warn",
    ),
    _OPENED,
)


def _sample(row: Any) -> str:
    return address("procedures:sample", row.pk)


def _cases(_row: Any) -> str:
    return now("件")


SAMPLES: tuple[Column, ...] = (
    text("sample", _("抽查"), lambda r: r.pk, href=_sample, sort=("id",)),
    text("place", _("地区"), lambda r: r.place.name),
    text("code", _("程序"), lambda r: queries.step_words(r.code, r.step)[0]),
    text("step", _("步骤"), lambda r: queries.step_words(r.code, r.step)[1]),
    number("population", _("总体"), lambda r: r.population, unit=_cases),
    number("size", _("抽中"), lambda r: r.size, unit=_cases),
    number("share", _("比例"), lambda r: r.share_percent, unit=lambda _r: "%"),
    number("draw", _("第几次"), lambda r: r.draw),
    day("on", _("抽取日"), lambda r: r.drawn_at),
)
