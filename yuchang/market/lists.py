"""The columns of the market's lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core.lists import Cell, Column, number, state, text, yuan
from yuchang.market.models import Offer, Round
from yuchang.market.words import goods_title, goods_unit

ORDER_KINDS = {"settled": "good", "delivered": "good", "paid": "info", "dispatched": "info", "held": "warn"}
ROUND_KINDS = {"open": "good", "settled": "info", "closed": "warn", "fulfilled": "warn"}


def _minute(value: Any) -> str:
    return f"{timezone.localtime(value):%Y-%m-%d %H:%M}" if value else ""


ORDERS = (
    text("order", _("订单"), lambda r: r.pk, href=lambda r: reverse("market:order", args=[r.pk])),
    text("placed", _("下单时间"), lambda r: _minute(r.placed_at), sort=("placed_at",)),
    text("buyer", _("买方"), lambda r: r.organisation.name),
    text("round", _("团"), lambda r: goods_title(r.round.title)),
    text("paid", _("付款"), lambda r: _minute(r.paid_at), is_extra=True),
    yuan("total", _("金额(元)"), lambda r: r.total_fen),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: ORDER_KINDS.get(r.state, "quiet")),
)


def rounds(*, is_buyer: bool, mine: list[int]) -> tuple[Column, ...]:
    """One line for each offer of a round. A buyer opens the goods, whoever runs the round the round."""

    def round_href(line: tuple[Round, Offer | None]) -> str:
        row = line[0]
        is_other = is_buyer and row.organisation_id not in mine
        return "" if is_other else reverse("market:round", args=[row.pk])

    def offer_href(line: tuple[Round, Offer | None]) -> str:
        return reverse("market:offer", args=[line[1].pk]) if is_buyer and line[1] else ""

    return (
        text("round", _("团"), lambda r: goods_title(r[0].title), href=round_href),
        text("place", _("地区"), lambda r: r[0].place.name),
        state(
            "state",
            _("状态"),
            lambda r: r[0].get_state_display(),
            lambda r: ROUND_KINDS.get(r[0].state, "quiet"),
        ),
        text("until", _("截单"), lambda r: _minute(r[0].sales_to), sort=("sales_to",)),
        text(
            "goods",
            _("商品"),
            lambda r: goods_title(r[1].title) if r[1] else now("尚未添加商品"),
            href=offer_href,
        ),
        yuan("price", _("单价(元)"), _of_offer(lambda o: o.price_fen)),
        Column("sold", _("已售 / 上限"), _sold, is_number=True),
        number("left", _("可售"), _of_offer(lambda o: o.cap - o.sold), is_extra=True),
    )


def _of_offer(get: Callable[[Offer], int]) -> Callable[[tuple[Round, Offer | None]], int | None]:
    return lambda line: get(line[1]) if line[1] else None


def _sold(line: tuple[Round, Offer | None]) -> Cell:
    offer = line[1]
    if offer is None:
        return Cell("—", is_number=True)
    return Cell(
        f"{offer.sold:,} / {offer.cap:,} {goods_unit(offer.unit, offer.category_code)}", is_number=True
    )


def by_offer(rows: list[Round]) -> list[tuple[Round, Offer | None]]:
    """A line for each offer, one for a round without any."""
    lines: list[tuple[Round, Offer | None]] = []
    for row in rows:
        offers = list(row.offers.all())
        lines += [(row, offer) for offer in offers] if offers else [(row, None)]
    return lines
