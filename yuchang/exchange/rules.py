"""What a posting and its terms must be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from yuchang.exchange.clearing.problem import PRICE_MAX_FEN, QUANTITY_MAX

WINDOW_MAX_DAYS = 3660
DISTANCE_MAX_KM = 6000


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with a posting or with terms: the field and a code (words: ``words.FLAWS``)."""

    field: str
    code: str


@dataclass(frozen=True)
class PostingFacts:
    """One posting as asked for. Exactly one owner: a household, a village (place id) or an organisation.

    ``quantity`` in the category's unit; ``limit_fen`` per unit, private; ``resource_id`` links the
    declared resource it came from (one live posting per resource). Draft postings are not cleared.
    """

    direction: str
    category: str
    quantity: int
    limit_fen: int
    window_from: date
    window_to: date
    household_id: int | None = None
    village_id: int | None = None
    organisation_id: int | None = None
    resource_id: int | None = None
    radius_km: int | None = None
    note: str = ""
    is_draft: bool = False

    @property
    def owner_kind(self) -> str:
        """Who owns it, by the number given."""
        if self.household_id is not None:
            return "household"
        return "village" if self.village_id is not None else "organisation"


def posting_flaws(facts: PostingFacts, leaves: dict[str, str], today: date) -> Iterator[Flaw]:
    """Everything wrong with a posting. ``leaves`` maps the codes that may be posted to their units."""
    if facts.direction not in ("offer", "need"):
        yield Flaw("direction", "direction")
    if facts.category not in leaves:
        yield Flaw("category", "category")
    owners = (facts.household_id, facts.village_id, facts.organisation_id)
    if sum(owner is not None for owner in owners) != 1:
        yield Flaw("owner", "owner")
    if not 0 < facts.quantity <= QUANTITY_MAX:
        yield Flaw("quantity", "quantity")
    if not 0 <= facts.limit_fen <= PRICE_MAX_FEN:
        yield Flaw("limit", "limit")
    if facts.window_to < facts.window_from:
        yield Flaw("window_to", "window order")
    elif facts.window_to < today:
        yield Flaw("window_to", "window past")
    elif facts.window_to - facts.window_from > timedelta(days=WINDOW_MAX_DAYS):
        yield Flaw("window_to", "window long")
    if facts.radius_km is not None and not 0 <= facts.radius_km <= DISTANCE_MAX_KM:
        yield Flaw("radius_km", "radius")


def terms_flaws(
    quantity: int, price_fen: int, left: int, delivery_from: date, delivery_to: date
) -> Iterator[Flaw]:
    """Everything wrong with the terms of a talk or an agreement; ``left`` is what both sides still have."""
    if not 0 < quantity <= QUANTITY_MAX:
        yield Flaw("quantity", "quantity")
    elif quantity > left:
        yield Flaw("quantity", "more than left")
    if not 0 <= price_fen <= PRICE_MAX_FEN:
        yield Flaw("price", "price")
    if delivery_to < delivery_from:
        yield Flaw("delivery_to", "window order")


def other_side(side: str) -> str:
    """The side that is not this one."""
    return "need" if side == "offer" else "offer"


FRESH_DAYS = 7
"""So long after a clearing its duals tell what a partner's capacity is worth."""


def partner_rank(gain_fen: int, dual_fen: int | None, age_days: int | None) -> int:
    """By what a possible partner is ranked between clearings, in fen per unit.

    Fresh duals: the pair's gain less what the partner already gains elsewhere (a partner whom the clearing
    did not see gains nothing yet). Stale or no duals: the gain alone, as old duals are worse than none
    (measured on random arrivals: 0.972 of the optimum with exact duals, 0.757 wrong, 0.798 without).
    """
    if dual_fen is None or age_days is None or age_days > FRESH_DAYS:
        return gain_fen
    return gain_fen - dual_fen


def convert_quantity(quantity: int, text: str, unit: str) -> int | None:
    """So many ``text`` units in a category's ``unit``; None if unknown or not a whole number.

    300 斤 are 150 公斤; 3 斤 are not a whole number of 公斤.
    """
    if text == unit:
        return quantity
    factor = _FRACTIONS.get((text, unit)) or unit_factor(text, unit)
    if factor is None:
        return None
    exact = quantity * Fraction(factor)
    return int(exact) if exact.denominator == 1 else None


def unit_factor(text: str, unit: str) -> int | None:
    """How many of a category's ``unit`` one ``text`` unit holds; None if they cannot be converted."""
    if text == unit:
        return 1
    return _FACTORS.get((text, unit))


_FACTORS = {
    ("吨", "公斤"): 1000,
    ("千克", "公斤"): 1,
    ("kg", "公斤"): 1,
    ("担", "公斤"): 50,
    ("公担", "公斤"): 100,
    ("垧", "亩·年"): 15,
    ("公顷", "亩·年"): 15,
    ("公顷", "亩"): 15,
    ("只", "件"): 1,
    ("个", "件"): 1,
    ("双", "件"): 1,
    ("套", "件"): 1,
    ("棵", "株"): 1,
    ("匹", "头"): 1,
    ("羽", "头"): 1,
    ("万元", "千元"): 10,
    ("人天", "工日"): 1,
    ("周", "工日"): 7,
    ("人月", "工日"): 22,
    ("床", "间夜"): 1,
    ("只", "头"): 1,
    ("亩", "亩·年"): 1,
    ("万元", "千元·年"): 10,
    ("人", "人次"): 1,
    ("次", "人次"): 1,
    ("间", "间夜"): 1,
    ("天", "工日"): 1,
    ("人日", "工日"): 1,
}
_FRACTIONS = {
    ("斤", "公斤"): Fraction(1, 2),
    ("市斤", "公斤"): Fraction(1, 2),
    ("克", "公斤"): Fraction(1, 1000),
    ("两", "公斤"): Fraction(1, 20),
    ("分", "亩·年"): Fraction(1, 10),
    ("元", "千元"): Fraction(1, 1000),
    ("元", "千元·年"): Fraction(1, 1000),
    ("小时", "工日"): Fraction(1, 8),
    ("斤", "吨·月"): Fraction(1, 2000),
    ("公斤", "吨·月"): Fraction(1, 1000),
}
