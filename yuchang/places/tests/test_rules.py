"""Names, codes and distances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.places.rules import (
    full_code,
    gram,
    grams_of,
    great_circle_km,
    level_of,
    needed_grams,
    short_name,
)

NAMES = st.text(alphabet="成县文武都秦安和平村社区〇·（）1A𡐓", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("和平村委会", "和平村"),
        ("和平村民委员会", "和平村"),
        ("和平村村民委员会", "和平村"),
        ("城关社区居委会", "城关社区"),
        ("七里佛堂社区居民委员会", "七里佛堂社区"),
        ("居委会", "居委会"),
        ("城关镇", "城关镇"),
    ],
)
def test_a_village_is_called_without_its_committee(name: str, short: str) -> None:
    assert short_name(name) == short


@given(NAMES, st.data())
def test_every_part_of_a_name_needs_only_grams_that_the_name_has(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    end = data.draw(st.integers(start + 1, len(name)))
    assert set(needed_grams(name[start:end])) <= set(grams_of(name))


@given(st.characters(), st.characters())
def test_a_gram_fits_into_the_integers_of_the_database(first: str, second: str) -> None:
    assert -(2**31) <= gram(first, second) < 2**31


def test_characters_alone_are_kept_only_where_they_tell_something() -> None:
    assert gram("成") in grams_of("成县")
    assert gram("成") not in grams_of("成县", alone={"县"})
    assert gram("成", "县") in grams_of("成县", alone=set())


@pytest.mark.parametrize(
    ("code", "full"), [("62", "620000000000"), ("6212", "621200000000"), (" 621221 ", "621221000000")]
)
def test_a_short_code_is_filled_up(code: str, full: str) -> None:
    assert full_code(code) == full


@pytest.mark.parametrize("code", ["", "6", "62122", "62122a", "6212210000000", "６２"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not a division code"):
        full_code(code)


def test_trailing_zeros_tell_the_level() -> None:
    assert [level_of(c) for c in ("620000000000", "621200000000", "621221000000", "621221100000")] == [
        1,
        2,
        3,
        4,
    ]
    assert level_of("621221100001") == 5


def test_a_degree_on_the_equator_is_111_kilometres() -> None:
    assert great_circle_km(100, 0, 101, 0) == pytest.approx(111.195, abs=0.01)


POINT = st.tuples(st.floats(73, 136), st.floats(3, 54))


@given(POINT, POINT)
def test_distance_is_the_same_there_and_back(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert great_circle_km(*a, *b) == pytest.approx(great_circle_km(*b, *a))
    assert great_circle_km(*a, *a) == 0
