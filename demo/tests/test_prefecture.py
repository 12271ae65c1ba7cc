"""A county is handed over as columns: once, with its truth apart, and who is doubled is refused and comes again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from demo import prefecture
from demo.county import columns, reporting, truth
from demo.county.build import generate
from demo.county.tables import Recipe
from demo.prefecture import Portion, enter, portions
from demo.tests.test_generated_county import seats
from tests import people
from yuchang.accounts.rules import Role
from yuchang.places.models import Place
from yuchang.registry.columns import MemberColumns
from yuchang.registry.models import Household, Member

ON = date(2026, 1, 5)


def portion(folder: Path, **changes: object) -> Portion:
    hands = people.person("吴省员", Role.PROVINCE_OFFICER, nation=True).user
    return Portion("621221000000", 120, 3, hands.username, ON, str(folder), **changes)  # type: ignore[arg-type]


def test_a_county_is_entered_once_with_its_truth_apart(db: None, tmp_path: Path) -> None:
    mine = portion(tmp_path)
    done = enter(mine)
    known = truth.read(tmp_path / "621221", "households")
    assert done.households == Household.objects.count() == int(known["is_reported"].sum())
    assert done.members == Member.objects.count() and done.planted == done.caught > 0
    assert set(Household.objects.values_list("state", flat=True)) <= {"entered", "listed", "exited"}
    assert enter(mine) == done and Household.objects.count() == done.households


def test_a_later_lot_of_people_has_numbers_of_its_own(db: None, tmp_path: Path) -> None:
    first = enter(portion(tmp_path))
    later = enter(portion(tmp_path, series=1))
    assert later.households > 100
    assert Household.objects.count() == first.households + later.households


def test_killed_before_the_end_a_county_leaves_nothing(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_everything: object) -> None:
        raise Killed

    mine = portion(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(prefecture, "asdict", die)
        with pytest.raises(Killed):
            enter(mine)
    assert not Household.objects.exists()
    assert enter(mine).households == Household.objects.count() > 0


def test_the_shares_of_the_counties_make_up_the_whole(db: None) -> None:
    counties = list(Place.objects.filter(code__in=["621221000000", "621222000000", "620522000000"]))
    found = portions(counties, 1_000, seed=1, username="x", on=ON)
    assert sum(p.households for p in found) == 1_000
    assert [p.households for p in found] == sorted((p.households for p in found), reverse=True)


def test_the_same_seed_hands_over_the_same_columns_and_another_seed_others() -> None:
    def sent(seed: int) -> MemberColumns:
        county = generate(seats(12), Recipe(seed=seed, households=200, on=ON, months=12))
        villages = {str(code): i for i, code in enumerate(county.villages.code)}
        return columns.hand_over(county, reporting.tell(county), villages).members

    once, again, other = sent(3), sent(3), sent(4)
    assert once.id_number == again.id_number and once.phone == again.phone and once.health == again.health
    assert np.array_equal(once.household, again.household)
    assert once.id_number != other.id_number
