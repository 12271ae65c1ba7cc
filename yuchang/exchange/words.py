"""Reasons and refusals as sentences."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.core.errors import Problem
from yuchang.core.money import format_yuan
from yuchang.exchange.rules import Flaw

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
    "more than left": (gettext_lazy("超过双方剩余的数量。"), gettext_lazy("请减少数量。")),
}

UNFIT: dict[str, Promise] = {
    "overflow": gettext_lazy("品类 %(detail)s 的数量与价格过大，合计超出 64 位整数，不能撮合。"),
    "too many": gettext_lazy("品类 %(detail)s 的可行组合过多，请按品类分批撮合或缩小距离。"),
}

LEFTOVER_KINDS: dict[str, Promise] = {
    "nobody": gettext_lazy("无相对信息"),
    "window": gettext_lazy("时间不合"),
    "distance": gettext_lazy("距离太远"),
    "price": gettext_lazy("价格不合"),
    "outcompeted": gettext_lazy("对象另有更好"),
    "partly": gettext_lazy("只成一部分"),
}


def problem_of(flaw: Flaw, row: int | None = None) -> Problem:
    """One flaw as a message beside its field; ``row`` counts the rows of a set from 1."""
    message, remedy = FLAWS[flaw.code]
    text = str(message) if row is None else _("第 %(row)d 条：%(text)s") % {"row": row, "text": message}
    return Problem(flaw.field, text, str(remedy))


def unfit_message(code: str, posting_id: int, detail: str) -> str:
    """Why an input cannot be cleared."""
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


def match_reason(reason: dict[str, Any], side: str, unit: str) -> str:
    """Why this partner, for one side: its gain, among how many. Tells nothing of the other's limit."""
    gain = reason["offer_gain_fen" if side == "offer" else "need_gain_fen"]
    partners = reason["offer_partners" if side == "offer" else "need_partners"]
    values = {"gain": format_yuan(gain), "unit": unit, "partners": partners}
    if not gain:
        text = _("正好按您的底线成交：还有数量没有对象；在 %(partners)d 个可行对象中，这样搭配全体得益最大。")
    elif side == "offer":
        text = _("每%(unit)s比您的底价多得 %(gain)s 元；在 %(partners)d 个可行对象中，这样搭配全体得益最大。")
    else:
        text = _(
            "每%(unit)s比您的最高价少付 %(gain)s 元；在 %(partners)d 个可行对象中，这样搭配全体得益最大。"
        )
    return text % values


def leftover_reason(code: str, figures: dict[str, Any], direction: str) -> str:
    """Why nothing yet."""
    texts = {
        "nobody": _("目前没有人在这个品类提出相对的信息。"),
        "window": _("有 %(counterparts)d 个对象，但时间都不重合。"),
        "distance": _("有 %(counterparts)d 个对象时间合适，但都超出距离。"),
        "price": _("有 %(counterparts)d 个对象时间、距离合适，但价格谈不拢。"),
        "outcompeted": _("有 %(partners)d 个可行对象，但他们都有至少同样好的选择。"),
        "partly": _("已撮合 %(traded)d，其余部分：对象都有至少同样好的选择。"),
    }
    return texts[code] % figures


def leftover_fix(code: str, figures: dict[str, Any], direction: str, unit: str) -> str:
    """What would change it: the nearest fix, empty if none is known."""
    if code == "window":
        return _("时间放宽 %(days)d 天即有对象。") % figures
    if code == "distance" and "km" in figures:
        return _("距离放宽到 %(km)d 公里即有对象。") % figures
    step = figures.get("step_fen", 0)
    if not step:
        return ""
    values = {"step": format_yuan(step), "unit": unit}
    if direction == "offer":
        return _("每%(unit)s低 %(step)s 元即可成交。") % values
    return _("每%(unit)s高 %(step)s 元即可成交。") % values
