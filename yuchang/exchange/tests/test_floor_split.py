"""What floors can be given at most: the cut that spares most groups changes nothing, and loses nobody."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from yuchang.exchange.clearing.floor_split import TRANCHES, Web, attainable
from yuchang.exchange.clearing.floors import COUNTY, HOUSEHOLD, VILLAGE, Floors
from yuchang.exchange.tests.markets import calm

GROUPS = ((COUNTY, -1), (VILLAGE, 0), (VILLAGE, 0), (HOUSEHOLD, 1), (HOUSEHOLD, 1), (HOUSEHOLD, 2))


def column(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=np.int64)


@st.composite
def webs(draw: st.DrawFn) -> tuple[Floors, Web]:
    """Offers of a county's villages and households, few needs, floors that often ask for too much."""
    amount = st.integers(0, 200)
    floor = column(draw(amount) for _ in GROUPS)
    offers, needs = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    pairs = [(i, j) for i in range(offers) for j in range(needs) if draw(st.booleans())]
    homes = column(draw(st.integers(0, len(GROUPS) - 1)) for _ in range(offers))
    level, parent = column(row[0] for row in GROUPS), column(row[1] for row in GROUPS)
    floors = Floors(level, parent, floor, homes, column([1]))
    supply, demand = column(draw(amount) for _ in range(offers)), column(draw(amount) for _ in range(needs))
    offer, need = column(i for i, _ in pairs), column(j for _, j in pairs)
    return floors, Web(homes, homes * 0, supply, demand, offer, need, offer * 0)


@calm
@given(webs())
def test_what_is_attainable_is_the_best_of_every_level_after_the_levels_before(
    case: tuple[Floors, Web],
) -> None:
    floors, web = case
    target = attainable(floors, web)
    held = np.zeros_like(target)
    for level in (HOUSEHOLD, VILLAGE, COUNTY):
        rows = floors.level == level
        best = _most_worth(floors, web, held, rows)
        assert best is not None, "what was promised to the levels before cannot be given"
        assert abs(best - _worth(floors, target, rows)) < 1e-6 * (1 + best)
        held = np.where(rows, target, held)
    assert _most_worth(floors, web, held, floors.level < 0) is not None


def _steps(floor: int) -> list[int]:
    marks = [floor * step // TRANCHES for step in range(TRANCHES + 1)]
    return [b - a for a, b in pairwise(marks)]


def _worth(floors: Floors, target: np.ndarray, rows: np.ndarray) -> int:
    """The target's worth: the first twentieth of a floor counts twenty, the last one."""
    total = 0
    for group in np.nonzero(rows)[0]:
        left = int(target[group])
        for step, width in enumerate(_steps(int(floors.floor_fen[group]))):
            total += min(left, width) * (TRANCHES - step)
            left -= min(left, width)
    return total


def _most_worth(floors: Floors, web: Web, held: np.ndarray, rows: np.ndarray) -> float | None:
    """By linear programme: the most worth of one level while every group is given what it holds already."""
    chains = floors.chains(web.home)
    parts = [(group, step) for group in np.nonzero(rows)[0] for step in range(TRANCHES)]
    edges, n = len(web.offer), len(web.offer) + len(parts)
    upper, bound = [], []
    for ends, room in ((web.offer, web.supply), (web.need, web.demand)):
        for one, most in enumerate(room):
            upper.append(np.concatenate((ends == one, np.zeros(len(parts)))))
            bound.append(most)
    for group in range(len(floors)):
        through = np.concatenate(((chains[:, web.offer] == group).any(axis=0), np.zeros(len(parts))))
        upper.append(-through)
        bound.append(-held[group])
        upper.append([0.0] * edges + [float(one == group) for one, _ in parts] - through)
        bound.append(0)
    worth = np.concatenate((np.zeros(edges), [TRANCHES - step for _, step in parts]))
    widths = [_steps(int(floors.floor_fen[group]))[step] for group, step in parts]
    limits = [(0, None)] * edges + [(0, width) for width in widths]
    if not n:
        return 0.0 if not held.any() else None
    found = linprog(-worth, A_ub=np.array(upper, dtype=float), b_ub=bound, bounds=limits)
    return -float(found.fun) if found.status == 0 else None
