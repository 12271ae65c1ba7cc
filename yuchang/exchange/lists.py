"""The columns of the exchange's lists."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core.language import is_english
from yuchang.core.lists import Cell, Column, day, day_word, number, state, text, yuan
from yuchang.core.money import format_wan
from yuchang.exchange import queries
from yuchang.exchange.models import Posting
from yuchang.exchange.queries_console import urgent_postings
from yuchang.exchange.templatetags.exchange import (
    category_name,
    category_unit,
    leftover_fix,
    leftover_kind,
    leftover_words,
    state_kind,
)


def _window(row: Any) -> str:
    return f"{day_word(row.window_from)} – {day_word(row.window_to)}"


def _state(get: Any = lambda r: r) -> Column:
    return state("state", _("状态"), lambda r: get(r).get_state_display(), lambda r: state_kind(get(r).state))


AGREEMENTS = (
    text(
        "agreement",
        _("协议"),
        lambda r: f"#{r.pk} {category_name(r.category)}",
        href=lambda r: reverse("exchange:agreement", args=[r.pk]),
    ),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: category_unit(r.category)),
    number("fulfilled", _("已履约"), lambda r: r.fulfilled, unit=lambda r: category_unit(r.category)),
    yuan("price", _("单价（元）"), lambda r: r.price_fen),
    text("origin", _("产地"), lambda r: r.offer.place.full_name),
    text(
        "buyer",
        _("需方"),
        lambda r: r.need.organisation.name if r.need.organisation else r.need.place.full_name,
    ),
    text("delivery", _("交付"), lambda r: f"{day_word(r.delivery_from)} – {day_word(r.delivery_to)}"),
    yuan("value", _("金额（元）"), lambda r: r.quantity * r.price_fen, is_extra=True),
    day("agreed", _("签约"), lambda r: r.agreed_at, is_extra=True),
    _state(),
)
DISPUTES = (
    text(
        "dispute",
        _("争议"),
        lambda r: f"#{r.pk} {category_name(r.agreement.category)}",
        href=lambda r: reverse("exchange:dispute", args=[r.pk]),
    ),
    text("side", _("提出方"), lambda r: r.get_side_display()),
    text("place", _("产地"), lambda r: r.place.full_name),
    day("opened", _("提出"), lambda r: r.opened_at),
    day("answer_by", _("答复期限"), lambda r: r.answer_by),
    text("outcome", _("处理结果"), lambda r: r.get_outcome_display() if r.outcome else ""),
    _state(),
)
CLEARINGS = (
    text(
        "run",
        _("撮合"),
        lambda r: f"#{r.pk} {day_word(r.on)}",
        href=lambda r: reverse("exchange:clearing", args=[r.pk]),
    ),
    text("area", _("范围"), lambda r: r.county.name if r.county else now("全国")),
    number("offers", _("供给"), lambda r: r.offer_count),
    number("needs", _("需求"), lambda r: r.need_count),
    number("matches", _("建议"), lambda r: r.match_count),
    Column(
        "welfare",
        _("全体得益（元）"),
        lambda r: Cell(
            format_wan(r.welfare_fen, in_english=is_english()), is_number=True, raw=r.welfare_fen / 100
        ),
        is_number=True,
    ),
    state(
        "certificate",
        _("独立检验"),
        lambda r: now("通过") if r.is_certified else now("未通过"),
        lambda r: "good" if r.is_certified else "bad",
    ),
    _state(),
)
LEFTOVERS = (
    text(
        "category",
        _("品类"),
        lambda r: category_name(r.posting.category),
        href=lambda r: reverse("exchange:posting", args=[r.posting_id]),
    ),
    text("direction", _("方向"), lambda r: r.posting.get_direction_display()),
    text(
        "area",
        _("地区"),
        lambda r: r.posting.organisation.name if r.posting.organisation else r.posting.place.full_name,
    ),
    number(
        "quantity", _("未撮合数量"), lambda r: r.quantity, unit=lambda r: category_unit(r.posting.category)
    ),
    text("code", _("原因类别"), lambda r: leftover_kind(r.code), is_extra=True),
    text("reason", _("原因"), leftover_words),
    text("fix", _("最近的办法"), lambda r: "" if r.posting.organisation_id else leftover_fix(r)),
)
EMERGENCIES = (
    text(
        "goods",
        _("滞销货"),
        lambda r: category_name(r.category),
        href=lambda r: reverse("exchange:emergency", args=[r.pk]),
    ),
    text("area", _("地区"), lambda r: r.place.full_name),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: category_unit(r.category)),
    yuan("help", _("每单位补助（元）"), lambda r: r.help_fen),
    yuan("fund", _("资金总额（元）"), lambda r: r.fund_fen, is_extra=True),
    day("until", _("到哪天"), lambda r: r.until),
    text("reason", _("滞销原因"), lambda r: r.reason, is_extra=True),
    _state(),
)
# Rows are queries.OpenPosting: others' limits are never read.
MARKET = (
    text("direction", _("方向"), lambda r: now("供给") if r.direction == "offer" else now("需求")),
    text("category", _("品类"), lambda r: r.category, note=lambda r: now("滞销急售") if r.is_urgent else ""),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: r.unit),
    text("owner", _("发布方"), lambda r: r.owner),
    text("window", _("时间"), _window),
)
POSTINGS = (
    text(
        "category",
        _("品类"),
        lambda r: category_name(r["row"].category),
        href=lambda r: reverse("exchange:posting", args=[r["row"].pk]),
    ),
    text("direction", _("方向"), lambda r: r["row"].get_direction_display()),
    text("owner", _("主体"), lambda r: r["owner"]),
    Column(
        "quantity",
        _("剩余/总量"),
        lambda r: Cell(
            f"{r['row'].left}/{r['row'].quantity} {category_unit(r['row'].category)}", is_number=True
        ),
        is_number=True,
    ),
    yuan("limit", _("底线（元）"), lambda r: r["row"].limit_fen),
    text("window", _("时间"), lambda r: _window(r["row"])),
    text("place", _("地区"), lambda r: r["row"].place.full_name, is_extra=True),
    _state(lambda r: r["row"]),
    text(
        "why",
        _("为何未成、怎样可成"),
        lambda r: leftover_words(r["leftover"]) if r["leftover"] else "",
        note=lambda r: leftover_fix(r["leftover"]) if r["leftover"] else "",
    ),
)


def own_postings(rows: list[Posting]) -> list[dict[str, Any]]:
    """Postings with their owner, what is left, and why the newest clearing left it. Constant queries."""
    leftovers = queries.latest_leftovers([row.pk for row in rows])
    return [_own(row, leftovers) for row in rows]


def _own(row: Posting, leftovers: dict[int, Any]) -> dict[str, Any]:
    leftover = leftovers.get(row.pk) if row.state == Posting.State.OPEN else None
    if leftover:
        leftover.posting = row
    return {"row": row, "owner": queries.own_owner(row), "leftover": leftover}


def open_postings(rows: list[Posting]) -> list[queries.OpenPosting]:
    """Everybody's postings as others may see them."""
    urgent = urgent_postings([row.pk for row in rows])
    return [queries.as_open(row, is_urgent=row.pk in urgent) for row in rows]
