"""Pure verdicts: which line applies, what the rules say, why, and what would change it.

``docs/rules/decisions.md`` is the reader's page with a worked table. No Django, clock or database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from yuchang.policy.library import (
    DECIDING,
    DefinitionText,
    Library,
    ParameterValue,
    RuleText,
    canonical,
    facts_as_data,
    facts_from_data,
)
from yuchang.rulelang.check import compile_expression, compile_rule, facts_of, limit_ages, parameters_of
from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.evaluate import Situation, value_of
from yuchang.rulelang.nodes import Fact, Named, Node, Parameter, Scope, number, walk
from yuchang.rulelang.sql import EMITTER_VERSION, Emitter, Tables, statement
from yuchang.rulelang.units import parse_unit

ELIGIBLE, NOT_ELIGIBLE, NEEDS_CHECKING = "eligible", "not_eligible", "needs_checking"
UNKNOWN_CLASS = "unknown"


# --- which value applies ----------------------------------------------------------------------------


def is_usable(value: ParameterValue, *, simulated: bool) -> bool:
    """Whether a stored value may decide: amount, field of application and a sufficient certainty."""
    return (
        value.value is not None
        and value.applied_from is not None
        and bool(value.region)
        and value.certainty in DECIDING
        and value.income_concept == "net"
        and (simulated or not value.is_simulated)
    )


def resolve(
    values: Iterable[ParameterValue],
    name: str,
    regions: Sequence[str],
    on: date,
    *,
    simulated: bool,
    known_by: date | None = None,
) -> ParameterValue | None:
    """The value that applies: the nearest region that has one in force on the day.

    ``regions`` are codes from the village up to the nation. Within a region the latest recorded by
    ``known_by`` wins (None: all that is known). None when no region stores a usable value.
    """
    nearest: dict[str, ParameterValue] = {}
    for value in values:
        if value.parameter != name or not is_usable(value, simulated=simulated):
            continue
        if known_by is not None and value.recorded_on > known_by:
            continue
        if not _in_force(value, on):
            continue
        known = nearest.get(value.region)
        if known is None or value.recorded_on >= known.recorded_on:
            nearest[value.region] = value
    return next((nearest[code] for code in regions if code in nearest), None)


def why_missing(values: Iterable[ParameterValue], name: str, regions: Sequence[str], on: date) -> list[str]:
    """Codes of what keeps the stored values from deciding; empty when none is stored at all.

    ``uncertain``: to be confirmed; ``no_amount``; ``no_period``: field of application not stated;
    ``concept``: of another kind of income.
    """
    found = set()
    for value in values:
        if value.parameter != name or value.is_simulated or value.region not in (*regions, ""):
            continue
        if value.applied_from is None:
            found.add("no_period")
        elif _in_force(value, on):
            found.add(
                "no_amount"
                if value.value is None
                else "concept"
                if value.income_concept != "net"
                else "uncertain"
            )
    return sorted(found)


def _in_force(value: ParameterValue, on: date) -> bool:
    start, end = value.applied_from, value.applied_to
    return start is not None and start <= on and (end is None or on <= end)


# --- plans: rules with every parameter resolved -----------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """A rule ready to be applied; ``bit`` is its place in the masks."""

    text: RuleText
    node: Node
    bit: int


@dataclass(frozen=True)
class Pack:
    """The compiled rules of one plan."""

    name: str
    facts: Mapping[str, Fact] = field(hash=False)
    parameters: Mapping[str, Parameter] = field(hash=False)
    rules: tuple[Rule, ...]

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        """The rules of one kind, in their order."""
        return tuple(r for r in self.rules if r.text.kind == kind)


@lru_cache(maxsize=64)
def compile_pack(library: Library) -> Pack:
    """Check and compile every rule. Raises RuleError with file, line, rule and position."""
    definitions: dict[str, Named] = {}
    for entry in library.definitions:
        scope = Scope(library.facts, library.parameters, definitions)
        try:
            body = compile_expression(entry.when, scope)
        except RuleError as error:
            raise error.placed(file=entry.file, line=entry.line, rule=entry.name) from None
        definitions[entry.name] = Named(body.type, 0, entry.name, entry.zh, entry.en, body)
    scope = Scope(library.facts, library.parameters, definitions)
    rules = tuple(_compile(text, scope, bit) for bit, text in enumerate(library.rules))
    return Pack(library.pack, library.facts, library.parameters, rules)


def _compile(text: RuleText, scope: Scope, bit: int) -> Rule:
    try:
        node = compile_rule(text.when, scope)
    except RuleError as error:
        raise error.placed(file=text.file, line=text.line, rule=text.id) from None
    read = {name for name, ref in facts_of(node).items() if ref.fact.dated_by}
    missing, extra = read - text.needs.keys(), text.needs.keys() - read
    if missing or extra:
        what = f"没有写明 {min(missing)} 最多可以多旧" if missing else f"用不到 {min(extra)}"
        remedy = "needs 必须恰好列出规则读到的有采集日期的事实（包括定义里读到的）。"
        raise RuleError(f"needs {what}。", remedy, file=text.file, line=text.line, rule=text.id)
    return Rule(text, limit_ages(node, text.needs), bit)


def needed_parameters(pack: Pack) -> dict[str, bool]:
    """The parameters that the rules read; True when a decision is refused without one (not only warned)."""
    needed: dict[str, bool] = {}
    for rule in pack.rules:
        for name in parameters_of(rule.node):
            needed[name] = needed.get(name, False) or rule.text.kind != "warn"
    return needed


def plan_source(
    library: Library,
    values: Mapping[str, ParameterValue | None],
    by_place: Mapping[str, Mapping[str, int | None]] | None = None,
) -> str:
    """The canonical text of rules and resolved parameters. Its SHA-256 is the plan's hash.

    ``by_place`` (place id → parameter → stored parts) is given where places of a run differ.
    """
    pack = {
        "emitter": EMITTER_VERSION,
        "pack": library.pack,
        "facts": facts_as_data(library.facts),
        "parameters": {
            p.name: {"unit": p.type.unit.text(), "zh": p.zh, "en": p.en} for p in library.parameters.values()
        },
        "definitions": [_plain(d) for d in library.definitions],
        "rules": [_plain(r) for r in library.rules],
        "values": {name: None if value is None else _plain(value) for name, value in values.items()},
        "by_place": by_place or {},
    }
    return canonical(pack)


def _plain(entry: Any) -> dict[str, Any]:
    hidden = {"file", "line"}
    plain = {k: v for k, v in vars(entry).items() if k not in hidden}
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in plain.items()}


def plan_hash(source: str) -> str:
    """SHA-256 of a plan's canonical text."""
    return hashlib.sha256(source.encode()).hexdigest()


@dataclass(frozen=True)
class CompiledPlan:
    """A plan read back from its text."""

    pack: Pack
    values: Mapping[str, int | None] = field(hash=False)
    lines: Mapping[str, Mapping[str, Any] | None] = field(hash=False)
    by_place: Mapping[str, Mapping[str, int | None]] = field(hash=False)


@lru_cache(maxsize=32)
def read_plan(source: str) -> CompiledPlan:
    """Compile a plan from its canonical text alone."""
    data = json.loads(source)
    library = Library(
        pack=data["pack"],
        zh="",
        en="",
        facts=facts_from_data(data["facts"]),
        parameters={
            name: Parameter(name, number(parse_unit(p["unit"])), p["zh"], p["en"])
            for name, p in data["parameters"].items()
        },
        values=(),
        definitions=tuple(DefinitionText(**d) for d in data["definitions"]),
        rules=tuple(RuleText(**r) for r in data["rules"]),
    )
    values = {name: None if v is None else v["value"] for name, v in data["values"].items()}
    return CompiledPlan(compile_pack(library), values, data["values"], data["by_place"])


def plan_at(plan: CompiledPlan, place_id: int | None) -> CompiledPlan:
    """The plan with the values of one place, where places differ."""
    own = plan.by_place.get(str(place_id))
    return replace(plan, values={**plan.values, **own}) if own else plan


# --- verdicts ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What the rules say. Bit i of the masks is rule i; unknown and met never both hold."""

    met_mask: int
    unknown_mask: int
    verdict: str
    monitoring_class: str


@dataclass(frozen=True)
class InputRow:
    """What the rules saw: one household's facts and its members', by name; absent is unknown."""

    household: Mapping[str, Any]
    members: tuple[Mapping[str, Any], ...]

    def text(self) -> str:
        """The canonical text, which a decision stores with its SHA-256."""
        return canonical({"household": dict(self.household), "members": [dict(m) for m in self.members]})

    @staticmethod
    def read(text: str) -> InputRow:
        """Back from the canonical text."""
        data = json.loads(text)
        return InputRow(data["household"], tuple(data["members"]))


def situation_of(plan: CompiledPlan, row: InputRow, on: date) -> Situation:
    """What the evaluator needs."""
    return Situation(row.household, row.members, plan.values, on)


def decide(plan: CompiledPlan, row: InputRow, on: date) -> Outcome:
    """Apply every rule to one household."""
    situation = situation_of(plan, row, on)
    met = unknown = 0
    for rule in plan.pack.rules:
        value = value_of(rule.node, situation)
        if value is None:
            unknown |= 1 << rule.bit
        elif value:
            met |= 1 << rule.bit
    return judge(plan.pack, met, unknown)


def judge(pack: Pack, met: int, unknown: int) -> Outcome:
    """The verdict from the masks alone.

    Eligible: some grant met and every veto known not met. What is unknown and could turn the answer
    gives "needs checking"; an unknown never refuses. The class is the first class rule that is not
    surely unmet; unknown there makes the class unknown.
    """
    grant = _any_of(pack.of_kind("grant"), met, unknown)
    veto = _any_of(pack.of_kind("veto"), met, unknown)
    if grant is False or veto is True:
        verdict = NOT_ELIGIBLE
    elif grant is True and veto is False:
        verdict = ELIGIBLE
    else:
        verdict = NEEDS_CHECKING
    return Outcome(met, unknown, verdict, _class_of(pack, met, unknown, verdict))


def _any_of(rules: Sequence[Rule], met: int, unknown: int) -> bool | None:
    bits = sum(1 << rule.bit for rule in rules)
    if met & bits:
        return True
    return None if unknown & bits else False


def _class_of(pack: Pack, met: int, unknown: int, verdict: str) -> str:
    if verdict == NOT_ELIGIBLE:
        return ""
    for rule in pack.of_kind("class"):
        if met >> rule.bit & 1:
            return rule.text.proposes
        if unknown >> rule.bit & 1:
            return UNKNOWN_CLASS
    return ""


# --- a county at once -------------------------------------------------------------------------------


def run_statement(plan: CompiledPlan, on: date, keep: tuple[str, ...], tables: Tables) -> str:
    """The SQL that gives every household's two masks (``o_met``, ``o_unknown``), in one pass."""
    differing = frozenset(name for values in plan.by_place.values() for name in values)
    emitter = Emitter(on, plan.values, plan.pack.facts, differing)
    conditions = {f"r{rule.bit}": emitter.yes_no(rule.node) for rule in plan.pack.rules}
    met = _mask((1 << rule.bit, f"r{rule.bit}") for rule in plan.pack.rules)
    unknown = _mask((1 << rule.bit, f"r{rule.bit} IS NULL") for rule in plan.pack.rules)
    return statement(emitter, conditions, {"o_met": met, "o_unknown": unknown}, tables, keep)


def _mask(conditions: Iterable[tuple[int, str]]) -> str:
    parts = [
        f"CASE WHEN {text} THEN CAST({bit} AS BIGINT) ELSE CAST(0 AS BIGINT) END" for bit, text in conditions
    ]
    return " + ".join(parts) or "CAST(0 AS BIGINT)"


# --- what would change it ---------------------------------------------------------------------------


def with_fact(row: InputRow, name: str, value: Any, member: int | None = None) -> InputRow:
    """The same household with one fact changed."""
    if member is None:
        return replace(row, household={**row.household, name: value})
    members = [{**m, name: value} if i == member else m for i, m in enumerate(row.members)]
    return replace(row, members=tuple(members))


def parameters_used(plan: CompiledPlan) -> list[str]:
    """The names of the parameters that any rule reads, in the library's order."""
    used = {n for rule in plan.pack.rules for n in parameters_of(rule.node)}
    return [name for name in plan.pack.parameters if name in used]


def nodes_of(rule: Rule) -> list[Node]:
    """Every sub-expression of a rule."""
    return list(walk(rule.node))
