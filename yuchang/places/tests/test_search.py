"""Search by part of a name, pinyin, initials and code; every kind by an index."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tests.people import county
from yuchang.places import search
from yuchang.places.models import Place
from yuchang.places.rules import needed_grams
from yuchang.places.search import CONTAINED, EXACT, PREFIX, search_places

pytestmark = pytest.mark.django_db


def first(text: str, **options: Any) -> tuple[str, int]:
    hit = search_places(text, **options)[0]
    return hit.place.full_name, hit.rank


@pytest.mark.parametrize(
    ("text", "full_name", "rank"),
    [
        ("成县", "甘肃省陇南市成县", EXACT),
        ("秦安", "甘肃省天水市秦安县", EXACT),
        ("积石山", "甘肃省临夏回族自治州积石山保安族东乡族撒拉族自治县", PREFIX),
        ("chengxian", "甘肃省陇南市成县", EXACT),
        ("Cheng Xian", "甘肃省陇南市成县", EXACT),
        ("qinan", "甘肃省天水市秦安县", PREFIX),
        ("621221", "甘肃省陇南市成县", EXACT),
        ("６２１２２１", "甘肃省陇南市成县", EXACT),
        ("62122", "甘肃省陇南市成县", PREFIX),
        ("成县 城关", "甘肃省陇南市成县城关镇", EXACT),
    ],
)
def test_the_best_hit_comes_first(text: str, full_name: str, rank: int) -> None:
    assert first(text) == (full_name, rank)


def test_initials_find_every_county_that_has_them() -> None:
    assert "成县" in {hit.place.name for hit in search_places("cx", limit=60)}


def test_a_part_in_the_middle_is_found_after_beginnings() -> None:
    hits = search_places("石山", limit=100)
    ranks = [hit.rank for hit in hits]
    assert ranks == sorted(ranks)
    assert "积石山保安族东乡族撒拉族自治县" in {h.place.name for h in hits if h.rank == CONTAINED}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_part_of_a_village_name_finds_it_within_its_county(size: int) -> None:
    here = county()
    village = Place.objects.filter(county_id=here.pk, level=5, name__endswith="村民委员会").latest("code")
    stem = village.name.removesuffix("村民委员会")
    for start in range(len(stem) - size + 1):
        part = stem[start : start + size]
        hits = search_places(part, within=here, levels=[5], limit=1000)
        assert village in [hit.place for hit in hits], part


def test_the_committee_may_be_written_in_full_or_left_out() -> None:
    village = Place.objects.filter(level=5, name__endswith="村民委员会", county_id=county().pk).earliest(
        "code"
    )
    stem = village.name.removesuffix("村民委员会")
    for text in (stem, stem + "村", stem + "村委会", stem + "村民委员会"):
        assert village in [hit.place for hit in search_places(text, limit=50)], text


def test_ended_places_come_after_those_in_force() -> None:
    hits = [hit.place for hit in search_places("宣化")]
    assert [p.name for p in hits[:2]] == ["宣化区", "宣化县"]
    assert [p.is_present for p in hits[:2]] == [True, False]


def test_higher_levels_come_first_among_equals() -> None:
    levels = [hit.place.level for hit in search_places("62", limit=40) if hit.rank == PREFIX]
    assert levels == sorted(levels)


def test_headings_of_the_statistics_are_no_places() -> None:
    assert not [h for h in search_places("市辖区", limit=50) if h.place.name == "市辖区"]


@pytest.mark.parametrize("text", ["", "   ", "没有这个地方", "%", "_", "'; DROP TABLE", "99", "zzzzzz", "\\"])
def test_what_is_nowhere_finds_nothing(text: str) -> None:
    assert search_places(text) == []


def test_a_search_needs_at_most_four_statements(django_assert_max_num_queries: Any) -> None:
    for text in ("成县", "大", "cx", "6212", "没有"):
        with django_assert_max_num_queries(4):
            search_places(text)


VALUES = {
    "levels": [1, 2, 3, 4, 5],
    "limit": 20,
    "beginning": "成%",
    "anywhere": "%城关%",
    "grams": needed_grams("城关"),
    "upper_names": ["成县"],
    "village_names": ["成县村委会"],
}


@pytest.mark.parametrize("sql", [search.NAME_SQL, search.PINYIN_SQL, search.CODE_SQL, search.CONTAINING_SQL])
def test_each_kind_of_search_is_served_by_an_index(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql.replace("{filter}", ""), VALUES)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    assert "Index Cond" in plan
