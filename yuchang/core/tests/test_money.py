"""Money is integer fen; what is split adds up to the fen."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.core.money import format_wan, format_yuan, split_fen, yuan_to_fen

weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=50).filter(any)


@given(st.integers(0, 10**14), weights)
def test_the_parts_sum_exactly_and_nobody_is_a_fen_off(total, parts_by):
    parts = split_fen(total, parts_by)
    assert sum(parts) == total
    for part, weight in zip(parts, parts_by, strict=True):
        exact = Decimal(total) * weight / sum(parts_by)
        assert part >= 0
        assert abs(part - exact) < 1
        assert weight or part == 0


@given(st.integers(0, 10**9), weights, st.data())
def test_a_larger_weight_never_gets_less(total, parts_by, data):
    parts = split_fen(total, parts_by)
    i, j = (data.draw(st.integers(0, len(parts) - 1)) for _ in range(2))
    if parts_by[i] > parts_by[j]:
        assert parts[i] >= parts[j]


def test_ties_go_to_the_earlier_position():
    assert split_fen(100, [1, 1, 1]) == [34, 33, 33]
    assert split_fen(1, [0, 1, 1]) == [0, 1, 0]


@pytest.mark.parametrize(("total", "parts_by"), [(-1, [1]), (1, [-1, 2]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_split_is_refused(total, parts_by):
    with pytest.raises(ValueError):
        split_fen(total, parts_by)


@given(st.integers(-(10**15), 10**15))
def test_an_amount_survives_being_written_and_read(fen):
    assert yuan_to_fen(format_yuan(fen)) == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1,234.56", 123456),
        ("12，000", 1200000),
        (" 3.5 ", 350),
        (2, 200),
        (0.1, 10),
        ("0.125", 12),
        ("0.135", 14),
    ],
)
def test_amounts_are_read_as_people_write_them(text, fen):
    assert yuan_to_fen(text) == fen


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "NaN", "Infinity", "十元"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError):
        yuan_to_fen(text)


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0"), (5, "0.05"), (-123456, "-1,234.56"), (100, "1"), (123456789, "1,234,567.89")],
)
def test_amounts_are_written_plainly(fen, text):
    assert format_yuan(fen) == text


@pytest.mark.parametrize(("fen", "text"), [(999_999, "9,999.99"), (1_000_000, "1.00万"), (10**10, "1.00亿")])
def test_tiles_use_large_units(fen, text):
    assert format_wan(fen) == text


@pytest.mark.parametrize(
    ("fen", "text"), [(2_000_000, "20,000"), (123_000_000, "1.23 million"), (10**11, "1.00 billion")]
)
def test_tiles_of_an_english_page_use_its_units(fen, text):
    assert format_wan(fen, in_english=True) == text
