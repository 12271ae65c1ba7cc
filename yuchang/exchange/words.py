"""Reasons and refusals as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from yuchang.core.errors import Problem
from yuchang.core.language import is_english
from yuchang.core.money import format_yuan
from yuchang.core.phrases import Both
from yuchang.exchange.rules import Flaw, certificates_of, quantity_in

if TYPE_CHECKING:
    from yuchang.exchange.models import Category

FLAWS: dict[str, tuple[Promise, Promise]] = {
    "direction": (gettext_lazy("须说明是供给还是需求。"), gettext_lazy("请选择“供给”或“需求”。")),
    "category": (gettext_lazy("没有这个品类，或它还要再细分。"), gettext_lazy("请从品类表中选择最细一级。")),
    "owner": (gettext_lazy("一条信息须有且只有一个主体。"), gettext_lazy("请选择农户、村集体或机构之一。")),
    "quantity": (
        gettext_lazy("数量须为 1 至 10 亿之间的整数。"),
        gettext_lazy("请按所示单位填写整数。"),
    ),
    "limit": (gettext_lazy("价格须在 0 至 100 万元之间。"), gettext_lazy("请填写每单位的价格。")),
    "price": (gettext_lazy("价格须在 0 至 100 万元之间。"), gettext_lazy("请填写每单位的价格。")),
    "window order": (gettext_lazy("结束日期早于开始日期。"), gettext_lazy("请核对起止日期。")),
    "window past": (gettext_lazy("结束日期已过。"), gettext_lazy("请填写今天或以后的日期。")),
    "window long": (gettext_lazy("时间跨度超过十年。"), gettext_lazy("请缩短时间。")),
    "radius": (
        gettext_lazy("距离须在 0 至 6000 公里之间。"),
        gettext_lazy("0 表示只在本县；留空表示按品类惯例。"),
    ),
    "lot": (gettext_lazy("最小批量须在 1 与总数量之间。"), gettext_lazy("请按所示单位填写整数。")),
    "certificate": (gettext_lazy("不认识的证书。"), gettext_lazy("请从证书表中选择。")),
    "repeats": (gettext_lazy("不认识的重复方式。"), gettext_lazy("请选择每年或每月。")),
    "repeat until alone": (
        gettext_lazy("没有选择重复方式。"),
        gettext_lazy("请选择每年或每月，或清空截止日期。"),
    ),
    "repeat order": (gettext_lazy("重复的截止日期早于本次结束日期。"), gettext_lazy("请核对日期。")),
    "window repeats": (
        gettext_lazy("时间长于重复的间隔，前后两次会重叠。"),
        gettext_lazy("请缩短时间，或改为每年。"),
    ),
    "more than left": (gettext_lazy("超过双方剩余的数量。"), gettext_lazy("请减少数量。")),
}

CERTIFICATES: dict[str, Promise] = {
    "organic": gettext_lazy("有机产品"),
    "green": gettext_lazy("绿色食品"),
    "geographic": gettext_lazy("地理标志"),
    "famous": gettext_lazy("名特优新"),
    "quarantine": gettext_lazy("动植物检疫合格"),
    "food_licence": gettext_lazy("食品生产许可"),
    "inspection": gettext_lazy("质量检验合格"),
    "breed": gettext_lazy("良种或种苗合格"),
    "skill": gettext_lazy("职业技能证书"),
    "medical": gettext_lazy("健康证明"),
    "tourism": gettext_lazy("旅游经营许可"),
    "land": gettext_lazy("土地经营权证"),
}

UNITS: dict[str, Promise] = {
    "吨": gettext_lazy("吨"),
    "千克": gettext_lazy("千克"),
    "担": gettext_lazy("担"),
    "公担": gettext_lazy("公担"),
    "垧": gettext_lazy("垧"),
    "公顷": gettext_lazy("公顷"),
    "只": gettext_lazy("只"),
    "个": gettext_lazy("个"),
    "双": gettext_lazy("双"),
    "套": gettext_lazy("套"),
    "棵": gettext_lazy("棵"),
    "匹": gettext_lazy("匹"),
    "羽": gettext_lazy("羽"),
    "万元": gettext_lazy("万元"),
    "人天": gettext_lazy("人天"),
    "周": gettext_lazy("周"),
    "人月": gettext_lazy("人月"),
    "床": gettext_lazy("床"),
    "亩": gettext_lazy("亩"),
    "人": gettext_lazy("人"),
    "次": pgettext_lazy("unit", "次"),
    "间": gettext_lazy("间"),
    "天": gettext_lazy("天"),
    "人日": gettext_lazy("人日"),
    "斤": gettext_lazy("斤"),
    "市斤": gettext_lazy("市斤"),
    "克": gettext_lazy("克"),
    "两": gettext_lazy("两"),
    "分": gettext_lazy("分"),
    "元": gettext_lazy("元"),
    "小时": gettext_lazy("小时"),
    "公斤": gettext_lazy("公斤"),
}
"""Units in which people say quantities (``rules.units_for``)."""

UNFIT: dict[str, Promise] = {
    "overflow": gettext_lazy("品类 %(detail)s 的数量与价格过大，合计超出 64 位整数，不能撮合。"),
    "too many": gettext_lazy("品类 %(detail)s 的可行组合过多，请按品类分批撮合或缩小距离。"),
    "too many cycles": gettext_lazy("可能的换货组合超过 %(detail)s 个，请按品类分批，或不用换货。"),
    "too many pairs": gettext_lazy("因谢绝或缺证件而要避开的组合超过 %(detail)s 个，请按品类分批撮合。"),
    "bonus": gettext_lazy("惯性加成须在 0 至 100 万元之间。"),
    "floor": gettext_lazy("保底额过大，合计超出 64 位整数，不能计算。"),
    "fund": gettext_lazy("周转金须在 0 至 1000 万元之间。"),
    "budget": gettext_lazy("有机构的预算为负或超出可计算的范围。"),
    "quota": gettext_lazy("有结对的采购额超出可计算的范围。"),
    "rows": gettext_lazy("数量、价格与缺额代价相乘超出 64 位整数，不能计算。"),
    "unsolved": gettext_lazy("预算与结对指标的规划没有算出结果，请按品类分批，或核对异常的数量与价格。"),
    "too many rows": gettext_lazy("可行组合超过 %(detail)s 个，带预算或结对指标算不了，请按品类分批。"),
}

PARAMETER_FLAWS: dict[str, tuple[Promise, Promise]] = {
    "absurd": (gettext_lazy("数额超出可计算的范围。"), gettext_lazy("请填写 0 或合理的金额。")),
    "nested village": (
        gettext_lazy("村的保底额低于村内一户的保底额，两者矛盾。"),
        gettext_lazy("村的保底额须不低于户的；不设村保底请填 0。"),
    ),
    "nested county": (
        gettext_lazy("县的保底额低于县内一村或一户的保底额，两者矛盾。"),
        gettext_lazy("县的保底额须不低于村和户的；不设县保底请填 0。"),
    ),
    "soft without floors": (
        gettext_lazy("没有设保底，不必填写软保底的代价。"),
        gettext_lazy("请先填写户、村或县的保底额，或留空。"),
    ),
    "rows with others": (
        gettext_lazy("预算和结对指标不能与保底或换货放在同一个方案里。"),
        gettext_lazy("请分成两个方案，比较后再选一个。"),
    ),
    "fund without swaps": (
        gettext_lazy("周转金只用于换货。"),
        gettext_lazy("请勾选换货，或把周转金改为 0。"),
    ),
}

EMERGENCY_FLAWS: dict[str, tuple[Promise, Promise]] = {
    "quantity": FLAWS["quantity"],
    "more than left": (
        gettext_lazy("超过这条供给剩余的数量。"),
        gettext_lazy("请减少数量。"),
    ),
    "subject": (
        gettext_lazy("请选一条供给或一个品类，二者选一。"),
        gettext_lazy("按供给申报填编号；按品类申报选品类并填数量。"),
    ),
    "until": (gettext_lazy("截止日期须在今天至 180 天之内。"), gettext_lazy("请核对截止日期。")),
    "reason": (gettext_lazy("请说明滞销的原因。"), gettext_lazy("一两句话即可。")),
    "radius": FLAWS["radius"],
    "help": (gettext_lazy("每单位补助须在 0 至 100 万元之间。"), gettext_lazy("不补助请填 0。")),
    "fund": (gettext_lazy("资金总额须在 0 至 10 亿元之间。"), gettext_lazy("不动用资金请填 0。")),
    "help without fund": (
        gettext_lazy("填了每单位补助，资金总额却不够一个单位。"),
        gettext_lazy("请填写资金总额，或把补助改为 0。"),
    ),
}

STAGES: dict[str, Promise] = {
    "start": gettext_lazy("读取冻结的输入"),
    "swaps": gettext_lazy("寻找换货"),
    "market": gettext_lazy("求最优撮合"),
    "lots": gettext_lazy("去掉过小的成交"),
    "check": gettext_lazy("独立检验"),
    "store": gettext_lazy("保存结果"),
    "decide": gettext_lazy("核对供需和预算"),
    "seen": gettext_lazy("保存撮合所见"),
    "explain": gettext_lazy("写明未撮合的原因"),
    "replace": gettext_lazy("收回旧建议"),
    "send": gettext_lazy("分批送达"),
    "tell": gettext_lazy("通知双方"),
}

SHORTFALLS: dict[str, Promise] = {
    "supply": gettext_lazy("自己的供给不值这么多"),
    "partner": gettext_lazy("能成交的供给不值这么多"),
    "whole_units": gettext_lazy("只差不到一个单位"),
    "competition": gettext_lazy("需求有限，同样困难的也在卖"),
    "price": gettext_lazy("代价超过软保底的价"),
}

# Budget and competition read the same: apart, they would tell how large a budget is.
QUOTA_SHORTFALLS: dict[str, Promise] = {
    "supply": gettext_lazy("受助地的供给不值这么多"),
    "partner": gettext_lazy("与帮扶方需求合得上的供给不值这么多"),
    "budget": gettext_lazy("帮扶方的预算不够，或别的结对也要这批货"),
    "whole_units": gettext_lazy("只差不到一个单位"),
    "penalty": gettext_lazy("代价超过每缺 1 元愿付的数"),
    "competition": gettext_lazy("帮扶方的预算不够，或别的结对也要这批货"),
}

LEFTOVER_KINDS: dict[str, Promise] = {
    "nobody": gettext_lazy("无相对信息"),
    "window": gettext_lazy("时间不合"),
    "distance": gettext_lazy("距离太远"),
    "price": gettext_lazy("价格不合"),
    "outcompeted": gettext_lazy("对象另有更好"),
    "partly": gettext_lazy("只成一部分"),
    "floor": gettext_lazy("让给保底"),
    "rows": gettext_lazy("受预算或结对所限"),
    "lot": gettext_lazy("不够起订量"),
    "certificate": gettext_lazy("缺对方要求的证书"),
    "barred": gettext_lazy("对象谢绝过或缺证件"),
}


def parameter_problem(field: str, code: str) -> Problem:
    """One flaw of a scenario's parameters as a message beside its field."""
    message, remedy = PARAMETER_FLAWS[code]
    return Problem(field, str(message), str(remedy))


def emergency_problem(flaw: Flaw) -> Problem:
    """One flaw of a declared emergency as a message beside its field."""
    message, remedy = EMERGENCY_FLAWS[flaw.code]
    return Problem(flaw.field, str(message), str(remedy))


def problem_of(flaw: Flaw, row: int | None = None) -> Problem:
    """One flaw as a message beside its field; ``row`` counts the rows of a set from 1."""
    message, remedy = FLAWS[flaw.code]
    text = str(message) if row is None else _("第 %(row)d 条：%(text)s") % {"row": row, "text": message}
    return Problem(flaw.field, text, str(remedy))


def unfit_message(code: str, posting_id: int, detail: str) -> str:
    """Why an input cannot be cleared. (The overflow of a floor names no category: its detail is a phrase.)"""
    if code == "overflow" and " " in detail:
        code = "floor"
    if code in UNFIT:
        return str(UNFIT[code]) % {"detail": detail}
    return _("编号 %(id)d 的信息不能参加撮合（%(code)s）。") % {"id": posting_id, "code": code}


def distance(km: int | None) -> str:
    """How far apart, and that it is between county points."""
    if km is None:
        return _("距离未知")
    return _("同县") if km == 0 else _("县城间约 %(km)d 公里") % {"km": km}


def suggestion_reason(km: int | None, days: int, *, is_by_duals: bool) -> str:
    """Why a posting is suggested as a partner: the same kind, time and distance, and by what it is ranked."""
    values = {"far": distance(km), "days": days}
    if is_by_duals:
        return _("同品类，时间重合 %(days)d 天，%(far)s；按最近一次撮合的行情排序。") % values
    return _("同品类，时间重合 %(days)d 天，%(far)s；按双方条件排序。") % values


def category_word(category: Category) -> str:
    """A category in the reader's language."""
    return category.name_en if is_english() else category.name_zh


def unit_word(category: Category) -> str:
    """A category's unit in the reader's language."""
    return category.unit_en if is_english() else category.unit


def both_names(category: Category) -> Both:
    """A category's name for a stored sentence."""
    return Both(category.name_zh, category.name_en)


def both_units(category: Category) -> Both:
    """A category's unit for a stored sentence."""
    return Both(category.unit, category.unit_en)


def unit_said(text: str, category: Category | None) -> str:
    """A unit that somebody uses, perhaps that of the category, in the reader's language."""
    if category is not None and text == category.unit:
        return unit_word(category)
    return str(UNITS.get(text, text))


def in_unit(quantity: int, unit: str, text: str) -> str:
    """A quantity in the unit that somebody uses, with one decimal at most; nothing where it is the same."""
    said = quantity_in(quantity, unit, text) if text and text != unit else None
    if said is None:
        return ""
    number = f"{int(said):,}" if said.denominator == 1 else f"{float(said):,.1f}"
    return f"{number} {UNITS.get(text, text)}"


def match_reason(reason: dict[str, Any], side: str, unit: str) -> str:
    """Why this partner, for one side: its gain, among how many. Tells nothing of the other's limit."""
    if "direct" in reason:
        if reason["direct"] == side:
            return _("由您直接提出，等待对方答复；价格由双方商定。")
        return _("由对方直接提出；价格由双方商定，您可以还价。")
    gain = reason["offer_gain_fen" if side == "offer" else "need_gain_fen"]
    partners = reason["offer_partners" if side == "offer" else "need_partners"]
    values = {"gain": format_yuan(gain), "unit": unit, "partners": partners}
    if reason.get("swap"):
        return _("以货换货：按品类参考价互换，差额用周转金垫付。")
    return _market_reason(side, values, has_gain=bool(gain)) + _extra_reason(reason, side, unit)


def _extra_reason(reason: dict[str, Any], side: str, unit: str) -> str:
    """What else decided: a floor for the poor, or the fund of an emergency."""
    text = ""
    if reason.get("floor_fen"):
        text += _("这里有保底：先保证收入没有着落的农户和村卖出一定金额。")
    if reason.get("pairing"):
        text += _("这一对计入结对帮扶的采购额。")
    if reason.get("help_fen") and side == "offer":
        values = {"help": format_yuan(reason["help_fen"]), "unit": unit}
        text += _("滞销应急：成交后资金每%(unit)s另补 %(help)s 元。") % values
    return text


def _market_reason(side: str, values: dict[str, Any], *, has_gain: bool) -> str:
    if not has_gain:
        text = _("正好按您的底线成交：还有数量没有对象；在 %(partners)d 个可行对象中，这样搭配全体得益最大。")
    elif side == "offer":
        text = _("每%(unit)s比您的底价多得 %(gain)s 元；在 %(partners)d 个可行对象中，这样搭配全体得益最大。")
    else:
        text = _(
            "每%(unit)s比您的最高价少付 %(gain)s 元；在 %(partners)d 个可行对象中，这样搭配全体得益最大。"
        )
    return text % values


def certificate_names(bits: int) -> str:
    """Certificates by name."""
    return "、".join(str(CERTIFICATES[code]) for code in certificates_of(bits))


def leftover_reason(code: str, figures: dict[str, Any], direction: str) -> str:
    """Why nothing yet."""
    texts = {
        "nobody": _("目前没有人在这个品类提出相对的信息。"),
        "window": _("有 %(counterparts)d 个对象，但时间都不重合。"),
        "distance": _("有 %(counterparts)d 个对象时间合适，但都超出距离。"),
        "price": _("有 %(counterparts)d 个对象时间、距离合适，但价格谈不拢。"),
        "outcompeted": _("有 %(partners)d 个可行对象，但他们都有至少同样好的选择。"),
        "partly": _("已撮合 %(traded)d，其余部分：对象都有至少同样好的选择。"),
        "floor": _("不设保底时可成 %(plain)d；这些需求让给了收入没有着落的农户和村。"),
        "rows": _("不设预算和结对指标时可成 %(plain)d；对象的预算用完了，或货先给了结对的一方。"),
        "lot": _("有 %(partners)d 个可行对象，但凑不够双方的起订量。"),
        "certificate": _("有 %(counterparts)d 个对象时间、距离合适，但供方缺需方要求的证书。"),
        "barred": _("%(partners)d 个可行对象都谢绝过，或您缺他们要求的证件。"),
    }
    return texts[code] % figures


def leftover_fix(code: str, figures: dict[str, Any], direction: str, unit: str) -> str:
    """What would change it: the nearest fix, empty if none is known."""
    if code == "window":
        return _("时间放宽 %(days)d 天即有对象。") % figures
    if code == "distance" and "km" in figures:
        return _("距离放宽到 %(km)d 公里即有对象。") % figures
    if code == "certificate":
        text = _("有了%(papers)s即有对象。") if direction == "offer" else _("不要求%(papers)s即有对象。")
        return text % {"papers": certificate_names(figures["lacks"])}
    step = figures.get("step_fen", 0)
    about = figures.get("about_fen", 0)
    if not step and not about:
        return ""
    values = {"step": format_yuan(step or about), "unit": unit}
    if about:
        lower, higher = (
            _("每%(unit)s低约 %(step)s 元，可能成交。"),
            _("每%(unit)s高约 %(step)s 元，可能成交。"),
        )
        return (lower if direction == "offer" else higher) % values
    if direction == "offer":
        return _("每%(unit)s低 %(step)s 元即可成交。") % values
    return _("每%(unit)s高 %(step)s 元即可成交。") % values
