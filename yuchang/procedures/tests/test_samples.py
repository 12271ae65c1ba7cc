"""Samples that anyone can draw again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.procedures.rules import samples

LISTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=200, unique=True)


def test_the_worked_table_of_the_rule_page():
    seed = "yuchang"
    assert [samples.mark_of(seed, n)[:8] for n in range(101, 106)] == [MARKS[n] for n in range(101, 106)]
    assert samples.draw(seed, range(101, 106), 20) == [min(MARKS, key=MARKS.get)]


MARKS = {101: "82d78d3a", 102: "0d22c966", 103: "e54c14b3", 104: "45c4a98b", 105: "848b32ff"}


@pytest.mark.parametrize(
    ("n", "share", "size"), [(0, 20, 0), (1, 20, 1), (5, 20, 1), (6, 20, 2), (101, 10, 11)]
)
def test_a_share_is_rounded_up(n, share, size):
    assert samples.size_of(n, share) == size


@given(st.text(min_size=1, max_size=20), LISTS, st.integers(1, 100))
def test_a_draw_is_large_enough_and_not_larger_by_one_than_needed(seed, population, share):
    drawn = samples.draw(seed, population, share)
    assert len(drawn) * 100 >= share * len(population) > (len(drawn) - 1) * 100
    assert set(drawn) <= set(population) and len(set(drawn)) == len(drawn)


@given(st.text(min_size=1, max_size=20), LISTS, st.integers(1, 100), st.randoms())
def test_the_order_of_the_list_does_not_matter(seed, population, share, random):
    shuffled = list(population)
    random.shuffle(shuffled)
    assert samples.draw(seed, shuffled, share) == samples.draw(seed, population, share)
    assert samples.population_hash(shuffled) == samples.population_hash(population)


@given(st.text(min_size=1, max_size=20), LISTS, st.integers(1, 99))
def test_a_larger_share_contains_the_smaller_one(seed, population, share):
    assert samples.draw(seed, population, share + 1)[
        : samples.size_of(len(population), share)
    ] == samples.draw(seed, population, share)


@given(LISTS, st.integers(1, 10**9))
def test_one_more_in_the_list_changes_its_hash(population, extra):
    if extra not in population:
        assert samples.population_hash([*population, extra]) != samples.population_hash(population)
