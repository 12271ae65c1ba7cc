"""The policy library: facts, dated parameters, definitions and rules, read from YAML texts.

Files are joined by what they contain, so a file with one more rule is enough to change decisions.
Every mistake is a ``RuleError`` with file, line, rule, position and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.nodes import DATE, TEXT, YES_NO, Entity, Fact, Parameter, Type, number
from yuchang.rulelang.units import parse_unit

KINDS = ("grant", "veto", "class", "warn")
CERTAINTIES = ("text", "code", "mem", "secondary", "ours", "simulated")
DECIDING = frozenset({"text", "code", "simulated"})
CLASSES = ("unstable", "borderline", "sudden")
MOST_RULES = 63
NATION = "000000000000"


@dataclass(frozen=True)
class ParameterValue:
    """What one document says a parameter is, where and when. ``value`` in fen; None: not stated."""

    parameter: str
    region: str
    value: int | None
    income_year: int | None
    applied_from: date | None
    applied_to: date | None
    recorded_on: date
    document: str
    certainty: str
    source: str
    note: str = ""
    income_concept: str = "net"
    is_simulated: bool = False


@dataclass(frozen=True)
class RuleText:
    """One rule as written. ``needs``: dated fact → greatest age in days."""

    id: str
    kind: str
    when: str
    clause: str
    document: str
    certainty: str
    reason_zh: str
    reason_en: str
    needs: Mapping[str, int] = field(hash=False)
    proposes: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class DefinitionText:
    """A named condition or quantity as written."""

    name: str
    when: str
    zh: str
    en: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, eq=False)
class Library:
    """Everything that the YAML files say. Compared by identity, so that compiled rules can be kept for it."""

    pack: str
    zh: str
    en: str
    facts: Mapping[str, Fact]
    parameters: Mapping[str, Parameter]
    values: tuple[ParameterValue, ...]
    definitions: tuple[DefinitionText, ...]
    rules: tuple[RuleText, ...]


def load_library(folder: Path) -> Library:
    """Read every ``*.yaml`` of a folder; a file that did not change is not read again. Raises RuleError."""
    paths = sorted(Path(folder).glob("*.yaml"))
    stamps = tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in paths)
    return _load(stamps)


@lru_cache(maxsize=8)
def _load(stamps: tuple[tuple[str, int, int], ...]) -> Library:
    return read_library({Path(name).name: Path(name).read_text(encoding="utf-8") for name, _, _ in stamps})


class _Lines(yaml.SafeLoader):
    """A safe loader whose mappings remember the line they start on."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        mapping["__line__"] = node.start_mark.line + 1
        return mapping


def read_library(texts: Mapping[str, str]) -> Library:
    """The library from file names and texts. Raises RuleError."""
    reader = _Reader()
    for file, text in texts.items():
        reader.read(file, text)
    return reader.library()


class _Reader:
    def __init__(self) -> None:
        self.file = ""
        self.title = {"pack": "", "zh": "", "en": ""}
        self.facts: dict[str, Fact] = {}
        self.parameters: dict[str, Parameter] = {}
        self.definitions: dict[str, DefinitionText] = {}
        self.rules: dict[str, RuleText] = {}
        self.raw_values: list[tuple[str, bool, dict[str, Any]]] = []

    def error(self, entry: Mapping[str, Any], message: str, remedy: str = "", rule: str = "") -> RuleError:
        return RuleError(message, remedy, file=self.file, line=int(entry.get("__line__", 0)), rule=rule)

    def read(self, file: str, text: str) -> None:
        self.file = file
        try:
            content = yaml.load(text, _Lines) or {}  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as problem:
            line = getattr(getattr(problem, "problem_mark", None), "line", -1) + 1
            raise RuleError(
                "不是合格的 YAML。", "请检查缩进、冒号和引号。", file=file, line=line
            ) from problem
        if not isinstance(content, dict):
            raise RuleError("文件应由“名称: 内容”组成。", "参照 monitoring.yaml。", file=file, line=1)
        known = {"pack", "zh", "en", "facts", "parameters", "values", "definitions", "rules", "__line__"}
        unknown = content.keys() - known - {"only_when_simulated"}
        if unknown:
            raise self.error(content, f"没有“{min(unknown)}”这一栏。", f"可用：{'、'.join(sorted(known))}。")
        self.title |= {k: str(content[k]) for k in self.title if k in content}
        for name, entry in self.named(content, "facts"):
            self.facts[name] = self.fact(name, entry)
        for name, entry in self.named(content, "parameters"):
            unit = self.unit(entry)
            self.parameters[name] = Parameter(name, unit, self.need(entry, "zh"), self.need(entry, "en"))
        for name, entry in self.named(content, "definitions"):
            words = (self.need(entry, "when"), self.need(entry, "zh"), self.need(entry, "en"))
            self.unused(self.definitions, name, entry)
            self.definitions[name] = DefinitionText(name, *words, file, entry["__line__"])
        is_simulated = content.get("only_when_simulated") is True
        self.raw_values += [(file, is_simulated, entry) for entry in content.get("values") or []]
        for entry in content.get("rules") or []:
            rule = self.rule(entry)
            self.unused(self.rules, rule.id, entry)
            self.rules[rule.id] = rule

    def named(self, content: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
        entries = content.get(section) or {}
        if not isinstance(entries, dict):
            raise self.error(content, f"“{section}”应写成“名称: {{…}}”。")
        found = [(str(n), e) for n, e in entries.items() if n != "__line__"]
        for name, entry in found:
            if not isinstance(entry, dict):
                raise self.error(entries, f"“{section}”里的“{name}”应写成“名称: {{…}}”。")
        return found

    def unused(self, known: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> None:
        if name in known:
            raise self.error(entry, f"“{name}”已在 {known[name].file} 中写过。", "请换一个名称。", rule=name)

    def need(self, entry: Mapping[str, Any], key: str, rule: str = "") -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(entry, f"缺少“{key}”。", f"请补写 {key}: …", rule=rule)
        return value.strip()

    def unit(self, entry: Mapping[str, Any]) -> Type:
        try:
            return number(parse_unit(str(entry.get("unit") or "")))
        except ValueError as problem:
            raise self.error(entry, f"不认识单位“{problem}”。", "单位如 元/人/年、人、亩。") from problem

    def fact(self, name: str, entry: dict[str, Any]) -> Fact:
        kinds = {"yes_no": YES_NO, "text": TEXT, "date": DATE}
        kind = self.need(entry, "kind")
        if kind != "number" and kind not in kinds:
            raise self.error(entry, f"没有“{kind}”这种值。", "可用：yes_no、number、text、date。")
        if entry.get("entity") not in tuple(Entity):
            raise self.error(entry, "entity 应为 household 或 member。")
        values = entry.get("values") or {}
        return Fact(
            name,
            Entity(entry["entity"]),
            self.unit(entry) if kind == "number" else kinds[kind],
            self.need(entry, "zh"),
            self.need(entry, "en"),
            {str(k): (str(v[0]), str(v[1])) for k, v in values.items() if k != "__line__"},
            str(entry.get("dated_by") or ""),
        )

    def rule(self, entry: dict[str, Any]) -> RuleText:
        name = self.need(entry, "id")
        kind = self.need(entry, "kind", name)
        if kind not in KINDS:
            raise self.error(entry, f"没有“{kind}”这种规则。", f"可用：{'、'.join(KINDS)}。", name)
        proposes = str(entry.get("class") or "")
        if (kind == "class") != bool(proposes) or (proposes and proposes not in CLASSES):
            raise self.error(entry, "只有 class 规则写 class。", f"可用：{'、'.join(CLASSES)}。", name)
        certainty = self.need(entry, "certainty", name)
        if certainty not in CERTAINTIES:
            raise self.error(
                entry, f"没有“{certainty}”这种可信度。", f"可用：{'、'.join(CERTAINTIES)}。", name
            )
        needs = {str(k): v for k, v in (entry.get("needs") or {}).items() if k != "__line__"}
        if not all(isinstance(days, int) and 0 < days <= 36_500 for days in needs.values()):
            raise self.error(entry, "needs 应写成“事实: 天数”。", "例如 {net_income_per_head: 400}。", name)
        words = {k: self.need(entry, k, name) for k in ("when", "clause", "reason_zh", "reason_en")}
        document = str(entry.get("document") or "")
        return RuleText(
            id=name,
            kind=kind,
            document=document,
            certainty=certainty,
            needs=needs,
            proposes=proposes,
            file=self.file,
            line=entry["__line__"],
            **words,
        )

    def value(self, file: str, is_simulated: bool, entry: dict[str, Any]) -> ParameterValue:
        self.file = file
        parameter = self.parameters.get(str(entry.get("parameter")))
        if parameter is None:
            raise self.error(entry, f"没有名为“{entry.get('parameter')}”的参数。", "先写进 parameters。")
        certainty = self.need(entry, "certainty")
        if certainty not in CERTAINTIES or (certainty == "simulated") != is_simulated:
            raise self.error(entry, "可信度不对。", "模拟数值只写在 only_when_simulated 的文件里。")
        if not isinstance(entry.get("recorded_on"), date):
            raise self.error(entry, "缺少 recorded_on（入库日期）。", "例如 recorded_on: 2026-11-21")
        region = str(entry.get("region") or "")
        if region and not (len(region) == 12 and region.isdigit()):
            raise self.error(entry, f"区划代码“{region}”不是 12 位数字。", "加引号写全 12 位。")
        start, end = entry.get("applied_from"), entry.get("applied_to")
        if start and end and end < start:
            raise self.error(entry, "适用期的止日早于起日。")
        return ParameterValue(
            parameter=parameter.name,
            region=region,
            value=self.stored(entry, parameter),
            income_year=entry.get("income_year"),
            applied_from=start,
            applied_to=end,
            recorded_on=entry["recorded_on"],
            document=str(entry.get("document") or ""),
            certainty=certainty,
            source=self.need(entry, "source"),
            note=str(entry.get("note") or ""),
            income_concept=str(entry.get("income_concept") or "net"),
            is_simulated=is_simulated,
        )

    def stored(self, entry: dict[str, Any], parameter: Parameter) -> int | None:
        raw = entry.get("value")
        if raw is None:
            return None
        parts = Fraction(str(raw)) * parameter.type.unit.parts
        if parts.denominator != 1:
            raise self.error(entry, f"“{raw}”小于最小单位。", "金额最多两位小数。")
        return int(parts)

    def library(self) -> Library:
        values = tuple(self.value(*raw) for raw in self.raw_values)
        if len(self.rules) > MOST_RULES:
            raise RuleError(f"规则超过 {MOST_RULES} 条。", "请分成两个规则集。")
        definitions, rules = tuple(self.definitions.values()), tuple(self.rules.values())
        title = self.title
        return Library(
            title["pack"], title["zh"], title["en"], self.facts, self.parameters, values, definitions, rules
        )


def facts_as_data(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """The vocabulary as plain data, to be frozen in a plan."""
    return {
        f.name: {
            "entity": str(f.entity),
            "kind": str(f.type.kind),
            "unit": f.type.unit.text(),
            "zh": f.zh,
            "en": f.en,
            "values": {code: list(words) for code, words in f.values.items()},
            "dated_by": f.dated_by,
        }
        for f in facts.values()
    }


def facts_from_data(data: Mapping[str, Any]) -> dict[str, Fact]:
    """The vocabulary back from a plan."""
    kinds = {"yes_no": YES_NO, "text": TEXT, "date": DATE}
    return {
        name: Fact(
            name,
            Entity(entry["entity"]),
            kinds.get(entry["kind"]) or number(parse_unit(entry["unit"])),
            entry["zh"],
            entry["en"],
            {code: (words[0], words[1]) for code, words in entry["values"].items()},
            entry["dated_by"],
        )
        for name, entry in data.items()
    }


def canonical(data: Any) -> str:
    """The one text of some plain data: sorted keys, no spaces, no escapes."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
