"""Scenarios, pure: floors, swaps, lots and ties together are checked without a solver, and replay."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.clearing.proposals import leftovers, proposals
from yuchang.exchange.clearing.scenario import Outcome, compute, outcome_from_bytes, swap_legs
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.clearing.summary import summary_of, tally_of
from yuchang.exchange.clearing.terms import (
    PLAIN,
    Context,
    Parameters,
    context_from_bytes,
    empty_context,
    parameter_flaws,
    terms_of,
)
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


def surroundings(market: Problem, **more: Any) -> Context:
    """Owners 0 to 2 are poor households of village 1, 3 and 4 others of village 2, 5 and 6 firms."""
    village = np.where(market.owner < 3, 1, np.where(market.owner < 5, 2, 0))
    household = np.where(market.owner < 5, market.owner + 10, 0)
    return dataclasses.replace(
        empty_context(len(market)), village=village, household=household, is_poor=market.owner < 3, **more
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Problem, Context, Parameters]:
    market = draw(problems(10))
    ids = market.id.tolist()
    pair = st.tuples(st.sampled_from(ids), st.sampled_from(ids)) if ids else st.nothing()
    pairs = st.lists(pair, max_size=2).map(tuple) if ids else st.just(())
    lots = np.array([draw(st.integers(1, int(q))) for q in market.quantity], dtype=np.int64)
    context = surroundings(
        market,
        kept=draw(pairs),
        barred=draw(pairs),
        lots=lots,
        budgets=((5, draw(st.integers(0, 50))), (6, draw(st.integers(0, 50)))),
        pairings=((7, draw(st.integers(0, 40)), 6, 0, 11, 0), (8, 5, 0, 12, 13, 2)),
    )
    household = draw(st.sampled_from([0, 10]))
    asked = Parameters(bonus_fen=draw(st.sampled_from([0, 2])), lot_fen=draw(st.sampled_from([0, 10])))
    if draw(st.booleans()):
        quotas = {"quota_fen": draw(st.sampled_from([0, 20])), "has_promises": draw(st.booleans())}
        return market, context, dataclasses.replace(asked, has_budgets=draw(st.booleans()), **quotas)
    floors = {
        "household_fen": household,
        "village_fen": draw(st.sampled_from([0, 20])),
        "county_fen": draw(st.sampled_from([0, 30])),
        "soft_price": draw(st.sampled_from([-1, 500_000])) if household else -1,
    }
    return market, context, dataclasses.replace(asked, has_swaps=draw(st.booleans()), **floors)


@calm
@given(cases())
def test_every_scenario_is_accepted_and_survives_its_bytes(
    case: tuple[Problem, Context, Parameters],
) -> None:
    market, context, asked = case
    outcome = compute(market, context, asked)
    verdict = verify(market, context, asked, outcome)
    assert verdict.is_accepted, verdict.violations
    again = outcome_from_bytes(outcome.to_bytes())
    assert again.to_bytes() == outcome.to_bytes() == compute(market, context, asked).to_bytes()
    assert verify(market, context_from_bytes(context.to_bytes()), asked, again).is_accepted
    for one in proposals(market, context, asked, outcome):
        assert one.quantity > 0
        assert one.offer_gain_fen >= 0
        assert one.need_gain_fen >= 0
    ids, moved = market.id.tolist(), [*swap_legs(outcome), *cash_trades(outcome)]
    assert not {(ids[i], ids[j]) for i, j, _units in moved} & set(context.barred)
    assert all(units >= max(context.lots[[i, j]]) for i, j, units in swap_legs(outcome))
    assert not (
        market.certificates[[j for _i, j, _n in moved]] & ~market.certificates[[i for i, _j, _n in moved]]
    ).any()
    summary = summary_of(market, context, asked, outcome, tally_of(market, outcome, unit_of(market, context)))
    assert summary["differences"]["more"] == summary["differences"]["less"] == 0
    assert all(one.quantity > 0 for one in leftovers(market, context, asked, outcome))


def cash_trades(outcome: Outcome) -> list[tuple[int, int, int]]:
    columns = (outcome.cleared.offer, outcome.cleared.need, outcome.cleared.quantity)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def unit_of(market: Problem, context: Context) -> Any:
    return terms_of(market, context, PLAIN).unit_fen


@calm
@given(cases())
def test_a_step_in_price_that_is_called_sure_places_a_unit(case: tuple[Problem, Context, Parameters]) -> None:
    market, context, _asked = case
    outcome = compute(market, context, PLAIN)
    for one in leftovers(market, context, PLAIN, outcome):
        if step := one.figures.get("step_fen"):
            limit = market.limit.copy()
            limit[one.posting] += -step if market.is_offer[one.posting] else step
            changed = dataclasses.replace(market, limit=limit)
            before, now = (m.traded(compute(m, context, PLAIN).cleared) for m in (market, changed))
            assert now[one.posting] > before[one.posting]


def test_under_floors_a_step_in_price_is_only_about_enough() -> None:
    rows = [offer(2000, 100, owner=5), offer(2300, 40, owner=0), offer(2500, 9, owner=6)]
    market = problem([*rows, need(2600, 30, owner=9)])
    context = surroundings(market)
    asked = Parameters(household_fen=11_750)
    found = list(leftovers(market, context, asked, compute(market, context, asked)))
    assert not any("step_fen" in one.figures for one in found)
    assert any("about_fen" in one.figures for one in found)


@calm
@given(cases(), st.sampled_from([-1, 1]))
def test_changing_any_flow_or_dual_of_a_scenario_is_rejected(
    case: tuple[Problem, Context, Parameters], step: int
) -> None:
    market, context, asked = case
    outcome = compute(market, context, asked)
    cleared = outcome.cleared
    for name in ("quantity", "dual"):
        for at in range(len(getattr(cleared, name))):
            column = getattr(cleared, name).copy()
            column[at] += step
            changed = dataclasses.replace(outcome, cleared=dataclasses.replace(cleared, **{name: column}))
            if name == "dual" and at_rest(outcome, market, at):
                continue  # of postings that swaps have used up nothing is stated
            assert not verify(market, context, asked, changed).is_accepted


def at_rest(outcome: Outcome, market: Problem, at: int) -> bool:
    """Whether swaps have used a posting up: then it has no dual in the cash market."""
    used = sum(one.uses().get(at, 0) * count for one, count in (outcome.swaps.turns if outcome.swaps else ()))
    return bool(used == market.quantity[at])


def worked() -> tuple[Problem, Context]:
    """The table of docs/rules/floors.md as postings: a farm, two poor households, one buyer."""
    market = problem([offer(2000, 100), offer(2300, 40), offer(2400, 40), need(2600, 100)])
    context = dataclasses.replace(
        empty_context(4),
        village=np.array([1, 1, 1, 0]),
        household=np.array([0, 11, 12, 0]),
        is_poor=np.array([False, True, True, False]),
    )
    return market, context


def test_a_floor_costs_what_its_figures_say_and_nobody_pays_beyond_the_limit() -> None:
    market, context = worked()
    asked = Parameters(household_fen=11_750, village_fen=47_000)
    plain, outcome = compute(market, context, PLAIN), compute(market, context, asked)
    unit = int(unit_of(market, context)[0])
    summary = summary_of(market, context, asked, outcome, tally_of(market, plain, unit_of(market, context)))
    assert unit == 2350
    assert [one["level"] for one in summary["levels"]] == ["household", "village"]
    assert all(one["short"] == 0 and one["reach"] == 1000 for one in summary["levels"])
    assert summary["poor_selling"] == 2
    lost = summary_of(market, context, PLAIN, plain)["welfare_fen"] - summary["welfare_fen"]
    assert lost == summary["floors"]["cost_fen"] > 0
    assert summary["floors"]["cost_fen"] == summary["floors"]["subsidy_fen"] + summary["floors"]["idle_fen"]
    assert summary["differences"]["down"][0][0] == 1
    assert {row[0] for row in summary["differences"]["up"]} == {2, 3}
    assert "floor" in [one.code for one in leftovers(market, context, asked, outcome)]


def test_an_infeasible_floor_reports_the_largest_reachable_level() -> None:
    market, context = worked()
    asked = Parameters(household_fen=40 * 2350 * 2)
    summary = summary_of(market, context, asked, compute(market, context, asked))
    (level,) = summary["levels"]
    assert (level["groups"], level["short"]) == (2, 2)
    assert level["reach"] == 500
    assert level["reasons"] == {"supply": 2}


def test_last_time_s_partners_stay_and_declined_ones_part() -> None:
    market = problem([offer(10, 5), offer(9, 5), need(20, 5)])
    plain = surroundings(market)
    assert compute(market, plain, PLAIN).cleared.offer.tolist() == [1]
    kept = dataclasses.replace(plain, kept=((1, 3),))
    assert compute(market, kept, Parameters(bonus_fen=3)).cleared.offer.tolist() == [0]
    barred = dataclasses.replace(plain, barred=((2, 3),))
    outcome = compute(market, barred, PLAIN)
    assert outcome.cleared.offer.tolist() == [0]
    assert [one.code for one in leftovers(market, barred, PLAIN, outcome)] == ["barred"]


def test_swaps_come_first_and_the_rest_is_cleared_for_cash() -> None:
    rows = [offer(4, 9, owner=0), need(9, 9, owner=0, category=1), offer(4, 9, owner=1, category=1)]
    market = problem([*rows, need(9, 9, owner=1), offer(1, 2, owner=2)])
    context = surroundings(market)
    asked = Parameters(has_swaps=True, fund_fen=1000)
    outcome = compute(market, context, asked)
    assert outcome.swaps is not None
    assert outcome.swaps.turns
    summary = summary_of(market, context, asked, outcome)
    assert summary["swaps"]["value_fen"] > 0
    assert [one.notes.get("swap") for one in proposals(market, context, asked, outcome)].count(1) == 2


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Parameters(household_fen=-1), ("household_fen", "absurd")),
        (Parameters(county_fen=10**15), ("county_fen", "absurd")),
        (Parameters(household_fen=500, village_fen=300), ("village_fen", "nested village")),
        (Parameters(village_fen=500, county_fen=300), ("county_fen", "nested county")),
        (Parameters(soft_price=5), ("soft_price", "soft without floors")),
        (Parameters(household_fen=1, soft_price=10**9), ("soft_price", "absurd")),
        (Parameters(fund_fen=5), ("fund_fen", "fund without swaps")),
        (Parameters(bonus_fen=10**9), ("bonus_fen", "absurd")),
        (Parameters(quota_fen=-5), ("quota_fen", "absurd")),
        (Parameters(quota_fen=5, quota_price=10**9), ("quota_price", "absurd")),
        (Parameters(has_budgets=True, household_fen=5), ("has_budgets", "rows with others")),
        (Parameters(quota_fen=5, has_swaps=True), ("quota_fen", "rows with others")),
    ],
)
def test_parameters_that_contradict_each_other_are_named(asked: Parameters, found: tuple[str, str]) -> None:
    assert found in list(parameter_flaws(asked))
    assert not list(parameter_flaws(Parameters(household_fen=1, village_fen=2, county_fen=3)))
