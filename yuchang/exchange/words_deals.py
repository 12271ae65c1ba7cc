"""Deals and comparisons as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from yuchang.core import phrases
from yuchang.core.money import format_yuan
from yuchang.core.phrases import Phrase, in_chinese, ours
from yuchang.exchange.comparing import Comparison
from yuchang.exchange.models import Why
from yuchang.exchange.words import certificate_names

BY_ORDER = ours("订单签收")
"""Who delivered what an order of the market brought: nobody recorded it by hand."""
BY_ITSELF = ours("到期自动结束")
"""Why an emergency ended on its last day."""
OPENING = ours("想按此价格与您洽谈。")
"""What a proposal says when nobody wrote anything."""


@cache
def _whys() -> frozenset[str]:
    """What is stored as the reason of somebody who chose one and wrote nothing."""
    return frozenset(in_chinese(why.label) for why in Why)


def as_said(text: str) -> str | Phrase:
    """A reason for a stored sentence: a phrase if it was chosen, not typed."""
    return Phrase(text) if text in _whys() else text


def own_words(text: str) -> str:
    """A stored reason or remark in the reader's language if the words are ours, else as it was typed."""
    return str(Phrase(text)) if text in _whys() else phrases.own_words(text)


def comparison(found: Comparison, unit: str) -> str:
    """Why not that partner, for either side. Tells nobody's limit."""
    texts = {
        "absent": _("这条信息当时不在这次撮合中（尚未发布、已约满或正在洽谈）。"),
        "opposite": _("两条信息不能相互成交：须品类相同、一供一需、主体不同。"),
        "matched": _("这次撮合也把这一家配给了您，请在撮合板上查看。"),
        "barred": _("双方曾谢绝过彼此，或缺少对方要求的证件，不再相互推荐。"),
        "certificate": _("供方没有需方要求的%(papers)s。"),
        "area": _("双方都不在这次撮合的县，须等全国撮合。"),
        "window": _("双方时间相差 %(days)d 天，没有重合。"),
        "distance": _("县城间约 %(km)d 公里，超出至少一方的距离。")
        if "km" in found.figures
        else _("两地距离未知，超出至少一方的距离。"),
        "price": _("双方底线加运费谈不拢：每%(unit)s还差约 %(short)s 元（其中运费 %(carriage)s 元）。"),
        "better": _(
            "可以成交，但双方（或其中一方）现在的安排更好：按撮合价，这一对每%(unit)s还差约 %(short)s 元"
            "（含运费 %(carriage)s 元）才不比现在差。"
        ),
        "rows": _("可以成交，但这次撮合按预算和结对采购安排，双方的钱或货用在了总体更好的地方。"),
        "equal": _("与现在的安排一样好；数量已先配给同样好的对象。"),
    }
    values = {
        "unit": unit,
        "short": format_yuan(found.figures.get("short_fen", 0)),
        "carriage": format_yuan(found.figures.get("transport_fen", 0)),
        "papers": certificate_names(found.figures.get("lacks", 0)),
    }
    return texts[found.code] % (found.figures | values)


def leftover_changes(figures: dict[str, Any], direction: str, unit: str) -> Iterator[str]:
    """Each single change that would surely place a posting left over, smallest words first."""
    found = figures.get("changes", {})
    if "price" in found:
        values = {"unit": unit, "step": format_yuan(found["price"])}
        lower, higher = _("价格每%(unit)s低 %(step)s 元"), _("价格每%(unit)s高 %(step)s 元")
        yield (lower if direction == "offer" else higher) % values
    if "earlier" in found:
        yield _("时间提前 %(days)d 天") % {"days": found["earlier"]}
    if "later" in found:
        yield _("时间延后 %(days)d 天") % {"days": found["later"]}
    if "radius" in found:
        yield _("距离放宽到县城间 %(km)d 公里") % {"km": found["radius"]}
    if "certificates" in found:
        text = _("取得%(papers)s") if direction == "offer" else _("不要求%(papers)s")
        yield text % {"papers": certificate_names(found["certificates"])}
