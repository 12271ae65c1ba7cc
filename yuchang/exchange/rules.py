"""What a posting and its terms must be. Pure."""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from yuchang.exchange.clearing.problem import PRICE_MAX_FEN, QUANTITY_MAX

WINDOW_MAX_DAYS = 3660
DISTANCE_MAX_KM = 6000
CERTIFICATES = (
    *("organic", "green", "geographic", "famous", "quarantine", "food_licence", "inspection", "breed"),
    *("skill", "medical", "tourism", "land"),
)
"""What a posting may have or ask for (words: ``words.CERTIFICATES``). New ones stand at the end: frozen runs
keep their positions."""
YEAR_MAX = 9000
REPEATS = {"year": 12, "month": 1}
"""Months by which the window of a repeating posting moves."""


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
    ``certificates``: what an offer has, what a need asks for. ``entered_unit``: the unit in which people
    said it. ``repeats``: "year" or "month", until ``repeat_until`` (None: for good).
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
    min_lot: int = 1
    certificates: tuple[str, ...] = ()
    entered_unit: str = ""
    repeats: str = ""
    repeat_until: date | None = None

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
    if facts.window_to < facts.window_from or facts.window_to.year > YEAR_MAX:
        yield Flaw("window_to", "window order" if facts.window_to < facts.window_from else "window long")
    elif facts.window_to < today:
        yield Flaw("window_to", "window past")
    elif facts.window_to - facts.window_from > timedelta(days=WINDOW_MAX_DAYS):
        yield Flaw("window_to", "window long")
    if facts.radius_km is not None and not 0 <= facts.radius_km <= DISTANCE_MAX_KM:
        yield Flaw("radius_km", "radius")
    if not 1 <= facts.min_lot <= max(facts.quantity, 1):
        yield Flaw("min_lot", "lot")
    if set(facts.certificates) - set(CERTIFICATES):
        yield Flaw("certificates", "certificate")
    yield from _repeat_flaws(facts)


def _repeat_flaws(facts: PostingFacts) -> Iterator[Flaw]:
    """A repeating posting's windows must not overlap one another."""
    if not facts.repeats:
        if facts.repeat_until is not None:
            yield Flaw("repeats", "repeat until alone")
        return
    if facts.repeats not in REPEATS:
        yield Flaw("repeats", "repeats")
        return
    if facts.window_from.year > YEAR_MAX:
        return
    if facts.window_to >= moved(facts.window_from, facts.repeats, 1):
        yield Flaw("window_to", "window repeats")
    if facts.repeat_until is not None and facts.repeat_until < facts.window_to:
        yield Flaw("repeat_until", "repeat order")


def moved(day: date, repeats: str, times: int) -> date:
    """A day so many years or months later; the last day of a shorter month where there is no such day."""
    months = day.year * 12 + day.month - 1 + REPEATS[repeats] * times
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def year_on(today: date) -> date:
    """The day a year later on which a window ends when nothing else is said."""
    return today.replace(year=today.year + 1, day=min(today.day, 28))


def next_window(
    first_from: date, first_to: date, repeats: str, after: date, today: date
) -> tuple[date, date] | None:
    """The window that follows the one beginning on ``after`` and has not ended by ``today``.

    Reckoned from the first window, so that the 31st does not become the 28th for ever; windows that
    passed while nothing ran are left out. None beyond the calendar.
    """
    passed = (after.year - first_from.year) * 12 + after.month - first_from.month
    for times in range(passed // REPEATS[repeats] + 1, passed // REPEATS[repeats] + 1300):
        try:
            ends = moved(first_to, repeats, times)
            if ends >= today:
                return moved(first_from, repeats, times), ends
        except ValueError:
            return None
    return None


def content_key(facts: PostingFacts) -> str:
    """The same for the same posting of the same owner: 32 signs, so that no posting is live twice."""
    owner = facts.household_id or facts.village_id or facts.organisation_id
    said = (
        *(facts.owner_kind, owner, facts.direction, facts.category, facts.quantity, facts.limit_fen),
        *(facts.window_from, facts.window_to, facts.resource_id, facts.radius_km, facts.min_lot),
        *(sorted(facts.certificates), facts.note[:300]),
    )
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()


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


EMERGENCY_DAYS = 180
"""No emergency lasts longer."""
EMERGENCY_FUND_MAX_FEN = 100_000_000_000


@dataclass(frozen=True)
class EmergencyFacts:
    """Unsold goods as declared: one posting, or a category with a quantity. Money in fen.

    ``help_fen`` is what the fund pays a unit at most, ``fund_fen`` what it pays in all; ``radius_km`` None:
    partners from the whole country.
    """

    quantity: int
    until: date
    reason: str
    posting_id: int | None = None
    category: str = ""
    radius_km: int | None = None
    help_fen: int = 0
    fund_fen: int = 0


def emergency_flaws(facts: EmergencyFacts, leaves: dict[str, str], today: date) -> Iterator[Flaw]:
    """Everything wrong with a declared emergency (words: ``words.EMERGENCY_FLAWS``)."""
    if (facts.posting_id is None) == (facts.category not in leaves):
        yield Flaw("category", "subject")
    if not 0 < facts.quantity <= QUANTITY_MAX:
        yield Flaw("quantity", "quantity")
    if not today <= facts.until <= today + timedelta(days=EMERGENCY_DAYS):
        yield Flaw("until", "until")
    if not facts.reason.strip():
        yield Flaw("reason", "reason")
    if facts.radius_km is not None and not 0 <= facts.radius_km <= DISTANCE_MAX_KM:
        yield Flaw("radius_km", "radius")
    if not 0 <= facts.help_fen <= PRICE_MAX_FEN:
        yield Flaw("help", "help")
    if not 0 <= facts.fund_fen <= EMERGENCY_FUND_MAX_FEN:
        yield Flaw("fund", "fund")
    elif facts.help_fen > facts.fund_fen:
        yield Flaw("fund", "help without fund")


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
    factor = _factor(text, unit)
    if factor is None:
        return None
    exact = quantity * factor
    return int(exact) if exact.denominator == 1 else None


def _factor(text: str, unit: str) -> Fraction | None:
    """How many ``unit`` one ``text`` holds."""
    if text == unit:
        return Fraction(1)
    whole = _FRACTIONS.get((text, unit)) or _FACTORS.get((text, unit))
    return None if whole is None else Fraction(whole)


def convert_price(fen: int, text: str, unit: str, *, is_offer: bool) -> int | None:
    """A price per ``text`` as a price per ``unit``; None if unknown.

    Rounded against the deal: the least of an offer up, the most of a need down, so that no whole fen
    is promised that was not meant.
    """
    factor = _factor(text, unit)
    if factor is None:
        return None
    exact = Fraction(fen) / factor
    return -(-exact.numerator // exact.denominator) if is_offer else exact.numerator // exact.denominator


def quantity_in(quantity: int, unit: str, text: str) -> Fraction | None:
    """So many of a category's ``unit`` in the unit ``text`` that somebody uses; None if unknown."""
    factor = _factor(text, unit)
    return None if factor is None else quantity / factor


def units_for(unit: str) -> tuple[str, ...]:
    """The units in which people may say a quantity of this unit, itself first."""
    others = {text for text, into in (*_FACTORS, *_FRACTIONS) if into == unit and text != unit}
    return (unit, *sorted(others))


def certificate_bits(codes: Iterable[str]) -> int:
    """Certificates as bits, in the order of ``CERTIFICATES``."""
    return sum(1 << CERTIFICATES.index(code) for code in set(codes))


def certificates_of(bits: int) -> list[str]:
    """The codes of these bits."""
    return [code for at, code in enumerate(CERTIFICATES) if bits >> at & 1]


def lacks_certificates(has: tuple[str, ...] | list[str], asks: tuple[str, ...] | list[str]) -> bool:
    """Whether an offer lacks something that a need asks for."""
    return not set(asks) <= set(has)


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
