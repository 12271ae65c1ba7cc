"""What goods are called and counted in, in the reader's language."""

from __future__ import annotations

import re

from yuchang.core.language import is_english
from yuchang.core.once import once
from yuchang.core.phrases import ours
from yuchang.exchange.models import Category
from yuchang.exchange.words import unit_said, unit_word

SHORT_HARVEST = ours("收成不足退款")
"""What a refund is booked for when less was harvested than sold."""
OF_ORDER = ours("订单 %(number)s")
"""What a payment is booked for."""
AS_AGREED = ours("按双方协议交货。")
"""The promise of an order that comes from an agreement."""
_OF_AGREEMENT = re.compile(r"(.+) #(\d+)")


def _categories() -> dict[str, Category]:
    rows = Category.objects.only("code", "name_zh", "name_en", "unit", "unit_en")
    return once("market.categories", lambda: {row.code: row for row in rows})


def goods_unit(unit: str, category_code: str) -> str:
    """The unit in which an offer of a category is sold."""
    if not is_english():
        return unit
    category = _categories().get(category_code)
    return unit_word(category) if category and category.unit == unit else unit_said(unit, None)


def goods_title(title: str) -> str:
    """What a round or an offer is called: its own title, but ``<category> #<agreement>`` is ours."""
    found = _OF_AGREEMENT.fullmatch(title) if is_english() else None
    if found is None:
        return title
    names = {row.name_zh: row.name_en for row in _categories().values()}
    return f"{names.get(found[1], found[1])} #{found[2]}"
