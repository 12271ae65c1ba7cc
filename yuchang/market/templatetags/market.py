"""Goods on the market's pages in the reader's language."""

from __future__ import annotations

from django import template

from yuchang.market import words
from yuchang.market.models import Offer

register = template.Library()


@register.filter
def goods_unit(offer: Offer) -> str:
    """The unit in which an offer is sold."""
    return words.goods_unit(offer.unit, offer.category_code)


@register.filter
def goods_title(title: str) -> str:
    """What a round or an offer is called."""
    return words.goods_title(title)
