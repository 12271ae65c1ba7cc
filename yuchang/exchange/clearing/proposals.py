"""What a scenario proposes to whom, and why, and why the rest found nobody. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from yuchang.exchange.clearing.explain import LeftoverReason, leftover_reasons, match_reasons
from yuchang.exchange.clearing.problem import Bools, Ints, Problem
from yuchang.exchange.clearing.result import Clearing
from yuchang.exchange.clearing.scenario import Outcome, prices, swap_legs
from yuchang.exchange.clearing.terms import PLAIN, Context, Parameters, terms_of


@dataclass(frozen=True)
class Proposal:
    """So much at this price, by posting position. Gains are what the price leaves to each side, per unit.

    ``notes``: ``swap`` (goods for goods, at the reference value), ``floor_fen`` (the price of the floors that
    this offer counts for), ``pairing`` (the one whose quota decided), ``help_fen`` and ``emergency`` (what a
    fund adds to the price).
    """

    offer: int
    need: int
    quantity: int
    price_fen: int
    transport_fen: int
    offer_gain_fen: int
    need_gain_fen: int
    km: int
    start: int
    end: int
    offer_partners: int
    need_partners: int
    notes: dict[str, int] = field(default_factory=dict)

    def reason(self) -> dict[str, int]:
        """The figures that are told to both sides, each its own."""
        return {
            "offer_partners": self.offer_partners,
            "need_partners": self.need_partners,
            "offer_gain_fen": self.offer_gain_fen,
            "need_gain_fen": self.need_gain_fen,
            **self.notes,
        }


def proposals(problem: Problem, context: Context, asked: Parameters, outcome: Outcome) -> Iterator[Proposal]:
    """Cash trades in the order of the result, then swaps."""
    unit_fen = terms_of(problem, context, asked).unit_fen
    swapped = swap_legs(outcome)
    all_trades = _with_swaps(outcome.cleared, swapped)
    cash = len(outcome.cleared.offer)
    price = [*prices(problem, outcome).tolist()]
    price += [int(unit_fen[problem.category[i]]) for i, _j, _n in swapped]
    floor = floor_prices(problem, asked, context, outcome)
    pairing = _paired(problem, asked, context, outcome)
    helps = {posting: (emergency, fen) for posting, emergency, fen in context.helps}
    limit = _own_limits(problem, context)
    trades = zip(
        all_trades.offer.tolist(), all_trades.need.tolist(), all_trades.quantity.tolist(), strict=True
    )
    reasons = match_reasons(problem, all_trades)
    for at, ((i, j, units), why) in enumerate(zip(trades, reasons, strict=True)):
        notes: dict[str, int] = {"swap": 1} if at >= cash else {}
        if at < cash and floor[i]:
            notes["floor_fen"] = int(floor[i])
        if at < cash and (paired := pairing.get((i, j))):
            notes["pairing"] = paired
        if int(problem.id[i]) in helps:
            notes["emergency"], notes["help_fen"] = helps[int(problem.id[i])]
        yield Proposal(
            i,
            j,
            units,
            price[at],
            why.transport_fen,
            price[at] - limit[i],
            limit[j] - why.transport_fen - price[at],
            why.km,
            why.start,
            why.end,
            why.offer_partners,
            why.need_partners,
            notes,
        )


def _paired(
    problem: Problem, asked: Parameters, context: Context, outcome: Outcome
) -> dict[tuple[int, int], int]:
    """The pairing that each trade counts for, where its quota has a price."""
    terms, sides = terms_of(problem, context, asked), outcome.sides
    if terms.rows is None or sides is None:
        return {}
    found: dict[tuple[int, int], int] = {}
    for quota in np.nonzero(sides.quota_price)[0].tolist():
        offers, needs = terms.rows.members(quota, len(problem))
        rows = offers[outcome.cleared.offer] & needs[outcome.cleared.need]
        pairs = zip(outcome.cleared.offer[rows].tolist(), outcome.cleared.need[rows].tolist(), strict=True)
        found |= dict.fromkeys(pairs, terms.pairings[quota])
    return found


def _own_limits(problem: Problem, context: Context) -> list[int]:
    """The limits that gains are told against: as stated, less what a fund adds."""
    stated = dict(context.stated)
    helps = {posting: fen for posting, _emergency, fen in context.helps}
    pairs = zip(problem.id.tolist(), problem.limit.tolist(), strict=True)
    return [stated[one] - helps.get(one, 0) if one in stated else limit for one, limit in pairs]


def _with_swaps(cleared: Clearing, swapped: list[tuple[int, int, int]]) -> Clearing:
    """The cash trades and the swaps as one table."""
    if not swapped:
        return cleared
    offer, need, units = (np.array(column, dtype=np.int64) for column in zip(*swapped, strict=True))
    return replace(
        cleared,
        offer=np.concatenate((cleared.offer, offer)),
        need=np.concatenate((cleared.need, need)),
        quantity=np.concatenate((cleared.quantity, units)),
    )


def floor_prices(problem: Problem, asked: Parameters, context: Context, outcome: Outcome) -> Ints:
    """What a unit of each offer earns beside its gain: the prices of its floors."""
    found = np.zeros(len(problem), dtype=np.int64)
    floors = terms_of(problem, context, asked).floors
    if floors is None or outcome.floored is None:
        return found
    price = np.zeros((len(floors) + 1, len(floors.unit_fen)), dtype=np.int64)
    group, category, _units, fen = outcome.floored.cells.T
    price[group, category] = fen
    for row in floors.chains(floors.home):
        found += price[row, problem.category]
    return found


def leftovers(
    problem: Problem, context: Context, asked: Parameters, outcome: Outcome
) -> Iterator[LeftoverReason]:
    """Why postings keep something. Beside the market's reasons (``explain``):

    ``floor``, ``rows``: without floors, or without budgets and quotas, it would trade more (``plain`` units);
    ``lot``: partners are there, but no trade of its lot is; ``barred``: every possible partner was declined.
    Where a step in price is not sure to win (``are_sure``) it is called ``about_fen``.
    """
    sure = are_sure(problem, context, asked)
    apart = _barred_partners(problem, context)
    small = {i for pair in outcome.small for i in pair}
    code = "rows" if outcome.sides else "floor"
    now, before = problem.traded(outcome.cleared), problem.traded(outcome.market)
    for one in leftover_reasons(problem, _with_swaps(outcome.cleared, swap_legs(outcome))):
        at = one.posting
        if before[at] > now[at]:
            yield replace(one, code=code, figures={"plain": int(before[at])})
        elif one.code == "outcompeted" and at in small:
            yield replace(one, code="lot", figures={"partners": one.figures["partners"]})
        elif one.code == "outcompeted" and one.figures["partners"] <= apart.get(int(problem.id[at]), 0):
            yield replace(one, code="barred", figures={"partners": one.figures["partners"]})
        elif outcome.sides:  # a step in price wins nothing where a budget is spent
            yield replace(one, figures={k: v for k, v in one.figures.items() if k != "step_fen"})
        elif "step_fen" in one.figures and not sure[at]:
            told = {("about_fen" if k == "step_fen" else k): v for k, v in one.figures.items()}
            yield replace(one, figures=told)
        else:
            yield one


def are_sure(problem: Problem, context: Context, asked: Parameters) -> Bools:
    """Of which postings the least change that wins a unit is sure to place something.

    Only without floors, swaps, budgets and quotas; not in a category with lots, nor with a pair kept apart.
    """
    if asked != PLAIN:
        return np.zeros(len(problem), dtype=bool)
    has_lots = np.zeros(len(problem.category_codes), dtype=bool)
    has_lots[problem.category[context.lots > 1]] = True
    apart = np.array([number for pair in context.barred for number in pair], dtype=np.int64)
    found: Bools = ~has_lots[problem.category] & ~np.isin(problem.id, apart)
    return found


def _barred_partners(problem: Problem, context: Context) -> dict[int, int]:
    """How many partners each posting (by id) is kept apart from."""
    here: set[int] = set(problem.id.tolist())
    found: dict[int, int] = {}
    for pair in context.barred:
        if here.issuperset(pair):
            for number in pair:
                found[number] = found.get(number, 0) + 1
    return found
