"""Reads: lines, plans, verdicts, results of runs, replays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter, reach
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid, invalid
from yuchang.core.prepared import prepared
from yuchang.places.models import Place
from yuchang.policy.explain import explain
from yuchang.policy.inputs import frozen_row
from yuchang.policy.library import NATION, Library, ParameterValue, load_library
from yuchang.policy.models import Decision, Plan, Run, RunResult
from yuchang.policy.rules import (
    InputRow,
    Outcome,
    Pack,
    compile_pack,
    decide,
    needed_parameters,
    parameters_used,
    plan_at,
    plan_hash,
    plan_source,
    read_plan,
    resolve,
    why_missing,
)
from yuchang.policy.words import CERTAINTY_WORDS, Explanation, explanation_of, language
from yuchang.registry.models import Household
from yuchang.rulelang.errors import RuleError

Resolved = Mapping[str, ParameterValue | None]


@dataclass(frozen=True)
class Line:
    """A parameter that applies in a place on a day. ``fen`` is per person and year."""

    name: str
    fen: int
    region_code: str
    region_name: str
    income_year: int | None
    applied_from: date
    applied_to: date | None
    document: str
    certainty: str
    source: str


@dataclass(frozen=True)
class HouseholdVerdict:
    """The newest verdict on a household, from a decision or a run.

    ``verdict`` and ``monitoring_class`` are codes of ``models.Verdict`` and ``models.MonitoringClass``.
    """

    household_id: int
    on: date
    verdict: str
    monitoring_class: str
    decision_id: int | None
    run_id: int | None


# --- lines ------------------------------------------------------------------------------------------


def library() -> Library:
    """The YAML library as it stands. Raises Conflict (409) with file, line and remedy for a mistake in it."""
    try:
        return load_library(Path(settings.POLICIES_DIR))
    except RuleError as error:
        raise Conflict(str(error), remedy=_("请改正规则文件后重试；在此之前不作任何认定。")) from error


def pack_of(library: Library) -> Pack:
    """The compiled rules of a library. Raises Conflict (409) like ``library``."""
    try:
        return compile_pack(library)
    except RuleError as error:
        raise Conflict(str(error), remedy=_("请改正规则文件后重试；在此之前不作任何认定。")) from error


@prepared
def _codes(numbers: Any) -> QuerySet[Place, Any]:
    return Place.objects.filter(pk__any=numbers).values_list("pk", "code")


@prepared
def _full_names(code: Any) -> QuerySet[Place, Any]:
    rows = Place.objects.filter(code=code).order_by("-valid_from")
    return rows.values_list("full_name", flat=True)[:1]


def regions_of(place: Place) -> list[str]:
    """The codes whose parameters may apply in a place, nearest first, the nation last."""
    keys = [place.village_id, place.township_id, place.county_id, place.prefecture_id, place.province_id]
    found: Any = _codes([k for k in keys if k])
    codes = dict(found)
    return [*(codes[k] for k in keys if k in codes), NATION]


def line_for(place: Place, on: date, name: str = "monitoring_range") -> Line | None:
    """The line that applies: the nearest region that stores a usable one for the day, or None.

    ``name`` is ``monitoring_range`` (监测范围) or ``poverty_line`` (扶贫标准).
    """
    simulated = clock.is_simulated()
    value = resolve(library().values, name, regions_of(place), on, simulated=simulated)
    if value is None or value.value is None or value.applied_from is None:
        return None
    region = next(iter(_full_names(value.region)), "")
    return Line(
        name=name,
        fen=value.value,
        region_code=value.region,
        region_name=region or _("全国"),
        income_year=value.income_year,
        applied_from=value.applied_from,
        applied_to=value.applied_to,
        document=value.document,
        certainty=value.certainty,
        source=value.source,
    )


# --- plans ------------------------------------------------------------------------------------------


def place_plan(place: Place, on: date) -> str:
    """The plan that applies in one place on a day. Raises Invalid (422) where a needed line is missing."""
    rules = library()
    return plan_source(rules, _resolve_all(rules, regions_of(place), on, place))


def county_plan(county: Place, on: date) -> str:
    """The plan for all villages of a county; where they differ, the values by village. Raises Invalid."""
    rules = library()
    below = _regions_below(rules, county)
    if not below:
        return place_plan(county, on)
    by_village: dict[int, Resolved] = {}
    known: dict[tuple[str, ...], Resolved] = {}
    upper = regions_of(county)
    for village in Place.objects.filter(county_id=county.pk, level=Place.Level.VILLAGE):
        own = tuple(below[k] for k in (village.pk, village.township_id) if k in below)
        if own not in known:
            known[own] = _resolve_all(rules, [*own, *upper], on, village)
        by_village[village.pk] = known[own]
    first = next(iter(by_village.values()), None)
    if first is None:
        return place_plan(county, on)
    differing = [n for n in first if len({_amount(values[n]) for values in by_village.values()}) > 1]
    by_place = {
        str(place): {name: _amount(values[name]) for name in differing}
        for place, values in sorted(by_village.items())
        if differing
    }
    shared = {name: None if name in differing else value for name, value in first.items()}
    return plan_source(rules, shared, by_place)


def _regions_below(rules: Library, county: Place) -> dict[int, str]:
    """Townships and villages of the county for which the library names a value, by id."""
    codes = {value.region for value in rules.values}
    found = Place.objects.filter(code__in=codes, county_id=county.pk, level__gt=Place.Level.COUNTY)
    return dict(found.values_list("pk", "code"))


def _amount(value: ParameterValue | None) -> int | None:
    return None if value is None else value.value


def _resolve_all(rules: Library, regions: list[str], on: date, place: Place) -> Resolved:
    """Every parameter the rules read. One that only warns may be missing: its rules are then unknown."""
    simulated = clock.is_simulated()
    found: dict[str, ParameterValue | None] = {}
    for name, is_required in needed_parameters(pack_of(rules)).items():
        found[name] = resolve(rules.values, name, regions, on, simulated=simulated)
        if found[name] is None and is_required:
            raise _no_line(rules, name, regions, on, place)
    return found


def _no_line(rules: Library, name: str, regions: list[str], on: date, place: Place) -> Invalid:
    words = {
        "uncertain": _("已登记的数值尚待确认"),
        "no_amount": _("已登记的条目没有金额"),
        "no_period": _("已登记的数值没有写明适用期"),
        "concept": _("已登记的数值按可支配收入计，与人均纯收入口径不同"),
    }
    label = rules.parameters[name].zh
    reasons = "；".join(words[code] for code in why_missing(rules.values, name, regions, on))
    message = _("%(place)s在 %(on)s 没有可用的“%(label)s”，不作认定。") % {
        "place": place.full_name or place.name,
        "on": on.isoformat(),
        "label": label,
    }
    remedy = _("请把本地当年的“%(label)s”连同文号写入 policies/ 的 values，并注明适用期和可信度。")
    return invalid("line", f"{message}{reasons}", remedy % {"label": label})


# --- verdicts ---------------------------------------------------------------------------------------


def verdict_for(household_id: int) -> HouseholdVerdict | None:
    """The newest verdict on one household, or None when none was made. The caller has opened the door."""
    return verdicts_for([household_id]).get(household_id)


@prepared
def _newest_decisions(numbers: Any) -> QuerySet[Decision]:
    rows = Decision.objects.filter(household_id__any=numbers).defer("input_row", "explanation")
    return rows.order_by("household_id", "-on", "-id").distinct("household_id")


@prepared
def _newest_results(numbers: Any) -> QuerySet[RunResult]:
    rows = RunResult.objects.filter(household_id__any=numbers).select_related("run")
    return rows.order_by("household_id", "-run__on", "-run_id").distinct("household_id")


def verdicts_for(household_ids: list[int]) -> dict[int, HouseholdVerdict]:
    """The newest verdicts of many households: by the day they speak of, then by when they were made."""
    found: dict[int, HouseholdVerdict] = {}
    made = {}
    for row in _newest_results(household_ids):
        found[row.household_id] = HouseholdVerdict(
            row.household_id, row.run.on, row.verdict, row.monitoring_class, None, row.run_id
        )
        made[row.household_id] = (row.run.on, row.run.made_at)
    for decision in _newest_decisions(household_ids):
        key = decision.household_id
        if key not in made or (decision.on, decision.made_at) >= made[key]:
            found[key] = HouseholdVerdict(
                key, decision.on, decision.verdict, decision.monitoring_class, decision.pk, None
            )
    return found


def decisions_for(actor: Actor, household_id: int) -> QuerySet[Decision]:
    """The decisions on one household, newest first, within the actor's area."""
    rows = Decision.objects.filter(reach(actor, "policy.read", Decision), household_id=household_id)
    return rows.order_by("-id").defer("input_row", "explanation")


def decision_for(actor: Actor, decision_id: int) -> Decision:
    """One decision with its household and plan. Raises Refused or Hidden."""
    rows = Decision.objects.select_related("household", "plan", "place")
    return open_door(rows, actor, "policy.read", decision_id)


def replay_decision(decision: Decision) -> Outcome:
    """Decide again from the stored plan and input row alone.

    Raises Conflict (409) when either no longer matches its hash.
    """
    is_intact = (
        hashlib.sha256(decision.input_row.encode()).hexdigest() == decision.input_hash
        and plan_hash(decision.plan.source) == decision.plan.hash
    )
    if not is_intact:
        raise Conflict(
            _("认定 %(number)s 所依据的数据或规则与其哈希不符，不能重算。") % {"number": decision.pk},
            remedy=_("请联系系统管理员，从备份核对该记录。"),
        )
    return decide(read_plan(decision.plan.source), InputRow.read(decision.input_row), decision.on)


# --- why ---------------------------------------------------------------------------------------------


def explain_result(result: RunResult) -> Explanation:
    """Why a run said what it said of one household, from its frozen rows and plan.

    Raises Conflict (409) when the snapshot was touched, or says something else than the stored result.
    """
    run = result.run
    plan = read_plan(run.plan.source)
    row = frozen_row(run.snapshot, result.household_id, plan.pack.facts)
    outcome = decide(plan_at(plan, result.village_id), row, run.on)
    if (outcome.met_mask, outcome.unknown_mask) != (result.met_mask, result.unknown_mask):
        raise Conflict(_("这一户的重算结果与当时保存的不一致。"), remedy=_("请联系系统管理员核对该次运行。"))
    return explanation_of(explain(plan_at(plan, result.village_id), row, run.on, outcome))


# --- runs -------------------------------------------------------------------------------------------


def runs_for(actor: Actor) -> QuerySet[Run]:
    """The runs in the actor's counties, newest first."""
    return Run.objects.filter(place_filter(actor, "policy.read")).select_related("place").order_by("-id")


def run_for(actor: Actor, run_id: int) -> Run:
    """One run of a county in the actor's area. Raises Refused or Hidden."""
    return open_door(Run.objects.select_related("place", "plan", "snapshot"), actor, "policy.read", run_id)


def run_results(run: Run) -> QuerySet[RunResult]:
    """The results of a run, to be filtered and paged."""
    return RunResult.objects.filter(run=run)


def rule_counts(run: Run) -> dict[int, tuple[int, int]]:
    """Per rule (by its bit) how many households met it and for how many it is unknown. One query."""
    rules = read_plan(run.plan.source).pack.rules
    sums = ", ".join(
        f"count(*) FILTER (WHERE {mask} & {1 << rule.bit} <> 0)"
        for rule in rules
        for mask in ("met_mask", "unknown_mask")
    )
    if not sums:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sums} FROM policy_runresult WHERE run_id = %s", [run.pk])  # noqa: S608
        counts = cursor.fetchone()
    return {rule.bit: (counts[2 * i], counts[2 * i + 1]) for i, rule in enumerate(rules)}


def results_with(
    run: Run, *, verdict: str = "", kind: str = "", rule: str = "", state: str = "met"
) -> QuerySet[RunResult]:
    """The results of a run with a verdict, a class (``none`` for no class), or a rule in a state."""
    rows = run_results(run)
    if verdict:
        rows = rows.filter(verdict=verdict)
    if kind:
        rows = rows.filter(monitoring_class="" if kind == "none" else kind)
    if rule:
        bits = {r.text.id: 1 << r.bit for r in read_plan(run.plan.source).pack.rules}
        column = "unknown_mask" if state == "unknown" else "met_mask"
        rows = rows.alias(bit=F(column).bitand(bits.get(rule, 0))).filter(bit__gt=0)
    return rows


def result_for(actor: Actor, run_id: int, household_id: int) -> RunResult:
    """What one run said of one household in the actor's area. Raises Refused or Hidden."""
    found = RunResult.objects.filter(run_id=run_id, household_id=household_id).values_list("pk", flat=True)
    rows = RunResult.objects.select_related("run__plan", "run__snapshot", "run__place")
    return open_door(rows, actor, "policy.read", found.first() or 0)


def results_of_household(actor: Actor, household_id: int) -> QuerySet[RunResult]:
    """What runs said of one household, newest first, within the actor's area."""
    rows = RunResult.objects.filter(reach(actor, "policy.read", RunResult), household_id=household_id)
    return rows.select_related("run").order_by("-run_id")


def households_of(results: Iterable[RunResult]) -> dict[int, Household]:
    """The households of some results with their villages. One query."""
    rows = Household.objects.filter(pk__in=[r.household_id for r in results]).select_related("place")
    return {row.pk: row for row in rows}


@dataclass(frozen=True)
class PlanLine:
    """A parameter as a plan has it, for a page. ``fen`` None: none was stored, or it differs by place."""

    label: str
    fen: int | None
    unit: str
    region: str
    applied_from: str
    applied_to: str
    document: str
    certainty: str
    varies: bool


def lines_of(plan: Plan, place_id: int | None = None) -> list[PlanLine]:
    """The parameters that a plan's rules read, with their documents. One query."""
    read = read_plan(plan.source)
    own = read.by_place.get(str(place_id), {})
    differing = {name for values in read.by_place.values() for name in values}
    entries = {name: read.lines.get(name) or {} for name in parameters_used(read)}
    codes = {e.get("region", "") for e in entries.values()}
    names = dict(Place.objects.filter(code__in=codes).values_list("code", "full_name")) | {NATION: _("全国")}
    tongue = language()
    found = []
    for name, entry in entries.items():
        parameter = read.pack.parameters[name]
        unit = parameter.type.unit
        kind = entry.get("certainty", "")
        found.append(
            PlanLine(
                parameter.zh if tongue == "zh" else parameter.en,
                own.get(name, entry.get("value")),
                unit.text() if tongue == "zh" else unit.english(),
                names.get(entry.get("region", ""), ""),
                entry.get("applied_from") or "",
                entry.get("applied_to") or "",
                entry.get("document") or "",
                str(CERTAINTY_WORDS[kind][1]) if kind else "",
                name in differing,
            )
        )
    return found


def latest_run(county: Place) -> Run | None:
    """The newest run of a county, or None."""
    return Run.objects.filter(county_id=county.pk).order_by("-on", "-id").first()
