"""Which facts call for a visit: examples by hand, and properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from yuchang.monitoring.rules import (
    HouseholdFacts,
    Limits,
    SignalKind,
    assess_relapse,
    income_per_head_fen,
)

ON = date(2026, 6, 30)
LIMITS = Limits(line_fen=870_000)
WELL = HouseholdFacts(
    household_id=1,
    size=4,
    observed_on=date(2026, 1, 10),
    net_income_per_head_fen=1_200_000,
    unsafe_house="no",
    safe_water=True,
    medical_spending_fen=0,
)


def kinds(facts: HouseholdFacts) -> list[SignalKind]:
    return [s.kind for s in assess_relapse(facts, LIMITS, ON)]


def test_a_household_above_the_line_with_everything_secure_gives_no_signal() -> None:
    assert kinds(WELL) == []


def test_one_fen_below_the_line_is_below_and_at_the_line_is_not() -> None:
    assert kinds(replace(WELL, net_income_per_head_fen=869_999)) == [SignalKind.BELOW_LINE]
    assert kinds(replace(WELL, net_income_per_head_fen=870_000)) == []


def test_money_from_the_ledger_after_the_statement_lifts_the_household() -> None:
    poor = replace(WELL, net_income_per_head_fen=800_000)
    assert kinds(poor) == [SignalKind.BELOW_LINE]
    assert kinds(replace(poor, ledger_since_observed_fen=280_000)) == []
    assert income_per_head_fen(replace(poor, ledger_since_observed_fen=280_000)) == 870_000


def test_an_unknown_income_is_never_taken_for_enough() -> None:
    assert kinds(replace(WELL, net_income_per_head_fen=None)) == [SignalKind.FACTS_MISSING]
    assert kinds(replace(WELL, observed_on=date(2024, 1, 1))) == [SignalKind.FACTS_MISSING]


def test_an_unsafe_house_and_unsafe_water_are_signals_of_their_own() -> None:
    found = kinds(replace(WELL, unsafe_house="d", safe_water=False))
    assert found == [SignalKind.UNSAFE_HOUSE, SignalKind.UNSAFE_WATER]


def test_an_unknown_house_is_not_called_unsafe() -> None:
    assert kinds(replace(WELL, unsafe_house=None, safe_water=None)) == []


def test_spending_above_two_fifths_of_the_income_is_sudden_hardship() -> None:
    income = 4 * 1_200_000
    assert kinds(replace(WELL, medical_spending_fen=income * 40 // 100)) == []
    assert kinds(replace(WELL, medical_spending_fen=income * 40 // 100 + 1)) == [SignalKind.SUDDEN_SPENDING]


def test_a_market_income_that_halves_is_a_signal_and_a_small_one_is_not() -> None:
    fallen = replace(WELL, ledger_half_year_before_fen=400_000, ledger_last_half_year_fen=199_999)
    assert kinds(fallen) == [SignalKind.MARKET_INCOME_DROP]
    assert kinds(replace(fallen, ledger_last_half_year_fen=200_000)) == []
    assert kinds(replace(fallen, ledger_half_year_before_fen=150_000, ledger_last_half_year_fen=0)) == []


@given(
    income=st.one_of(st.none(), st.integers(-2_000_000, 3_000_000)),
    ledger=st.integers(0, 5_000_000),
    size=st.integers(1, 12),
    more=st.integers(0, 1_000_000),
)
def test_more_money_never_opens_the_alert_below_the_line(income, ledger, size, more) -> None:
    facts = replace(WELL, net_income_per_head_fen=income, ledger_since_observed_fen=ledger, size=size)
    richer = replace(facts, ledger_since_observed_fen=ledger + more)
    if SignalKind.BELOW_LINE in kinds(richer):
        assert SignalKind.BELOW_LINE in kinds(facts)


@given(income=st.integers(-2_000_000, 3_000_000), size=st.integers(1, 12))
def test_the_margin_is_the_gap_to_the_line(income, size) -> None:
    for signal in assess_relapse(replace(WELL, net_income_per_head_fen=income, size=size), LIMITS, ON):
        if signal.kind is SignalKind.BELOW_LINE:
            assert signal.margin_fen == income - LIMITS.line_fen < 0
