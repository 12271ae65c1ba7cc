"""What one version of a procedure sets otherwise than another, and which safeguards it lacks, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from yuchang.accounts.queries import permission_word
from yuchang.procedures import queries
from yuchang.procedures.models import Definition
from yuchang.procedures.queries import words
from yuchang.procedures.rules.calendar import Limit, Unit
from yuchang.procedures.rules.machine import OPENED, Lack, Lacking, Plan, Step


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise: in which step, what, as it is and as it will be."""

    step: str
    what: str
    before: str
    after: str


def step_word(step: Step) -> str:
    """A step's title in the reader's language."""
    return words(step.title, step.title_en)


def limit_word(limit: Limit | None) -> str:
    """A limit in words; nothing where there is none."""
    if limit is None:
        return ""
    wording = _("%(n)s 个工作日") if limit.unit is Unit.WORKING else _("%(n)s 天")
    return wording % {"n": limit.days}


def steps_word(plan: Plan, codes: Iterable[str]) -> str:
    """Steps by their titles."""
    return "、".join(
        _("发起") if c == OPENED else step_word(plan.steps[c]) if c in plan.steps else c for c in codes
    )


def _papers(step: Step) -> str:
    return "、".join(words(e.title, e.title_en) for e in step.evidence)


def _ways(plan: Plan, step: Step) -> str:
    return "；".join(f"{words(c.title, c.title_en)} → {_target(plan, c.next)}" for c in step.choices)


def _target(plan: Plan, following: str) -> str:
    if following in plan.steps:
        return step_word(plan.steps[following])
    return words(*plan.outcomes[following.partition(":")[2]])


def _aspects() -> list[tuple[str, Callable[[Plan, Step], str]]]:
    return [
        (_("名称"), lambda plan, step: step_word(step)),
        (_("谁办"), lambda plan, step: permission_word(step.permission) if step.permission else ""),
        (_("办理期限"), lambda plan, step: limit_word(step.limit)),
        (
            _("公示期满后几日内办理"),
            lambda plan, step: limit_word(step.then) if step.kind == "notice" else "",
        ),
        (_("抽查不少于"), lambda plan, step: f"{step.sample_percent}%" if step.sample_percent else ""),
        (_("须附材料"), lambda plan, step: _papers(step)),
        (_("须有文号"), lambda plan, step: _("是") if step.needs_document else ""),
        (_("须由另一人：未办理"), lambda plan, step: steps_word(plan, step.apart_from)),
        (_("须等其结束"), lambda plan, step: steps_word(plan, step.waits_for)),
        (_("同时进行"), lambda plan, step: steps_word(plan, step.beside)),
        (_("去向"), _ways),
    ]


def between(before: Plan, after: Plan) -> list[Difference]:
    """Everything that the second sets otherwise, in its own order; what it leaves out comes last."""
    found = _of_whole(before, after)
    for code, step in after.steps.items():
        if code in before.steps:
            found += _of_step(before, after, before.steps[code], step)
        else:
            found.append(Difference(step_word(step), _("新增步骤"), "", _summary(after, step)))
    gone = [step for code, step in before.steps.items() if code not in after.steps]
    return found + [Difference(step_word(s), _("略去步骤"), _summary(before, s), "") for s in gone]


def _of_whole(before: Plan, after: Plan) -> list[Difference]:
    sides = [
        (_("全程期限"), limit_word(before.limit), limit_word(after.limit)),
        (_("逾期第几个工作日上报"), _numbers(before), _numbers(after)),
    ]
    return [Difference(_("全程"), *side) for side in sides if side[1] != side[2]]


def _numbers(plan: Plan) -> str:
    return "、".join(map(str, plan.ladder))


def _of_step(before: Plan, after: Plan, old: Step, new: Step) -> list[Difference]:
    sides = [(what, word(before, old), word(after, new)) for what, word in _aspects()]
    return [Difference(step_word(new), *side) for side in sides if side[1] != side[2]]


def _summary(plan: Plan, step: Step) -> str:
    said = [(what, word(plan, step)) for what, word in _aspects()[1:]]
    return "；".join(f"{what}：{word}" for what, word in said if word)


def changes(definition: Definition) -> list[Difference]:
    """What a place's version sets otherwise than what holds there without it."""
    before = queries.base_of(definition)
    return between(queries.plan_of(before), queries.plan_of(definition)) if before else []


def lack_word(lack: Lack, above: Plan) -> str:
    """A safeguard of the plan above that is lacking, in words: in which step, and what must stay."""
    named = {"step": step_word(lack.step) if lack.step else "", "what": _about(lack, above)}
    return {
        Lacking.DRIVER: _("这个程序由系统的页面推动，不能改"),
        Lacking.LEFT_OUT: _("步骤“%(step)s”不能略去"),
        Lacking.ACTS: _("步骤“%(step)s”由谁办不能改"),
        Lacking.APART: _("步骤“%(step)s”须由未办理过“%(what)s”的人办"),
        Lacking.SAMPLE: _("步骤“%(step)s”的抽查不能少于 %(what)s%%"),
        Lacking.EVIDENCE: _("步骤“%(step)s”须附“%(what)s”"),
        Lacking.DOCUMENT: _("步骤“%(step)s”须有文号"),
        Lacking.WAITS: _("步骤“%(step)s”须等“%(what)s”结束"),
        Lacking.NOTICE: _("步骤“%(step)s”的公示不能少于 %(what)s 天"),
        Lacking.CHOICES: _("步骤“%(step)s”的办理结论不能改"),
    }[lack.kind] % named


def _about(lack: Lack, above: Plan) -> str:
    if lack.kind is Lacking.EVIDENCE and lack.step:
        return "、".join(words(e.title, e.title_en) for e in lack.step.evidence if e.code in lack.about)
    return steps_word(above, lack.about)
