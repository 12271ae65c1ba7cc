"""The arithmetic of rounds, by hand and by a thousand made-up rounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuchang.market.rules import (
    Grower,
    PricedLine,
    allocate,
    fulfilled_quantities,
    mask_name,
    split_capped,
    split_line,
    spread_lines,
)


@pytest.mark.parametrize(
    ("total", "weights", "caps", "parts"),
    [
        (60, [50, 30, 20], [50, 30, 20], [30, 18, 12]),
        (10, [1, 1, 1], [9, 9, 9], [4, 3, 3]),
        (10, [5, 5, 5], [1, 9, 9], [1, 5, 4]),
        (3, [1, 0], [1, 5], [1, 2]),
        (0, [1, 1], [1, 1], [0, 0]),
    ],
)
def test_a_total_is_divided_by_weight_within_caps(
    total: int, weights: list[int], caps: list[int], parts: list[int]
) -> None:
    assert split_capped(total, weights, caps) == parts


def test_more_than_the_caps_is_refused() -> None:
    with pytest.raises(ValueError):
        split_capped(3, [1, 1], [1, 1])


@pytest.mark.parametrize(
    ("rule", "available", "delivered"),
    [
        ("pro_rata", 100, [10, 20, 30]),
        ("pro_rata", 30, [5, 10, 15]),
        ("pro_rata", 31, [5, 10, 16]),
        ("first_come", 31, [10, 20, 1]),
        ("first_come", 0, [0, 0, 0]),
    ],
)
def test_a_shortfall_follows_the_written_rule(rule: str, available: int, delivered: list[int]) -> None:
    assert fulfilled_quantities([10, 20, 30], available, rule) == delivered


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError):
        fulfilled_quantities([1], 1, "by_favour")


def test_the_table_of_the_handbook() -> None:
    """The worked table of docs/rules/settlement.md."""
    growers = [Grower(1, 50, ((11, 50),)), Grower(2, 30, ((12, 12),)), Grower(3, 20, ((13, 25),))]
    result = allocate([(1, 40), (2, 30), (3, 20)], growers, "pro_rata")
    assert result.fulfilled == {1: 37, 2: 27, 3: 18}
    of = {(f.line_id, f.household_id): f.quantity for f in result.fills}
    assert of == {
        (1, 1): 37,
        (2, 1): 13,
        (2, 2): 12,
        (2, 3): 2,
        (3, 3): 18,
    }
    share = split_line(PricedLine(2, 30, 27, 2560, 160, 320, 160, {1: 13, 2: 12, 3: 2}))
    assert share.households == {1: 33280, 2: 30720, 3: 5120}
    assert (share.coop_fen, share.logistics_fen, share.residual_fen) == (4320, 8640, 4320)
    assert share.total_fen == 27 * 3200


quantity = st.integers(1, 500)
grower = st.tuples(quantity, st.lists(st.integers(1, 300), max_size=3))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(quantity, min_size=1, max_size=12),
    st.lists(grower, min_size=1, max_size=8),
    st.sampled_from(["pro_rata", "first_come"]),
)
def test_allocation_conserves_every_unit(
    quantities: list[int], people: list[tuple[int, list[int]]], rule: str
) -> None:
    growers = [
        Grower(i, committed, tuple((i * 10 + j, q) for j, q in enumerate(lots)))
        for i, (committed, lots) in enumerate(people)
    ]
    lines = list(enumerate(quantities))
    result = allocate(lines, growers, rule)
    available = sum(g.available for g in growers)
    assert sum(result.fulfilled.values()) == min(available, sum(quantities))
    for pk, wanted in lines:
        assert sum(f.quantity for f in result.fills if f.line_id == pk) == result.fulfilled[pk] <= wanted
    for one in growers:
        mine = [f for f in result.fills if f.household_id == one.household_id]
        assert sum(f.quantity for f in mine) <= one.available
        for lot, ready in one.lots:
            assert sum(f.quantity for f in mine if f.lot_id == lot) <= ready
    assert all(f.quantity > 0 for f in result.fills)
    assert result == allocate(lines, growers, rule)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=8), st.data())
def test_lines_use_up_exactly_what_growers_deliver(parts: list[int], data: st.DataObject) -> None:
    left, lines = sum(parts), []
    while left:
        lines.append(data.draw(st.integers(1, left)))
        left -= lines[-1]
    rows = spread_lines(lines, parts)
    assert [sum(quantity for _at, quantity in row) for row in rows] == lines
    used = [0] * len(parts)
    for row in rows:
        for at, quantity in row:
            used[at] += quantity
    assert used == parts
    assert sum(map(len, rows)) <= max(0, len(lines) + len(parts) - 1)


def test_lines_that_are_not_what_growers_deliver_are_refused() -> None:
    with pytest.raises(ValueError):
        spread_lines([3], [1, 1])


fen = st.integers(0, 5000)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.integers(1, 50), quantity, min_size=1, max_size=9),
    st.integers(1, 5000),
    fen,
    fen,
    fen,
    fen,
)
def test_a_line_is_paid_out_to_the_fen(
    delivered: dict[int, int], grower_fen: int, coop: int, logistics: int, residual: int, missing: int
) -> None:
    done = sum(delivered.values())
    line = PricedLine(1, done + missing, done, grower_fen, coop, logistics, residual, delivered)
    share = split_line(line)
    assert share.total_fen + line.refund_fen == line.quantity * line.price_fen
    assert share.households == {h: q * grower_fen for h, q in delivered.items()}


def test_a_line_whose_deliveries_do_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError):
        split_line(PricedLine(1, 5, 5, 100, 0, 0, 0, {1: 4}))


def test_a_buyer_sees_only_the_first_sign_of_a_name() -> None:
    assert mask_name("张三") == "张*" and mask_name("欧阳小明") == "欧**" and mask_name("李") == "李*"
    assert mask_name("张三丰") == "张**"


def test_a_line_of_which_nothing_was_delivered_gives_nobody_anything() -> None:
    share = split_line(PricedLine(4, 30, 0, 2560, 160, 320, 160, {}))
    assert (share.households, share.coop_fen, share.logistics_fen, share.residual_fen) == ({}, 0, 0, 0)
