"""A generated county is the same every time, looks as the table of targets says, and is nobody's county."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from demo.county import identity, marginals, reporting
from demo.county.build import County, generate
from demo.county.tables import Recipe, Seat


def seats(villages: int = 60) -> list[Seat]:
    """Made-up seats, so that these tests need no database."""
    return [
        Seat(
            code=f"6212211{i // 12:02d}{200 + i % 12}",
            name=f"第{i}村村民委员会",
            township_code=f"6212211{i // 12:02d}000",
            township_name=f"第{i // 12}{'乡' if i // 12 == 4 else '镇'}",
            county_code="621221000000",
            county_name="成县",
        )
        for i in range(villages)
    ]


@pytest.fixture(scope="module")
def county() -> County:
    return generate(seats(), Recipe(seed=7, households=8_000))


@pytest.fixture(scope="module")
def report(county: County) -> reporting.Report:
    return reporting.fill_in(county)


def digest(county: County) -> str:
    total = hashlib.sha256()
    for part in (county.villages, county.households, county.members, county.produce, county.events):
        for name, values in sorted(vars(part).items()):
            total.update(name.encode() + np.ascontiguousarray(values).tobytes())
    for year in county.incomes:
        total.update(year.net_per_head.tobytes())
    total.update(repr(county.organisations).encode())
    return total.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    once = generate(seats(), Recipe(seed=3, households=600))
    again = generate(list(reversed(seats())), Recipe(seed=3, households=600))
    other = generate(seats(), Recipe(seed=4, households=600))
    assert digest(once) == digest(again) != digest(other)


@pytest.mark.parametrize("target", marginals.TARGETS, ids=lambda target: target.name)
def test_a_marginal_is_near_its_target(county: County, target: marginals.Target) -> None:
    figures = marginals.measure(county.households, county.members, county.is_poor, county.cause)
    assert figures[target.name] == pytest.approx(target.value, abs=target.tolerance)


def test_illness_is_the_most_frequent_main_cause_and_each_cause_has_its_ground(county: County) -> None:
    codes, counts = np.unique(county.cause[county.is_poor], return_counts=True)
    assert codes[np.argmax(counts)] == "illness"
    ill = np.zeros(county.recipe.households, dtype=bool)
    ill[county.members.household[county.members.is_chronic | county.members.is_serious]] = True
    assert ill[county.cause == "illness"].all()
    assert not county.cause[~county.is_poor].any()


def test_remote_villages_are_poorer(county: County) -> None:
    remoteness = county.villages.remoteness[county.households.village]
    net = county.incomes[0].net_per_head
    assert np.median(net[remoteness > 0.6]) < np.median(net[remoteness < 0.35])


def test_nobody_can_own_the_numbers(county: County) -> None:
    numbers = county.members.id_number
    assert len(np.unique(numbers)) == len(numbers)
    assert all(number.startswith("99") for number in numbers)
    first_17 = np.array([number[:17] for number in numbers])
    assert (identity.check_digits(first_17) == np.array([number[17] for number in numbers])).all()
    born = np.datetime_as_string(county.members.birth_on, unit="D")
    assert all(n[6:14] == b.replace("-", "") for n, b in zip(numbers, born, strict=True))
    assert all((int(n[16]) % 2 == 1) == m for n, m in zip(numbers, county.members.is_male, strict=True))
    assert all(
        phone == "" or (phone.startswith("154") and len(phone) == 11) for phone in county.members.phone
    )
    assert all("模拟" in organisation.name for organisation in county.organisations)


def test_check_digits_agree_with_the_standard() -> None:
    """The examples of GB 11643-1999, annex A."""
    assert identity.check_digits(np.array(["11010519491231002", "44052418800101001"])).tolist() == ["X", "4"]


def test_families_make_sense(county: County) -> None:
    members = county.members
    heads = members.slot == 0
    assert heads.sum() == county.recipe.households
    assert (members.age[heads] >= 18).all()
    assert (members.age >= 0).all() and (members.age < 105).all()
    assert (county.households.size == np.bincount(members.household)).all()
    spouses = members.slot == 1
    head_is_male = members.is_male[heads][members.household[spouses]]
    assert (members.is_male[spouses] != head_is_male).all()
    assert not members.work_months[members.work_place == 0].any()


def test_names_include_rare_characters_and_dots(county: County) -> None:
    names = "".join(county.members.name)
    assert "·" in names
    assert any(ord(character) > 0xFFFF for character in names)


def test_poor_households_are_forgotten_and_rich_ones_favoured(
    county: County, report: reporting.Report
) -> None:
    assert 0 < (county.is_poor & ~report.is_reported).sum() < 0.1 * county.is_poor.sum()
    assert not (report.is_favoured & county.is_poor).any()
    assert report.is_claimed_poor[report.is_favoured].all()


def test_every_planted_slip_is_in_the_sheet(county: County, report: reporting.Report) -> None:
    assert {slip.kind for slip in report.slips} == set(reporting.SLIPS)
    assert len({slip.household for slip in report.slips}) == len(report.slips)
    lengths = {len(values) for values in report.columns.values()}
    assert list(report.columns) == list(reporting.COLUMNS) and lengths == {len(report.household)}
    for slip in report.slips:
        if slip.kind == "person in two households":
            mine = report.columns["证件号码"][report.household == slip.household]
            theirs = report.columns["证件号码"][report.household == slip.other]
            assert set(mine) & set(theirs)


def test_a_correction_sends_only_the_rejected_households_and_without_slips(
    county: County, report: reporting.Report
) -> None:
    wanted = {slip.household_number for slip in report.slips[:5]}
    columns = reporting.corrected(county, report, wanted)
    assert set(columns["户编号"]) == wanted
    sizes = {number: int((columns["户编号"] == number).sum()) for number in wanted}
    assert all(int(size) == sizes[str(n)] for n, size in zip(columns["户编号"], columns["人数"], strict=True))
