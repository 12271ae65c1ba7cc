"""No household can be found in what is published: in one table, by subtraction, or between releases."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from yuchang.portal.queries.figures import Receipt, are_many, groups_to_show
from yuchang.portal.rules.groups import (
    join_small_columns,
    join_small_groups,
    join_small_rows,
    steady,
    suppress,
)

BY_HAND = {
    "城关": {"burden": 40, "means": 25, "ability": 12},
    "红川": {"burden": 30, "means": 4, "ability": 15},
    "小川": {"burden": 22, "means": 18, "ability": 11},
    "鸡峰": {"burden": 6, "means": 5, "ability": 3},
}


def test_the_table_of_the_page() -> None:
    joined = join_small_columns(join_small_rows(BY_HAND, "rest"), "other")
    assert joined["rest"] == {"burden": 36, "means": 9, "ability": 18}
    assert suppress(joined) == {
        "城关": {"burden": 40, "means": 25, "ability": 12},
        "小川": {"burden": 22, "means": None, "ability": None},
        "rest": {"burden": 36, "means": None, "ability": None},
    }
    assert [steady(n, [40]) for n in (44, 49, 50, 31, 30, None)] == [40, 40, 50, 40, 30, None]


def determined(full: dict[str, dict[str, int]], shown: dict[str, dict[str, int | None]]) -> list[Any]:
    """Hidden cells that a reader who knows all row and column totals can calculate (linear programming)."""
    hidden = [(r, c) for r, cells in shown.items() for c, n in cells.items() if n is None]
    lines = [
        [i for i, h in enumerate(hidden) if h[k] == key] for k in (0, 1) for key in {h[k] for h in hidden}
    ]
    rows = [[float(i in line) for i in range(len(hidden))] for line in lines]
    sums = [sum(full[hidden[i][0]][hidden[i][1]] for i in line) for line in lines]
    found = []
    for i in range(len(hidden)):
        aim = [float(i == j) for j in range(len(hidden))]
        low = linprog(aim, A_eq=rows, b_eq=sums).fun
        high = -linprog([-a for a in aim], A_eq=rows, b_eq=sums).fun
        if high - low < 0.5:
            found.append(hidden[i])
    return found


cells = st.sampled_from([0, 0, 1, 3, 7, 9, 10, 11, 14, 20, 45])
tables = st.dictionaries(
    st.sampled_from(["t1", "t2", "t3", "t4", "t5"]),
    st.fixed_dictionaries({name: cells for name in "abcd"}),
    min_size=1,
)


# Two cells at the top of their range: what is hidden beside them is nothing, and nothing is not less.
AT_THE_TOP = {
    "t1": {"a": 0, "b": 0, "c": 10, "d": 11},
    "t2": {"a": 1, "b": 0, "c": 0, "d": 11},
    "t3": {"a": 9, "b": 0, "c": 0, "d": 0},
    "t4": {"a": 11, "b": 0, "c": 0, "d": 10},
    "t5": {"a": 11, "b": 0, "c": 0, "d": 10},
}


@settings(max_examples=60, deadline=None)
@given(tables)
@example(AT_THE_TOP)
def test_no_hidden_cell_can_be_calculated_and_no_small_one_is_shown(table: dict[str, dict[str, int]]) -> None:
    joined = join_small_columns(join_small_rows(table, "rest"), "other")
    if len(joined) < 2 or any(len(row) < 2 for row in joined.values()):
        return
    shown = suppress(joined)
    assert all(sum(row.values()) >= 20 for row in joined.values())
    assert all(
        n is None or (n >= 10 and n == joined[r][c]) for r, row in shown.items() for c, n in row.items()
    )
    assert not determined(joined, shown)
    assert sum(map(sum, (row.values() for row in joined.values()))) == sum(
        map(sum, (row.values() for row in table.values()))
    )


@given(st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_no_two_releases_of_a_cell_differ_by_fewer_than_ten(truth: list[int]) -> None:
    said: list[int] = []
    for n in truth:
        now = steady(n, said)
        assert now is not None
        said.append(now)
    assert all(a == b or abs(a - b) >= 10 for a in said for b in said)


def receipts(pattern: str, households: range, way: str = "direct", town: int = 1) -> list[Receipt]:
    return [Receipt(pattern, way, town, h, 100, True) for h in households]


def test_a_difference_of_two_releases_about_three_households_is_noticed() -> None:
    before, after = receipts("11", range(24)), receipts("01", range(100, 112))
    assert are_many([*before, *after], lambda _r: "")
    assert not are_many([*before, *receipts("01", range(3))], lambda _r: "")
    late = receipts("01", range(3))
    assert are_many([*before, *after, *late], lambda _r: "")


def test_a_small_way_goes_into_a_rest_that_is_large_enough_or_no_way_is_shown() -> None:
    many = receipts("1", range(30))
    assert groups_to_show([*many, *receipts("1", range(50, 65), "labour")], lambda r: r.way) == {
        "direct",
        "labour",
    }
    assert groups_to_show([*many, *receipts("1", range(3), "labour")], lambda r: r.way) == set()


def test_small_groups_join_and_too_small_rests_say_nothing() -> None:
    assert join_small_groups({"a": 30, "b": 4, "c": 7}, "other") == {"a": 30, "other": 11}
    assert join_small_rows({"a": {"x": 5}, "b": {"x": 6}}, "rest") == {}
