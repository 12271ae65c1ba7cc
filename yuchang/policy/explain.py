"""Why: each rule with what it read and how far from the line, and the nearest change that turns it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any

from yuchang.policy.rules import (
    ELIGIBLE,
    NEEDS_CHECKING,
    CompiledPlan,
    InputRow,
    Outcome,
    Rule,
    judge,
    situation_of,
    with_fact,
)
from yuchang.rulelang.evaluate import Situation, value_of
from yuchang.rulelang.nodes import (
    COMPARISONS,
    Aggregate,
    Binary,
    Entity,
    FactRef,
    Kind,
    Literal,
    Node,
    ParameterRef,
    Type,
    walk,
)
from yuchang.rulelang.render import quantity_words, value_words
from yuchang.rulelang.render import sentence as written

_DECISIVE = ("grant", "veto")
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Change:
    """One fact set to another value. ``distance`` orders changes: a share of the amount, 1 for a yes/no."""

    reference: FactRef
    member: int | None
    value: Any
    distance: float
    verdict: str


def explain(plan: CompiledPlan, row: InputRow, on: date, outcome: Outcome) -> dict[str, Any]:
    """The explanation of a decision as plain data, in Chinese and English, to be stored with it."""
    situation = situation_of(plan, row, on)
    change = nearest_change(plan, row, on, outcome)
    return {
        "rules": [_rule(rule, situation, row, outcome) for rule in plan.pack.rules],
        "change": None if change is None else _change_words(change, row),
        "ask": _to_ask(plan, situation, row, outcome),
    }


class _Same:
    """A node as a key: the same object, not an equal one."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __hash__(self) -> int:
        return id(self.node)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.node is other.node


@lru_cache(maxsize=4096)
def _sentence(key: _Same, language: str) -> str:
    return written(key.node, language)


def _both(node: Node) -> dict[str, str]:
    """The sentence of a part of a plan in both languages; a plan's sentences are written once."""
    key = _Same(node)
    return {each: _sentence(key, each) for each in _LANGUAGES}


# --- one rule ---------------------------------------------------------------------------------------


def _rule(rule: Rule, situation: Situation, row: InputRow, outcome: Outcome) -> dict[str, Any]:
    text = rule.text
    return {
        "id": text.id,
        "kind": text.kind,
        "proposes": text.proposes,
        "state": state_of(rule, outcome),
        "reason": {"zh": text.reason_zh, "en": text.reason_en},
        "sentence": _both(rule.node),
        "clause": text.clause,
        "document": text.document,
        "certainty": text.certainty,
        "facts": [_fact_words(ref, member, situation, row) for ref, member in read_facts(rule.node, row)],
        "margins": [_margin(node, situation) for node in _comparisons(rule.node)],
    }


def state_of(rule: Rule, outcome: Outcome) -> str:
    """``met``, ``unmet`` or ``unknown``."""
    if outcome.unknown_mask >> rule.bit & 1:
        return "unknown"
    return "met" if outcome.met_mask >> rule.bit & 1 else "unmet"


def read_facts(node: Node, row: InputRow) -> Iterator[tuple[FactRef, int | None]]:
    """Every fact that the expression reads, once; a member's fact once per member."""
    seen: set[str] = set()
    for part in walk(node):
        if isinstance(part, FactRef) and part.fact.name not in seen:
            seen.add(part.fact.name)
            if part.fact.entity is Entity.HOUSEHOLD:
                yield part, None
            else:
                yield from ((part, number) for number in range(len(row.members)))


def _value(ref: FactRef, member: int | None, situation: Situation) -> Any:
    return value_of(ref, situation, None if member is None else situation.members[member])


def _fact_words(ref: FactRef, member: int | None, situation: Situation, row: InputRow) -> dict[str, Any]:
    value, stored = _value(ref, member, situation), _stored(ref, member, row)
    return {
        "name": ref.fact.name,
        "member": None if member is None else member + 1,
        "label": {"zh": ref.fact.zh, "en": ref.fact.en},
        "value": {each: value_words(ref.type, value, each, ref.fact) for each in _LANGUAGES},
        "is_known": value is not None,
        "is_too_old": value is None and stored is not None,
    }


def _stored(ref: FactRef, member: int | None, row: InputRow) -> Any:
    facts = row.household if member is None else row.members[member]
    return facts.get(ref.fact.name)


def _comparisons(node: Node) -> Iterator[Binary]:
    """The comparisons of quantities outside ``members``, where a distance means something to a reader."""
    if isinstance(node, Aggregate):
        return
    if isinstance(node, Binary) and node.op in COMPARISONS and node.left.type.kind is Kind.NUMBER:
        if not isinstance(node.left, Literal):
            yield node
        return
    for child in node.children():
        yield from _comparisons(child)


def _margin(node: Binary, situation: Situation) -> dict[str, Any]:
    left, right = value_of(node.left, situation), value_of(node.right, situation)
    kind = node.left.type
    gap = None if left is None or right is None else left - right
    return {
        "condition": _both(node),
        "left": {each: _quantity(kind, left, each) for each in _LANGUAGES},
        "right": {each: _quantity(kind, right, each) for each in _LANGUAGES},
        "gap": None if gap is None else {each: _quantity(kind, gap, each) for each in _LANGUAGES},
        "parts": None if gap is None else (int(gap) if Fraction(gap).denominator == 1 else float(gap)),
        "holds": value_of(node, situation),
        "is_a_line": any(isinstance(part, ParameterRef) for part in walk(node)),
    }


def _quantity(kind: Type, value: Any, language: str) -> str:
    if value is None:
        return "不详" if language == "zh" else "unknown"
    return quantity_words(kind, value, language)


# --- what is missing, and what would turn it --------------------------------------------------------


def _to_ask(
    plan: CompiledPlan, situation: Situation, row: InputRow, outcome: Outcome
) -> list[dict[str, Any]]:
    """The facts whose absence leaves the verdict open, for the person who goes and asks."""
    if outcome.verdict != NEEDS_CHECKING:
        return []
    asked: dict[tuple[str, int | None], dict[str, Any]] = {}
    for rule in plan.pack.rules:
        if rule.text.kind in _DECISIVE and state_of(rule, outcome) == "unknown":
            for ref, member in _open_facts(rule.node, situation):
                asked[ref.fact.name, member] = _fact_words(ref, member, situation, row)
    return list(asked.values())


def _open_facts(
    node: Node, situation: Situation, member: int | None = None
) -> Iterator[tuple[FactRef, int | None]]:
    """The unknown facts through which the expression is unknown: what is settled anyway is not asked."""
    person = None if member is None else situation.members[member]
    if value_of(node, situation, person) is not None:
        return
    if isinstance(node, FactRef):
        yield node, member
    elif isinstance(node, Aggregate):
        for number in range(len(situation.members)):
            yield from _open_facts(node.body, situation, number)
    else:
        for child in node.children():
            yield from _open_facts(child, situation, member)


def nearest_change(plan: CompiledPlan, row: InputRow, on: date, outcome: Outcome) -> Change | None:
    """The smallest change of one known fact after which the verdict is the other one, if there is any.

    Every change returned was tried: the rules say the other verdict with it. Amounts are compared by
    their relative change; a yes/no or a code counts as a change of 100 %. None for "needs checking".
    """
    if outcome.verdict == NEEDS_CHECKING:
        return None
    rules = [rule for rule in plan.pack.rules if rule.text.kind in _DECISIVE]
    best: Change | None = None
    for candidate in sorted(_candidates(plan, rules, row, on), key=lambda c: c.distance):
        if best is not None and candidate.distance >= best.distance:
            break
        changed = with_fact(row, candidate.reference.fact.name, candidate.value, candidate.member)
        verdict = _verdict(plan, rules, changed, on)
        if verdict not in (outcome.verdict, NEEDS_CHECKING):
            best = Change(candidate.reference, candidate.member, candidate.value, candidate.distance, verdict)
    return best


def _verdict(plan: CompiledPlan, rules: list[Rule], row: InputRow, on: date) -> str:
    situation = situation_of(plan, row, on)
    met = unknown = 0
    for rule in rules:
        value = value_of(rule.node, situation)
        unknown |= (value is None) << rule.bit
        met |= (value is True) << rule.bit
    return judge(plan.pack, met, unknown).verdict


def _candidates(plan: CompiledPlan, rules: list[Rule], row: InputRow, on: date) -> Iterator[Change]:
    situation = situation_of(plan, row, on)
    seen: set[tuple[str, int | None]] = set()
    for rule in rules:
        for ref, member in read_facts(rule.node, row):
            present = _value(ref, member, situation)
            if present is None or ref.type.kind is Kind.DATE or (ref.fact.name, member) in seen:
                continue
            seen.add((ref.fact.name, member))
            for value, distance in _other_values(plan, rules, row, on, ref, member, present):
                yield Change(ref, member, value, distance, "")


def _other_values(
    plan: CompiledPlan,
    rules: list[Rule],
    row: InputRow,
    on: date,
    ref: FactRef,
    member: int | None,
    present: Any,
) -> Iterable[tuple[Any, float]]:
    if ref.type.kind is Kind.YES_NO:
        return [(not present, 1.0)]
    if ref.type.kind is Kind.TEXT:
        return [(code, 1.0) for code in ref.fact.values if code != present]
    roots = {root for rule in rules for root in _roots(plan, rule.node, row, on, ref, member, present)}
    values = {root + step for root in roots for step in (-1, 0, 1)} - {present}
    return [(v, abs(v - present) / max(abs(v), abs(present), 1)) for v in values]


def _roots(
    plan: CompiledPlan, node: Node, row: InputRow, on: date, ref: FactRef, member: int | None, present: int
) -> Iterator[int]:
    """Where a comparison that reads the fact turns, if it is linear in it: by one secant."""
    for part in walk(node):
        if not (isinstance(part, Binary) and part.op in COMPARISONS and part.left.type.kind is Kind.NUMBER):
            continue
        if not any(isinstance(p, FactRef) and p.fact.name == ref.fact.name for p in walk(part)):
            continue
        gaps: list[Any] = []
        for value in (present, present + 1):
            changed = situation_of(plan, with_fact(row, ref.fact.name, value, member), on)
            person = changed.members[member] if member is not None else None
            left, right = value_of(part.left, changed, person), value_of(part.right, changed, person)
            gaps.append(None if left is None or right is None else left - right)
        if None not in gaps and gaps[0] != gaps[1]:
            yield floor(present - Fraction(gaps[0]) / (gaps[1] - gaps[0]))


def _change_words(change: Change, row: InputRow) -> dict[str, Any]:
    ref = change.reference
    before = _stored(ref, change.member, row)
    return {
        "name": ref.fact.name,
        "member": None if change.member is None else change.member + 1,
        "label": {"zh": ref.fact.zh, "en": ref.fact.en},
        "before": {each: value_words(ref.type, before, each, ref.fact) for each in _LANGUAGES},
        "after": {each: value_words(ref.type, change.value, each, ref.fact) for each in _LANGUAGES},
        "value": change.value,
        "verdict": change.verdict,
        "is_gain": change.verdict == ELIGIBLE,
    }
