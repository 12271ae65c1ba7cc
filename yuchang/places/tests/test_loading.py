"""The shipped divisions in the database: whole, consistent, and the same after a second load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.people import CHENG, county, villages
from yuchang.core.models import AuditEntry
from yuchang.places.loading import load_divisions
from yuchang.places.models import Place, PlaceSuccessor, PovertyCounty, ReferenceLoad

pytestmark = pytest.mark.django_db


def test_the_tree_down_to_the_counties_is_whole() -> None:
    edition = Place.objects.filter(valid_from__lte="2023-06-30").exclude(valid_to__lt="2023-06-30")
    assert [edition.filter(level=level).count() for level in (1, 2, 3)] == [31, 342, 2978]


def test_a_village_names_every_ancestor() -> None:
    village = villages()[0]
    township = Place.objects.get(pk=village.parent_id)
    here = county()
    assert (village.township_id, village.county_id, village.village_id) == (township.pk, here.pk, village.pk)
    assert village.province_id == Place.objects.get(code="620000000000", valid_to=None).pk
    assert village.full_name == f"甘肃省陇南市成县{township.name}{village.name}"
    assert (here.parent_id, here.prefecture_id) == (621200000000, 621200000000)


def test_every_place_lies_where_its_parent_lies() -> None:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT count(*) FROM places_place c JOIN places_place p ON p.id = c.parent_id
            WHERE p.level >= c.level OR c.province_id IS DISTINCT FROM p.province_id
               OR (p.level >= 2 AND c.prefecture_id IS DISTINCT FROM p.prefecture_id)
               OR (p.level >= 3 AND c.county_id IS DISTINCT FROM p.county_id)
               OR (p.level >= 4 AND c.township_id IS DISTINCT FROM p.township_id)""")
        assert cursor.fetchone() == (0,)


def test_no_address_contains_a_heading_of_the_statistics() -> None:
    assert county("110101000000").full_name == "北京市东城区"
    assert Place.objects.get(code="429004000000", valid_to=None).full_name == "湖北省仙桃市"


def test_a_city_without_counties_has_its_code_at_two_levels() -> None:
    rows = Place.objects.filter(code="441900000000", valid_to=None).order_by("level")
    assert [(p.level, p.name) for p in rows] == [(2, "东莞市"), (3, "东莞市")]


def test_development_zones_are_marked() -> None:
    assert county("130171000000").is_statistical
    assert not county().is_statistical


def test_the_same_load_twice_changes_nothing(as_role: Callable[[str], Any]) -> None:
    with as_role("owner"):
        assert load_divisions(areas=("620522", "621222", "621221")) == 0


def test_a_repeated_load_brings_back_what_is_missing_and_corrects_what_differs(
    as_role: Callable[[str], Any],
) -> None:
    lost, changed = villages()[:2]
    name = changed.name
    steps: list[str] = []
    with as_role("owner"):
        lost.delete()
        Place.objects.filter(pk=changed.pk).update(name="改过的村")
        PovertyCounty.objects.filter(place=county()).delete()
        ReferenceLoad.objects.all().delete()
        assert load_divisions(("621221",), lambda step, done, total: steps.append(step)) == 3
        assert load_divisions(("621221",)) == 0
    assert Place.objects.get(code=lost.code).name == lost.name
    assert Place.objects.get(pk=changed.pk).name == name
    assert PovertyCounty.objects.filter(place=county()).exists()
    assert {"copy", "done"} <= set(steps)


def test_the_command_leaves_an_audit_entry(as_role: Callable[[str], Any], capsys: Any) -> None:
    before = AuditEntry.objects.count()
    with as_role("owner"):
        call_command("load_places", areas=["621221", "621222", "620522"])
    assert AuditEntry.objects.filter(action="places.load_places").count() == 1
    assert AuditEntry.objects.count() == before + 1
    assert "0 rows" in capsys.readouterr().out


def test_an_area_that_is_no_code_is_refused(as_role: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="成县"):
        load_divisions(("成县",))
    with as_role("owner"), pytest.raises(CommandError, match="6212"):
        call_command("load_places", areas=["6212"])


def test_the_application_cannot_alter_the_table_of_places() -> None:
    from django.db import ProgrammingError, transaction

    with pytest.raises(ProgrammingError, match="must be owner"), transaction.atomic():
        connection.cursor().execute("ALTER TABLE places_place DROP CONSTRAINT places_place_dates")


def test_the_database_refuses_an_impossible_place() -> None:
    from django.db import IntegrityError, transaction

    for wrong in ({"code": "62122"}, {"valid_to": "1999-01-01"}, {"level": 9}):
        fields = {"code": "990000000000", "name": "某地", "level": 1, "valid_from": "2000-01-01"} | wrong
        with pytest.raises(IntegrityError), transaction.atomic():
            Place.objects.create(**fields)


def test_the_history_is_loaded_with_its_steps() -> None:
    assert Place.objects.filter(valid_to__isnull=False).count() > 3_500
    assert PlaceSuccessor.objects.count() > 3_500
    assert CHENG in Place.objects.filter(predecessions__year=2004).values_list("code", flat=True)
