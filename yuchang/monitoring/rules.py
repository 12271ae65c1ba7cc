"""Relapse monitoring: which dated facts call for a visit. Pure.

Follows the idea of 防止返贫动态监测 (prevention of relapse): compare with the line of the place and
year, look at the three guarantees (两不愁三保障) and safe water, and at sudden spending. Every signal is a
proposal with its reason; only a person closes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class SignalKind(StrEnum):
    """Why a household should be visited."""

    BELOW_LINE = "below_line"
    UNSAFE_HOUSE = "unsafe_house"
    UNSAFE_WATER = "unsafe_water"
    SUDDEN_SPENDING = "sudden_spending"
    MARKET_INCOME_DROP = "market_income_drop"
    FACTS_MISSING = "facts_missing"


KIND_WORDS: dict[SignalKind, tuple[str, str]] = {
    SignalKind.BELOW_LINE: ("收入低于监测线", "income below the line"),
    SignalKind.UNSAFE_HOUSE: ("住房安全未保障", "housing not safe"),
    SignalKind.UNSAFE_WATER: ("饮水安全未保障", "drinking water not safe"),
    SignalKind.SUDDEN_SPENDING: ("突发大额支出", "sudden heavy spending"),
    SignalKind.MARKET_INCOME_DROP: ("市场收入骤降", "market income fell sharply"),
    SignalKind.FACTS_MISSING: ("收入情况不明", "income unknown or out of date"),
}

# Working rules of this software, not of a document: change them in ``Limits``.
MAX_FACT_AGE = timedelta(days=400)


@dataclass(frozen=True)
class Limits:
    """The numbers that decide, each with its unit.

    ``line_fen``: yuan per person and year in fen, of the place and year. ``visit_days``: days from clue to
    decision (two counties set 15; field note, procedures). ``spending_share``: hundredths of income.
    ``drop_share``: hundredths of the earlier half-year's market income; ``drop_floor_fen``: an earlier
    half-year below this is too small to fall from.
    """

    line_fen: int
    visit_days: int = 15
    spending_share: int = 40
    drop_share: int = 50
    drop_floor_fen: int = 200_000


@dataclass(frozen=True)
class HouseholdFacts:
    """What is known of one household on the day. None is unknown. Money in fen."""

    household_id: int
    size: int
    observed_on: date | None
    net_income_per_head_fen: int | None
    unsafe_house: str | None
    safe_water: bool | None
    medical_spending_fen: int | None
    ledger_since_observed_fen: int = 0
    ledger_last_half_year_fen: int = 0
    ledger_half_year_before_fen: int = 0


@dataclass(frozen=True)
class Signal:
    """One reason to visit: what was seen, what it was compared with, and the gap."""

    kind: SignalKind
    observed_fen: int | None = None
    limit_fen: int | None = None
    note: str = ""

    @property
    def margin_fen(self) -> int | None:
        """Observed minus limit; negative is below."""
        if self.observed_fen is None or self.limit_fen is None:
            return None
        return self.observed_fen - self.limit_fen


def income_per_head_fen(facts: HouseholdFacts) -> int | None:
    """Stated net income per head plus what the ledger paid out since the day of the statement, per head.

    Sales through the platform before the statement are part of the stated income and are not added twice.
    """
    if facts.net_income_per_head_fen is None or facts.size <= 0:
        return None
    return facts.net_income_per_head_fen + facts.ledger_since_observed_fen // facts.size


def assess_relapse(facts: HouseholdFacts, limits: Limits, on: date) -> list[Signal]:
    """Every signal of one household on one day, most urgent first."""
    signals = []
    income = income_per_head_fen(facts)
    is_old = facts.observed_on is None or on - facts.observed_on > MAX_FACT_AGE
    if income is None or is_old:
        signals.append(Signal(SignalKind.FACTS_MISSING, note=str(facts.observed_on or "")))
    if income is not None and income < limits.line_fen:
        signals.insert(0, Signal(SignalKind.BELOW_LINE, income, limits.line_fen))
    if facts.unsafe_house in {"c", "d"}:
        signals.append(Signal(SignalKind.UNSAFE_HOUSE, note=facts.unsafe_house.upper()))
    if facts.safe_water is False:
        signals.append(Signal(SignalKind.UNSAFE_WATER))
    signals += _spending(facts, income, limits)
    signals += _market_drop(facts, limits)
    return signals


def _spending(facts: HouseholdFacts, income: int | None, limits: Limits) -> list[Signal]:
    if facts.medical_spending_fen is None or income is None:
        return []
    limit = max(0, income) * facts.size * limits.spending_share // 100
    if facts.medical_spending_fen <= limit or facts.medical_spending_fen == 0:
        return []
    return [Signal(SignalKind.SUDDEN_SPENDING, facts.medical_spending_fen, limit)]


def _market_drop(facts: HouseholdFacts, limits: Limits) -> list[Signal]:
    before, now = facts.ledger_half_year_before_fen, facts.ledger_last_half_year_fen
    if before < limits.drop_floor_fen or now * 100 >= before * limits.drop_share:
        return []
    return [Signal(SignalKind.MARKET_INCOME_DROP, now, before * limits.drop_share // 100)]
