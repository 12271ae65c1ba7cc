"""The lines of the comparison page: runs of one draft beside each other, in words and figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core.money import format_yuan
from yuchang.exchange.clearing.terms import PLAIN, Parameters, parameters_of
from yuchang.exchange.models import Clearing

LEVELS: dict[str, Promise] = {
    "household": gettext_lazy("贫困户"),
    "village": gettext_lazy("村"),
    "county": gettext_lazy("县"),
}


@dataclass(frozen=True)
class Line:
    """One figure of every run, in the order of the runs."""

    label: str
    cells: list[str]


def lines_of(runs: list[Clearing]) -> list[Line]:
    """Every figure that at least one of the runs has; the first run is the draft."""
    draft = runs[0]
    makers: list[tuple[str, Callable[[Clearing], str]]] = [
        (_("全体得益（元）"), lambda r: format_yuan(r.welfare_fen)),
        (_("比不设条件少得益（元）"), lambda r: _cost(draft, r)),
        (_("成交额（元）"), lambda r: format_yuan(r.value_fen)),
        (_("撮合建议"), lambda r: str(r.match_count)),
        (_("贫困户成交额（元）"), lambda r: _yuan(r, "poor_value_fen")),
        (_("卖出的贫困户"), _poor),
        *((_("%(level)s保底") % {"level": word}, _floor_of(name)) for name, word in LEVELS.items()),
        (_("保底缺口（元）"), lambda r: _yuan(r, "floors", "shortfall_fen")),
        (_("使保底自愿所需补贴（元）"), lambda r: _yuan(r, "floors", "subsidy_fen")),
        (_("因保底闲置的价值（元）"), lambda r: _yuan(r, "floors", "idle_fen")),
        (_("同样保底下得益的上界（元）"), lambda r: _yuan(r, "floors", "bound_fen")),
        (_("预算用到（元）"), _budgets),
        (_("达到结对采购额的"), _quotas),
        (_("结对采购缺额（元）"), lambda r: _yuan(r, "rows", "missing_fen")),
        (_("同样预算和结对采购下得益的上界（元）"), lambda r: _yuan(r, "rows", "bound_fen")),
        (_("换货额（元）"), lambda r: _yuan(r, "swaps", "value_fen")),
        (_("周转金垫付（元）"), lambda r: _yuan(r, "swaps", "cash_fen")),
        (_("换货得益的上界（元）"), lambda r: _yuan(r, "swaps", "bound_fen")),
        (_("因起订量避开的组合"), lambda r: str(r.outcome.get("small") or "")),
        (_("沿用上次的搭档"), _kept),
        (_("成交变多 / 变少的信息"), _moved),
        (_("独立检验"), lambda r: _("通过") if r.is_certified else _("未通过")),
        (_("结果哈希"), lambda r: r.result_hash[:16]),
        (_("用时（秒）"), lambda r: f"{r.seconds:.1f}"),
    ]
    lines = [Line(label, [make(run) for run in runs]) for label, make in makers]
    return [line for line in lines if any(line.cells)]


def _cost(draft: Clearing, run: Clearing) -> str:
    lost = draft.welfare_fen - run.welfare_fen
    if run.pk == draft.pk:
        return ""
    share = f"{100 * lost / draft.welfare_fen:.2f}%" if draft.welfare_fen else "—"
    return f"{format_yuan(lost)} ({share})"


def _yuan(run: Clearing, *path: str) -> str:
    value: Any = run.outcome
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else format_yuan(value)


def _poor(run: Clearing) -> str:
    if "poor_offering" not in run.outcome:
        return ""
    return f"{run.outcome['poor_selling']} / {run.outcome['poor_offering']}"


def _floor_of(name: str) -> Callable[[Clearing], str]:
    def said(run: Clearing) -> str:
        for level in run.outcome.get("levels", []):
            if level["level"] == name:
                kept = level["groups"] - level["short"]
                values = {"kept": kept, "all": level["groups"], "reach": f"{level['reach'] / 10:.1f}"}
                if level["short"]:
                    return _("%(kept)s / %(all)s 保住；各家最多都能到 %(reach)s%%") % values
                return _("%(kept)s / %(all)s 保住") % values
        return ""

    return said


def _budgets(run: Clearing) -> str:
    table = run.outcome.get("budgets")
    if not table:
        return ""
    used_up: str = _("%(tight)d / %(count)d 家用满") % table
    if "budget_fen" not in table:
        return used_up
    return f"{format_yuan(table['spent_fen'])} / {format_yuan(table['budget_fen'])} · {used_up}"


def _quotas(run: Clearing) -> str:
    table = run.outcome.get("quotas")
    return f"{table['count'] - table['short']} / {table['count']}" if table else ""


def _kept(run: Clearing) -> str:
    kept, of = run.outcome.get("kept", [0, 0])
    return f"{kept} / {of}" if of else ""


def _moved(run: Clearing) -> str:
    table = run.outcome.get("differences")
    return f"{table['more']} / {table['less']}" if table else ""


def conditions(stored: dict[str, Any]) -> list[str]:
    """The parameters of a scenario in words; of the draft: none."""
    asked = parameters_of(stored)
    if asked == PLAIN:
        return [_("不设条件：全体得益最大")]
    return [*_floor_words(asked), *_other_words(asked)]


def _floor_words(asked: Parameters) -> list[str]:
    amounts = {"household": asked.household_fen, "village": asked.village_fen, "county": asked.county_fen}
    found = [
        _("每%(level)s至少卖 %(yuan)s 元") % {"level": LEVELS[name], "yuan": format_yuan(fen)}
        for name, fen in amounts.items()
        if fen
    ]
    if found and asked.soft_price >= 0:
        found.append(_("软保底：每缺 1 元最多付出 %(price)s 元") % {"price": f"{asked.soft_price / 1e6:g}"})
    elif found:
        found.append(_("先保底，再求得益"))
    return found


def _other_words(asked: Parameters) -> list[str]:
    found = []
    if asked.has_swaps:
        found.append(_("先换货，周转金 %(yuan)s 元") % {"yuan": format_yuan(asked.fund_fen)})
    if asked.lot_fen:
        found.append(_("每笔至少 %(yuan)s 元") % {"yuan": format_yuan(asked.lot_fen)})
    if asked.bonus_fen:
        found.append(_("老搭档每单位加 %(yuan)s 元") % {"yuan": format_yuan(asked.bonus_fen)})
    if asked.has_budgets:
        found.append(_("不超过各机构自报的预算"))
    if asked.has_promises:
        found.append(_("结对帮扶按承诺的采购额"))
    if asked.quota_fen:
        found.append(_("每个结对至少采购 %(yuan)s 元") % {"yuan": format_yuan(asked.quota_fen)})
    if asked.has_quotas:
        found.append(_("结对采购每缺 1 元最多付出 %(price)s 元") % {"price": f"{asked.quota_price / 1e6:g}"})
    return found
