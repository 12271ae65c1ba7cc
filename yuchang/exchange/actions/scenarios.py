"""What-ifs over a draft's frozen inputs: asked, computed by a task, stopped, gone on with."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Refused, invalid
from yuchang.exchange.actions.clearings import Setting, computed_run, store_run, unfit_problems
from yuchang.exchange.clearing.problem import Unfit
from yuchang.exchange.clearing.scenario import Step
from yuchang.exchange.clearing.summary import tally_of
from yuchang.exchange.clearing.terms import Parameters, parameter_flaws, parameters_of, terms_of
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Clearing, Scenario
from yuchang.exchange.queries_console import holding_publications, published_of
from yuchang.exchange.words import parameter_problem
from yuchang.sheets.queries import task_app

SCENARIOS_MAX = 12
"""No draft has more scenarios."""
State = Scenario.State


class Stopped(Exception):
    """Somebody stopped the scenario while it was being computed."""


def add_scenario(*, actor: Actor, draft_id: int, name: str, asked: Parameters) -> Scenario:
    """Ask what a clearing would be under other parameters; a task computes it.

    Needs ``exchange.clear`` over the draft's place. Raises Invalid for parameters that mean nothing (floors
    that contradict each other, absurd sums), Conflict for a name in use, a draft that is published,
    discarded or from before there were scenarios, or too many of them.
    """
    problems = [parameter_problem(field, code) for field, code in parameter_flaws(asked)]
    if problems:
        raise Invalid(problems)
    name = name.strip()[:60]
    if not name:
        raise invalid("name", _("请给这个方案起个名字。"))
    if actor.user_id is None:
        raise invalid("name", _("方案须由具名人员提出。"))
    with write("exchange.add_scenario", actor) as audit:
        draft = _draft(actor, draft_id)
        if draft.scenarios.count() >= SCENARIOS_MAX:
            raise Conflict(
                _("一份草案最多 %(n)d 个方案。") % {"n": SCENARIOS_MAX}, remedy=_("请重新撮合，另起草案。")
            )
        values = {"draft": draft, "name": name, "parameters": asked.as_json()}
        try:
            with transaction.atomic():
                row = Scenario.objects.create(**values, asked_by_id=actor.user_id, asked_at=clock.now())
        except IntegrityError as error:
            raise Conflict(_("已有同名的方案。"), remedy=_("请换一个名字。")) from error
        audit.add("scenario", row.pk, place_id=draft.county_id, draft=draft.pk, parameters=row.parameters)
        _defer(row)
    return row


def stop_scenario(*, actor: Actor, scenario_id: int, version: int) -> Scenario:
    """Stop a scenario that waits or is being computed; it can be gone on with later."""
    with write("exchange.stop_scenario", actor) as audit:
        row = _open(actor, scenario_id, version)
        if row.state not in (State.QUEUED, State.RUNNING):
            raise Conflict(_("这个方案不在计算中。"), remedy=_("请刷新页面查看当前状态。"))
        row.state, row.finished_at = State.CANCELLED, clock.now()
        save(row)
        audit.add("scenario", row.pk, place_id=row.draft.county_id)
    return row


def resume_scenario(*, actor: Actor, scenario_id: int, version: int) -> Scenario:
    """Compute a stopped or failed scenario again, from the same frozen inputs."""
    with write("exchange.resume_scenario", actor) as audit:
        row = _open(actor, scenario_id, version)
        if row.state not in (State.CANCELLED, State.FAILED):
            raise Conflict(_("这个方案已算完或正在计算。"), remedy=_("请刷新页面查看当前状态。"))
        row.state, row.message, row.stage, row.percent, row.finished_at = State.QUEUED, "", "", 0, None
        save(row)
        audit.add("scenario", row.pk, place_id=row.draft.county_id)
        _defer(row)
    return row


def compute_scenario(scenario_id: int) -> None:
    """Compute one scenario in the name of who asked. A task calls it; running it again does no harm.

    What cannot be computed is noted with the reason; a scenario stopped meanwhile is left as it is.
    """
    row = Scenario.objects.get(pk=scenario_id)
    if row.state not in (State.QUEUED, State.RUNNING):
        return
    user = User.objects.get(pk=row.asked_by_id)
    actor = actor_for(user.pk, user.display_name, clock.today())

    def step(stage: str, percent: int) -> None:
        live = Scenario.objects.filter(pk=scenario_id, state__in=[State.QUEUED, State.RUNNING])
        if not live.update(state=State.RUNNING, stage=stage, percent=percent, updated_at=clock.now()):
            raise Stopped

    try:
        _compute(actor, row, step)
    except Stopped:
        return
    except Unfit as error:
        _fail(actor, row, "；".join(p.message for p in unfit_problems(error)))
    except (Conflict, Refused, Invalid) as error:
        _fail(actor, row, str(error))


def _compute(actor: Actor, row: Scenario, step: Step) -> None:
    require(actor, "exchange.clear")
    draft = row.draft
    step("start", 1)
    frozen = thaw(draft)
    asked = parameters_of(row.parameters)
    terms = terms_of(frozen.problem, frozen.context, frozen.asked)
    plain = tally_of(frozen.problem, frozen.outcome, terms.unit_fen)
    computed = computed_run(frozen.problem, frozen.context, asked, plain=plain, step=step)
    with write("exchange.compute_scenario", actor) as audit:
        live = Scenario.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if live.state != State.RUNNING:
            return
        setting = Setting(draft.on, draft.county_id, tuple(draft.categories), draft.pk, live.name)
        live.run = store_run(actor, audit, setting, computed)
        live.state, live.percent, live.finished_at = State.DONE, 100, clock.now()
        save(live)
        audit.add("scenario", live.pk, place_id=draft.county_id, run=live.run.pk)


def _fail(actor: Actor, row: Scenario, message: str) -> None:
    with write("exchange.compute_scenario", actor) as audit:
        live = Scenario.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if live.state not in (State.QUEUED, State.RUNNING):
            return
        live.state, live.message, live.finished_at = State.FAILED, message[:300], clock.now()
        save(live)
        audit.add("scenario", live.pk, place_id=row.draft.county_id, message=message[:300])


def _draft(actor: Actor, draft_id: int) -> Clearing:
    """A draft to which scenarios may be added, locked."""
    within = place_filter(actor, "exchange.clear", "county__")
    row = open_door(Clearing.objects.all(), actor, "exchange.clear", draft_id, within=within, lock=True)
    if row.draft_id is not None:
        raise Conflict(_("方案要加在草案上，不能加在另一个方案上。"), remedy=_("请打开草案。"))
    if not row.context_hash:
        raise Conflict(_("这次撮合没有保存试算所需的资料。"), remedy=_("请重新撮合。"))
    if row.state == Clearing.State.DISCARDED or published_of(row) or holding_publications(row).exists():
        raise Conflict(_("这次撮合已发布或已作废。"), remedy=_("请重新撮合，另起草案。"))
    return row


def _open(actor: Actor, scenario_id: int, version: int) -> Scenario:
    within = place_filter(actor, "exchange.clear", "draft__county__")
    row = open_door(Scenario.objects.all(), actor, "exchange.clear", scenario_id, within=within, lock=True)
    check_version(row, version)
    return row


def _defer(row: Scenario) -> None:
    task_app().configure_task("exchange.compute_scenario").defer(scenario_id=row.pk)
