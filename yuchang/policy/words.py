"""The library, the rules and their verdicts in the reader's language, as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core.language import is_english
from yuchang.places.models import Place
from yuchang.policy.library import NATION, Library, ParameterValue
from yuchang.policy.models import Verdict
from yuchang.policy.rules import Pack, Rule, is_usable, nodes_of
from yuchang.rulelang.nodes import Named
from yuchang.rulelang.render import sentence

KIND_WORDS = {
    "grant": gettext_lazy("纳入条件"),
    "veto": gettext_lazy("否决条件"),
    "class": gettext_lazy("类别"),
    "warn": gettext_lazy("提示"),
}
CERTAINTY_WORDS = {
    "text": ("good", gettext_lazy("公开文本")),
    "code": ("good", gettext_lazy("省级系统代码")),
    "mem": ("warn", gettext_lazy("待确认")),
    "secondary": ("warn", gettext_lazy("二手来源")),
    "ours": ("info", gettext_lazy("本平台设计")),
    "simulated": ("info", gettext_lazy("模拟假定")),
}
STATE_WORDS = {
    "met": gettext_lazy("成立"),
    "unmet": gettext_lazy("不成立"),
    "unknown": gettext_lazy("待核实"),
}


def language() -> str:
    """``en`` or ``zh``, as the reader chose."""
    return "en" if is_english() else "zh"


# --- a verdict --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FactWords:
    """One fact that a rule read. ``member`` counts from 1; None: the household's own."""

    name: str
    label: str
    value: str
    member: int | None
    is_known: bool
    is_too_old: bool


@dataclass(frozen=True)
class Reason:
    """One rule of an explanation. ``state``: met, unmet or unknown; ``kind``: grant, veto, class or warn."""

    rule: str
    kind: str
    state: str
    text: str
    sentence: str
    clause: str
    document: str
    certainty: str
    margins: list[str]
    facts: list[tuple[str, str]]

    @property
    def kind_word(self) -> str:
        """What sort of rule it is."""
        return str(KIND_WORDS[self.kind])

    @property
    def state_word(self) -> str:
        """Met, unmet or unknown."""
        return str(STATE_WORDS[self.state])

    @property
    def colour(self) -> str:
        """For the status mark: what is met in a warning or a veto is bad news."""
        if self.state != "met":
            return "quiet" if self.state == "unmet" else "warn"
        return "bad" if self.kind in ("warn", "veto") else "good"


@dataclass(frozen=True)
class ChangeWords:
    """The nearest change of one fact that turns the verdict."""

    label: str
    member: int | None
    before: str
    after: str
    verdict: str


@dataclass(frozen=True)
class Explanation:
    """Everything a page says about a verdict."""

    reasons: list[Reason]
    ask: list[FactWords]
    change: ChangeWords | None

    @property
    def decisive(self) -> list[Reason]:
        """The rules that make the verdict and the class."""
        return [r for r in self.reasons if r.kind != "warn"]

    @property
    def warnings(self) -> list[Reason]:
        """The rules that only warn, those met or unknown first."""
        order = {"met": 0, "unknown": 1, "unmet": 2}
        return sorted((r for r in self.reasons if r.kind == "warn"), key=lambda r: order[r.state])


def explanation_of(data: Mapping[str, Any]) -> Explanation:
    """A stored explanation in the reader's language."""
    tongue = language()
    return Explanation(
        [_reason(entry, tongue) for entry in data["rules"]],
        [_fact(entry, tongue) for entry in data["ask"]],
        _change(data["change"], tongue) if data["change"] else None,
    )


def _change(entry: Mapping[str, Any], tongue: str) -> ChangeWords:
    return ChangeWords(
        entry["label"][tongue],
        entry["member"],
        entry["before"][tongue],
        entry["after"][tongue],
        str(Verdict(entry["verdict"]).label),
    )


def _reason(entry: Mapping[str, Any], tongue: str) -> Reason:
    return Reason(
        rule=entry["id"],
        kind=entry["kind"],
        state=entry["state"],
        text=entry["reason"][tongue],
        sentence=entry["sentence"][tongue],
        clause=entry["clause"],
        document=entry["document"],
        certainty=entry["certainty"],
        margins=[_margin_words(m, tongue) for m in _telling(entry["margins"])],
        facts=_fact_lines([_fact(f, tongue) for f in entry["facts"]]),
    )


def _telling(margins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The distances to a line, where a rule has a line; otherwise all its distances."""
    return [m for m in margins if m["is_a_line"]] or margins


def _fact_lines(facts: list[FactWords]) -> list[tuple[str, str]]:
    """One line per fact: its label, and its value or each member's by number."""
    lines: dict[str, list[str]] = {}
    for fact in facts:
        value = f"{fact.value}{_('（记录太旧）')}" if fact.is_too_old else fact.value
        numbered = f"{fact.member} {value}" if fact.member else value
        lines.setdefault(fact.label, []).append(numbered)
    joint = "、" if language() == "zh" else ", "
    return [(label, joint.join(values)) for label, values in lines.items()]


def _fact(entry: Mapping[str, Any], tongue: str) -> FactWords:
    return FactWords(
        entry["name"],
        entry["label"][tongue],
        entry["value"][tongue],
        entry["member"],
        entry["is_known"],
        entry["is_too_old"],
    )


def _margin_words(entry: Mapping[str, Any], tongue: str) -> str:
    words = {"condition": entry["condition"][tongue], "left": entry["left"][tongue]}
    words |= {"right": entry["right"][tongue], "gap": (entry["gap"] or {}).get(tongue, "")}
    if entry["gap"] is None:
        return _("%(condition)s：%(left)s 与 %(right)s，无法比较") % words
    return _("%(condition)s：%(left)s 与 %(right)s，相差 %(gap)s") % words


# --- the library ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One value in the table of lines. ``kind`` and ``word`` say how certain it is."""

    value: ParameterValue
    kind: str
    word: str
    may_decide: bool
    is_whole_year: bool


@dataclass(frozen=True)
class RegionRow:
    """One region's values, a list for each column."""

    code: str
    name: str
    cells: list[list[Cell]]


@dataclass(frozen=True)
class LineTable:
    """One parameter: years across, regions down."""

    name: str
    label: str
    unit: str
    years: list[str]
    rows: list[RegionRow]


def line_tables(library: Library, *, simulated: bool) -> list[LineTable]:
    """The dated parameters as tables. Values of a simulation are shown only in a simulated database."""
    values = [v for v in library.values if simulated or not v.is_simulated]
    names = dict(Place.objects.filter(code__in={v.region for v in values}).values_list("code", "full_name"))
    names |= {NATION: _("全国"), "": _("地区不详")}
    return [
        _line_table(library, name, [v for v in values if v.parameter == name], names, simulated)
        for name in library.parameters
    ]


def _line_table(
    library: Library, name: str, values: list[ParameterValue], names: dict[str, str], simulated: bool
) -> LineTable:
    years = list(dict.fromkeys(_year(v) for v in sorted(values, key=_newest_first)))
    rows = []
    for region in sorted({v.region for v in values}, key=lambda code: (code == "", code)):
        cells = [
            [_cell(v, simulated) for v in values if v.region == region and _year(v) == year] for year in years
        ]
        rows.append(RegionRow(region, names.get(region, region), cells))
    parameter = library.parameters[name]
    tongue = language()
    unit = parameter.type.unit
    return LineTable(
        name,
        parameter.zh if tongue == "zh" else parameter.en,
        unit.text() if tongue == "zh" else unit.english(),
        years,
        rows,
    )


def _newest_first(value: ParameterValue) -> tuple[bool, int]:
    """Values in force by year, newest first; then those of which only the income year is known."""
    start = value.applied_from
    return start is None, -(start.year if start else value.income_year or 0)


def _year(value: ParameterValue) -> str:
    if value.applied_from is not None:
        return str(value.applied_from.year)
    return _("收入年 %(year)s") % {"year": value.income_year or "—"}


def _cell(value: ParameterValue, simulated: bool) -> Cell:
    kind, word = CERTAINTY_WORDS[value.certainty]
    start, end = value.applied_from, value.applied_to
    is_whole_year = bool(start and end and end.year == start.year and (end - start).days >= 364)
    return Cell(value, kind, str(word), is_usable(value, simulated=simulated), is_whole_year)


@dataclass(frozen=True)
class RuleCard:
    """One rule in words beside its source."""

    rule: Rule
    kind: str
    reason: str
    sentence: str
    certainty_kind: str
    certainty: str
    needs: list[tuple[int, str]]


@dataclass(frozen=True)
class DefinitionCard:
    """One definition in words beside its source."""

    name: str
    label: str
    sentence: str
    when: str


def rule_cards(pack: Pack) -> list[RuleCard]:
    """Every rule of a pack for the page."""
    tongue = language()
    cards = []
    for rule in pack.rules:
        text, (kind, word) = rule.text, CERTAINTY_WORDS[rule.text.certainty]
        joint = "、" if tongue == "zh" else ", "
        ages: dict[int, list[str]] = {}
        for name, days in text.needs.items():
            fact = pack.facts[name]
            ages.setdefault(days, []).append(fact.zh if tongue == "zh" else fact.en)
        cards.append(
            RuleCard(
                rule,
                str(KIND_WORDS[text.kind]),
                text.reason_zh if tongue == "zh" else text.reason_en,
                sentence(rule.node, tongue),
                kind,
                str(word),
                [(days, joint.join(names)) for days, names in sorted(ages.items())],
            )
        )
    return cards


def definition_cards(library: Library, pack: Pack) -> list[DefinitionCard]:
    """Every definition that a rule uses."""
    tongue = language()
    bodies = {n.name: n for rule in pack.rules for n in nodes_of(rule) if isinstance(n, Named)}
    return [
        DefinitionCard(
            d.name,
            d.zh if tongue == "zh" else d.en,
            sentence(bodies[d.name].body, tongue),
            d.when,
        )
        for d in library.definitions
        if d.name in bodies
    ]
