"""Questions whose SQL is written once give what Django gives, for every value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet
from django.test.utils import CaptureQueriesContext

from yuchang.core.prepared import KEPT, Prepared, prepared
from yuchang.places.models import Place

pytestmark = pytest.mark.django_db


def _below(place: Any, level: Any, *, most: int = 100) -> QuerySet[Place]:
    return Place.objects.filter(county_id=place, level=level).select_related("parent").order_by("code")[:most]


def _within(condition: Any, since: Any) -> QuerySet[Place]:
    return Place.objects.filter(condition, valid_from__gte=since).order_by("code")[:20]


def _counties() -> list[Place]:
    """Those whose villages are known here."""
    known = Place.objects.filter(level=5).values("county_id")
    return list(Place.objects.filter(level=3, pk__in=known).order_by("code"))


def test_the_rows_are_those_that_django_gives_with_what_was_asked_beside_them() -> None:
    question = prepared(_below)
    for county in _counties():
        for level in (4, 5):
            found, plain = question(county.pk, level), list(_below(county.pk, level))
            assert found == plain
            with CaptureQueriesContext(connection) as asked:
                assert [row.parent.name for row in found if row.parent] == [
                    row.parent.name for row in plain if row.parent
                ]
            assert not asked.captured_queries
    assert len(question.known) == 1


def test_an_order_or_a_limit_is_a_question_of_its_own() -> None:
    question, county = prepared(_below), _counties()[0]
    assert len(question(county.pk, 5, most=3)) == 3
    assert len(question(county.pk, 5, most=4)) == 4
    assert len(question.known) == 2


def test_the_sql_is_written_once() -> None:
    calls = []

    def write(number: Any) -> QuerySet[Place]:
        calls.append(number)
        return Place.objects.filter(pk=number)

    question = prepared(write)
    for county in _counties():
        assert question(county.pk) == [county]
    assert len(calls) == 1


def test_a_condition_on_places_keeps_its_values_apart_from_its_shape() -> None:
    question, counties = prepared(_within), _counties()
    since = date(1949, 1, 1)
    for county in counties:
        one = Q(county_id=county.pk)
        several = Q(pk__in=[county.pk]) | Q(parent_id=county.pk) & ~Q(level=5)
        for condition in (one, several):
            assert question(condition, since) == list(_within(condition, since))
    assert len(question.known) == 2


@pytest.mark.parametrize(
    "condition",
    [
        Q(pk__in=[]),
        Q(valid_to=None),
        Q(valid_to__isnull=False),
        Q(name__contains="县"),
        Q(code__startswith="62"),
        Q(pk__in=Place.objects.filter(level=3).values("pk")),
        ~Q(level__in=[1, 2, 3]),
        Q(),
    ],
    ids=[
        "nothing",
        "is none",
        "is something",
        "holds a word",
        "begins so",
        "another query",
        "none of several",
        "everything",
    ],
)
def test_every_condition_means_what_it_means_to_django(condition: Q) -> None:
    question, since = prepared(_within), date(1949, 1, 1)
    for _again in range(2):
        assert question(condition, since) == list(_within(condition, since))


def test_what_somebody_types_never_becomes_a_shape() -> None:
    question, since = prepared(_within), date(1949, 1, 1)
    for word in ("62", "621", "6212"):
        condition = Q(code__startswith=word) | Q(name__contains=word)
        assert question(condition, since) == list(_within(condition, since))
    assert not question.known


def test_several_values_are_one_value_of_the_statement_however_many() -> None:
    question = prepared(lambda numbers: Place.objects.filter(pk__any=numbers).order_by("pk"))
    known = [place.pk for place in Place.objects.order_by("pk")[:30]]
    for count in (0, 1, 7, 30):
        assert [row.pk for row in question(known[:count])] == known[:count]
    assert [row.pk for row in question.plainly(known[:5])] == known[:5]
    assert len(question.known) == 1


def test_no_value_is_asked_for_as_none() -> None:
    question = prepared(lambda ended: Place.objects.filter(valid_to=ended, level=3).order_by("pk"))
    assert question(None) == list(Place.objects.filter(valid_to=None, level=3).order_by("pk"))
    assert question(date(1960, 1, 1)) == []


def test_columns_and_prefetched_rows_come_as_asked() -> None:
    names = prepared(lambda county: Place.objects.filter(county_id=county).values_list("pk", "name"))
    flat = prepared(lambda county: Place.objects.filter(county_id=county).values_list("pk", flat=True))
    parents = Prefetch("parent", Place.objects.only("name"))
    shown = prepared(lambda county: Place.objects.filter(county_id=county).prefetch_related(parents))
    county = _counties()[0]
    rows: list[Any] = names(county.pk)
    assert dict(rows) == {p.pk: p.name for p in Place.objects.filter(county_id=county.pk)}
    assert set(flat(county.pk)) == set(dict(rows))
    with CaptureQueriesContext(connection) as asked:
        assert all(row.parent for row in shown(county.pk) if row.level > 3)
    assert len(asked.captured_queries) == 2


def test_a_question_with_too_many_shapes_is_asked_plainly() -> None:
    question: Prepared[Place] = prepared(lambda most: Place.objects.filter(level=5).order_by("pk"))
    question.known.update(dict.fromkeys(range(KEPT)))  # type: ignore[arg-type]
    assert question(3) == list(Place.objects.filter(level=5).order_by("pk"))
    assert len(question.known) == KEPT


@pytest.mark.django_db(transaction=True)
def test_threads_share_a_statement_and_never_their_values() -> None:
    question = prepared(_below)
    counties = [place.pk for place in _counties()]
    expected = {pk: [row.pk for row in _below(pk, 5)] for pk in counties}

    def ask(turn: int) -> bool:
        try:
            pk = counties[turn % len(counties)]
            return [row.pk for row in question(pk, 5)] == expected[pk]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(48)))
