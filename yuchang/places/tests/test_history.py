"""An old code or an old name finds the place that it means, by date. Real cases."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest

from yuchang.places.models import Place, PlaceSuccessor, PovertyCounty
from yuchang.places.queries import (
    history_of,
    named,
    place_by_code,
    places_by_code,
    present_successors,
    resolve,
)

pytestmark = pytest.mark.django_db


def names(places: list[Place]) -> list[tuple[str, str]]:
    return [(p.code[:6], p.name) for p in places]


def test_a_recoded_county_is_found_under_both_codes_each_in_its_time() -> None:
    old, new = place_by_code("622624", date(2003, 5, 1)), place_by_code("621221", date(2005, 5, 1))
    assert old and new
    assert (old.name, new.name) == ("成县", "成县")
    assert place_by_code("621221", date(2003, 5, 1)) is None
    assert place_by_code("622624", date(2005, 5, 1)) is None
    assert present_successors(old) == [new]


def test_a_county_turned_district_leads_to_the_district() -> None:
    (old,) = resolve("宣化县", date(2016, 1, 1))
    assert names(present_successors(old)) == [("130705", "宣化区")]
    step = PlaceSuccessor.objects.get(place=old)
    assert (step.year, step.kind) == (2016, PlaceSuccessor.Kind.BECAME_DISTRICT)
    assert place_by_code("130721") is None


def test_a_renamed_district_keeps_its_code() -> None:
    (old,) = resolve("130502", date(2018, 1, 1))
    (new,) = resolve("130502", date(2022, 1, 1))
    assert (old.name, new.name) == ("桥东区", "襄都区")
    assert present_successors(old) == [new]
    assert PlaceSuccessor.objects.get(place=old).kind == PlaceSuccessor.Kind.RENAMED


def test_a_county_that_became_a_city_after_the_last_snapshot_is_followed() -> None:
    (old,) = resolve("米林县", date(2020, 1, 1))
    assert names(present_successors(old)) == [("540481", "米林市")]
    (cuona,) = resolve("错那县", date(2010, 1, 1))
    assert names(present_successors(cuona)) == [("540581", "错那市")]


def test_two_districts_merged_in_2025_lead_to_one_without_a_point() -> None:
    for code in ("500105", "500112"):
        old = place_by_code(code, date(2024, 1, 1))
        assert old is not None
        assert place_by_code(code) is None
        assert names(present_successors(old)) == [("500157", "两江新区")]
        step = PlaceSuccessor.objects.get(place=old)
        assert (step.year, step.document) == (2025, "渝府发〔2025〕15号")
    new = place_by_code("500157")
    assert new is not None and new.longitude is None
    assert {s.place.name for s in history_of(new) if s.successor_id == new.pk} == {"江北区", "渝北区"}


def test_lenghu_and_mangya_are_one_city_today() -> None:
    rows = PovertyCounty.objects.filter(place__code="632803000000")
    assert {r.name_in_list for r in rows} == {"冷湖行委", "茫崖行委"}
    assert names(resolve("冷湖行委")) == [("632803", "茫崖市")]


def test_a_prefecture_turned_city_is_followed() -> None:
    (old,) = resolve("陇南地区")
    assert names(present_successors(old)) == [("621200", "陇南市")]


def test_a_chain_of_changes_is_followed_to_its_end() -> None:
    (old,) = resolve("永川县", date(1985, 1, 1))
    assert names(present_successors(old)) == [("500118", "永川区")]


def test_a_code_handed_on_to_another_county_is_not_taken_for_its_successor() -> None:
    (old,) = resolve("130124", date(1990, 1, 1))
    assert old.name == "正定县"
    assert names(present_successors(old)) == [("130123", "正定县")]


def test_a_place_in_force_is_its_own_successor() -> None:
    here = place_by_code("621221")
    assert here is not None
    assert present_successors(here) == [here]


def test_a_name_borne_by_several_finds_them_all() -> None:
    assert len(resolve("鼓楼区", date(2020, 1, 1))) == 4


def test_villages_are_known_from_their_edition_and_found_for_earlier_days() -> None:
    village = Place.objects.filter(level=5).earliest("code")
    assert place_by_code(village.code, date(2016, 1, 1)) == village
    assert village.valid_from == date(2023, 6, 30)


@pytest.mark.parametrize("text", ["", "62122", "999999", "abc", "没有这个县", "6212210000001"])
def test_what_never_was_finds_nothing(text: str) -> None:
    assert place_by_code(text) is None
    assert resolve(text) == []
    assert resolve(text, date(2020, 1, 1)) == []


def test_many_codes_are_found_in_one_query(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        found = places_by_code(["621221000000", "621222000000", "130721000000"])
    assert {c: p.name for c, p in found.items()} == {"621221000000": "成县", "621222000000": "文县"}


@pytest.mark.parametrize(("codes", "many"), [(["621221"], 40), (["621221"], 3), (["621221", "620522"], 20)])
def test_names_are_read_in_one_query_wherever_the_places_lie(
    codes: list[str], many: int, django_assert_num_queries: Any
) -> None:
    wanted = {}
    for code in codes:
        rows = Place.objects.filter(level=5, code__startswith=code).order_by("code")[: 2 * many : 2]
        wanted |= {place.pk: place.name for place in rows}
    with django_assert_num_queries(1):
        assert {pk: place.name for pk, place in named(wanted).items()} == wanted
    assert named([]) == {}


def test_no_two_periods_of_a_code_overlap() -> None:
    rows = Place.objects.filter(level__lte=3).order_by("code", "level", "valid_from")
    before: Place | None = None
    for row in rows:
        if before and (before.code, before.level) == (row.code, row.level):
            assert before.valid_to is not None and before.valid_to < row.valid_from, row.code
        before = row


def test_most_ended_counties_lead_to_the_present() -> None:
    steps: dict[int, list[int]] = {}
    for old, new in PlaceSuccessor.objects.values_list("place_id", "successor_id"):
        steps.setdefault(old, []).append(new)
    ended = set(Place.objects.filter(valid_to__isnull=False).values_list("id", flat=True))

    def arrives(number: int, seen: frozenset[int] = frozenset()) -> bool:
        if number not in ended:
            return True
        return any(arrives(n, seen | {number}) for n in steps.get(number, []) if n not in seen)

    since_1990 = Place.objects.filter(valid_to__gte="1990-01-01")
    share = sum(arrives(p.pk) for p in since_1990) / since_1990.count()
    assert share > 0.96


def test_the_832_counties_are_those_of_the_official_totals() -> None:
    rows = list(PovertyCounty.objects.select_related("place"))
    assert len(rows) == 832
    assert len({r.place.code for r in rows}) == 831
    years = Counter(r.exit_year for r in rows)
    assert years == {2016: 28, 2017: 125, 2018: 283, 2019: 344, 2020: 52}
    assert sum(r.is_last52 for r in rows) == 52
    assert len({r.place.province_id for r in rows}) == 22


def test_an_unknown_key_county_stays_unknown() -> None:
    kinds = Counter(PovertyCounty.objects.values_list("is_key160", flat=True))
    assert kinds == {False: 501, None: 241, True: 90}


def test_every_old_code_of_the_list_leads_to_the_present_county_of_its_row() -> None:
    strays = []
    for row in PovertyCounty.objects.exclude(code_in_list="").select_related("place"):
        bearers = Place.objects.filter(code=row.code_in_list, name=row.name_in_list, level=3)
        arrived = {p.pk for bearer in bearers for p in present_successors(bearer)}
        if bearers and row.place_id not in arrived:
            strays.append(row.name_in_list)
    assert len(strays) <= 3, strays
