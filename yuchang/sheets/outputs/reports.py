"""Monthly reports and ledgers: a plan says what, each month is frozen once, a correction is a new edition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, YuchangError, invalid
from yuchang.places.models import Place, keys_of
from yuchang.sheets import reads
from yuchang.sheets.catalogue import fields_of, source_named
from yuchang.sheets.models import Output, Report, ReportPlan, Template
from yuchang.sheets.outputs.making import Wish, prepare, told, words_of
from yuchang.sheets.queries import task_app


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def last_day(period: date) -> date:
    """The last day of the month that begins on ``period``."""
    return (period.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def save_plan(
    *,
    actor: Actor,
    area_id: int,
    name: str,
    kind: str,
    source: str,
    narrow: dict[str, Any],
    fields: Sequence[str],
    template_id: int | None,
    starts_on: date,
    plan_id: int | None = None,
    version: int | None = None,
) -> ReportPlan:
    """Plan a monthly report of an area, or change a plan; frozen months stay as they are.

    Raises Refused without ``sheets.design``, Invalid for a name that is taken or nothing to show.
    """
    with write("sheets.save_plan", actor) as audit:
        area = open_door(Place.objects.all(), actor, "sheets.design", area_id)
        declared = source_named(source)
        require(actor, declared.permission)
        template = _template(actor, template_id, source)
        names = [f.name for f in fields_of(declared, fields)]
        _require_plan(area, name, names, template, plan_id)
        plan = ReportPlan(place=area, **keys_of(area), version=0)
        if plan_id is not None:
            plan = open_door(ReportPlan.objects.all(), actor, "sheets.design", plan_id, lock=True)
            check_version(plan, version)
        assert actor.user_id is not None  # noqa: S101 - the door let a person through
        plan.name, plan.kind, plan.source = name.strip(), kind, source
        plan.narrow, plan.fields = declared.canonical(narrow), names
        plan.template, plan.starts_on, plan.made_by_id = template, month_of(starts_on), actor.user_id
        plan.message = ""
        save(plan)
        audit.add("report_plan", plan.pk, place_id=area.pk, name=plan.name, source=source)
    return plan


def _template(actor: Actor, template_id: int | None, source: str) -> Template | None:
    if template_id is None:
        return None
    found = reads.template_for(actor, template_id)
    if found.kind != Template.Kind.WORKBOOK or found.source != source:
        raise invalid("template", _("这个模板不适用于所选数据。"), _("请选择同一种数据的工作簿模板。"))
    return found


def _require_plan(
    area: Place, name: str, names: Sequence[str], template: Template | None, plan_id: int | None
) -> None:
    if not name.strip():
        raise invalid("name", _("请填写名称。"))
    if template is None and not names:
        raise invalid("fields", _("没有选择任何字段。"), _("请至少选择一项,或选择模板。"))
    if ReportPlan.objects.filter(place=area, name=name.strip()).exclude(pk=plan_id or 0).exists():
        raise invalid("name", _("本地区已有同名报表。"), _("请换一个名称。"))


def stop_plan(*, actor: Actor, plan_id: int, version: int | None) -> ReportPlan:
    """Let a plan rest, or go on; what was frozen stays."""
    with write("sheets.stop_plan", actor) as audit:
        plan = open_door(ReportPlan.objects.all(), actor, "sheets.design", plan_id, lock=True)
        check_version(plan, version)
        plan.is_stopped = not plan.is_stopped
        save(plan)
        audit.add("report_plan", plan.pk, place_id=plan.place_id, is_stopped=plan.is_stopped)
    return plan


def freeze_month(*, actor: Actor, plan_id: int, period: date, reason: str = "") -> Output:
    """Freeze one month of a plan in the background.

    Raises Conflict when the month is not over, is frozen already, or is being frozen.
    """
    period = month_of(period)
    with write("sheets.freeze_month", actor) as audit:
        plan = open_door(ReportPlan.objects.all(), actor, "sheets.design", plan_id, lock=True)
        _require_due(plan, period, reason)
        edition = reads.newest_edition(plan.template) if plan.template else None
        wish = Wish(
            kind=Output.Kind.REPORT,
            source=plan.source,
            area_id=plan.place_id,
            title=f"{plan.name} {period:%Y-%m}",
            narrow=plan.narrow,
            fields=tuple(plan.fields),
            edition_id=edition.pk if edition else None,
            options={"plan": plan.pk, "period": period.isoformat(), "reason": reason.strip()[:300]},
        )
        output = prepare(actor=actor, wish=wish, on=last_day(period))
        output.permission, output.expires_on = "sheets.read", None
        save(output)
        audit.add("output", output.pk, place_id=plan.place_id, period=period, **told(output))
        task_app().configure_task("sheets.make").defer(output_id=output.pk)
    return output


def _require_due(plan: ReportPlan, period: date, reason: str) -> None:
    if period < plan.starts_on:
        month = f"{plan.starts_on:%Y-%m}"
        raise Conflict(
            _("这张报表从 %(month)s 开始。") % {"month": month},
            remedy=_("请选择该月以后的月份,或先修改报表的起始月份。"),
        )
    if last_day(period) >= clock.today():
        raise Conflict(_("这个月还没有结束。"), remedy=_("月末之后会自动冻结。"))
    frozen = Report.objects.filter(plan=plan, period=period)
    if frozen.exists() and not reason.strip():
        raise Conflict(_("这个月的报表已经冻结。"), remedy=_("如需更正,请写明原因,另立新版。"))
    under_way = Output.objects.filter(
        kind=Output.Kind.REPORT,
        state__in=["waiting", "reading", "writing"],
        options__plan=plan.pk,
        options__period=period.isoformat(),
    )
    if under_way.exists():
        raise Conflict(_("这个月的报表正在生成。"), remedy=_("请稍后刷新。"))


def correct_report(*, actor: Actor, report_id: int, reason: str) -> Output:
    """Freeze the month of a report anew as its next edition; the old one stays. ``reason`` is required."""
    report = Report.objects.filter(pk=report_id).first()
    if report is None:
        raise Hidden(_("没有找到,或不在您的管辖范围内。"))
    if not reason.strip():
        raise invalid("reason", _("请写明更正原因。"))
    return freeze_month(actor=actor, plan_id=report.plan_id, period=report.period, reason=reason)


def freeze_due() -> int:
    """Freeze last month of every running plan that has no report of it; returns how many were started."""
    period = month_of(month_of(clock.today()) - timedelta(days=1))
    frozen = Report.objects.filter(period=period).values("plan_id")
    due = ReportPlan.objects.filter(is_stopped=False, starts_on__lte=period).exclude(pk__in=frozen)
    started = 0
    for plan in due.select_related("made_by"):
        actor = actor_for(plan.made_by_id, plan.made_by.display_name, clock.today())
        try:
            freeze_month(actor=actor, plan_id=plan.pk, period=period)
            started += 1
        except YuchangError as error:
            _note(plan.pk, actor, words_of(error))
    return started


def _note(plan_id: int, actor: Actor, message: str) -> None:
    """Write on the plan why its month was not frozen, once."""
    with write("sheets.note_plan", actor) as audit:
        plan = ReportPlan.objects.select_for_update().get(pk=plan_id)
        if plan.message != message[:300]:
            plan.message = message[:300]
            save(plan)
        audit.add("report_plan", plan.pk, place_id=plan.place_id, message=plan.message)
