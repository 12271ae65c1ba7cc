"""Walking the pages forth and back shows every row once, in order."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yuchang.core import paging
from yuchang.core.errors import Invalid
from yuchang.core.models import DataKey
from yuchang.core.paging import Among, Numbers, decode_cursor, encode_cursor, keyset_page

ORDERS = (["id"], ["-id"], ["version", "id"], ["-version", "id"], ["master_key_id", "-version", "-id"])


def walk(order, size, cursor="", way="next", rows=None, span=None):
    """The pages from here to the end."""
    pages = []
    rows = DataKey.objects.all() if rows is None else rows
    while True:
        page = keyset_page(rows, order=order, cursor=cursor, size=size, span=span)
        pages.append(page)
        cursor = getattr(page, way)
        if not cursor:
            return pages
        assert len(pages) < 100


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "a", "乙", 'q"']))).filter(
        lambda r: len(r) < 25
    ),
    order=st.sampled_from(ORDERS),
    size=st.integers(1, 7),
)
def test_pages_forth_and_back_show_every_row_once(db, rows, order, size):
    from django.db import transaction

    with transaction.atomic():
        made = [
            DataKey(county_id=number, version=version, master_key_id=name, wrapped=b"")
            for number, (version, name) in enumerate(rows)
        ]
        DataKey.objects.bulk_create(made)
        expected = list(DataKey.objects.order_by(*order).values_list("pk", flat=True))
        forth = walk(order, size)
        assert [row.pk for page in forth for row in page.items] == expected
        assert forth[0].previous == ""
        if expected:
            back = walk(order, size, forth[-1].previous, "previous") if forth[-1].previous else []
            seen = [row.pk for page in reversed(back) for row in page.items]
            assert seen + [row.pk for row in forth[-1].items] == expected
            assert all(page.next for page in back)
        transaction.set_rollback(True)


def test_a_page_reads_one_row_more_than_it_shows(db, django_assert_num_queries):
    DataKey.objects.bulk_create(DataKey(county_id=n, version=1, wrapped=b"") for n in range(60))
    with django_assert_num_queries(1) as asked:
        keyset_page(DataKey.objects.all(), order=["id"], size=50)
    assert "LIMIT 51" in asked[0]["sql"]


@pytest.mark.parametrize("order", [["id"], ["-id"]])
def test_a_search_read_by_windows_shows_every_row_once_forth_and_back(db, order):
    DataKey.objects.bulk_create(DataKey(county_id=n, version=n % 3 + 1, wrapped=b"") for n in range(60))
    rows = DataKey.objects.filter(version=2)
    expected = list(rows.order_by(*order).values_list("pk", flat=True))
    span = Numbers(min(expected), max(expected), 4)
    forth = walk(order, 3, rows=rows, span=span)
    assert [row.pk for page in forth for row in page.items] == expected
    back = walk(order, 3, forth[-1].previous, "previous", rows=rows, span=span)
    assert [row.pk for page in reversed(back) for row in page.items] == expected[: -len(forth[-1].items)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 400_000), max_size=80, unique=True), st.integers(1, 51), st.booleans())
def test_windows_stay_few_however_the_rows_lie(numbers, wanted, is_down):
    rows = FakeRows(numbers, is_down)
    found = paging._by_windows(rows, Numbers(1, 400_000, 1_000), [], wanted, is_down=is_down)
    assert found == sorted(numbers, reverse=is_down)[:wanted]
    assert len(rows.asked) <= 9  # each is twice the last at least
    assert sum(last - first for first, last in rows.asked) <= 400_000


def test_where_nothing_is_found_nearly_everything_is_looked_at_next():
    rows = FakeRows([], False)
    assert paging._by_windows(rows, Numbers(1, 400_000), [], 51, is_down=False) == []
    assert rows.asked == [(1, 16_385), (16_385, 400_001)]


def test_a_window_is_no_wider_than_what_is_still_missing_makes_likely():
    assert paging._next_window(1_000, 1_000, found=25, wanted=50) == 2_000
    assert paging._next_window(1_000, 1_000, found=5, wanted=50) == 13_500


class FakeRows:
    """Stands for a query set: tells which windows were asked for."""

    def __init__(self, numbers, is_down):
        self.numbers, self.asked = sorted(numbers, reverse=is_down), []

    def filter(self, pk__gte, pk__lt):
        self.asked.append((pk__gte, pk__lt))
        return [number for number in self.numbers if pk__gte <= number < pk__lt]


def test_neighbours_are_read_in_one_sweep_and_strangers_one_by_one(db):
    DataKey.objects.bulk_create(DataKey(county_id=n, version=1, wrapped=b"") for n in range(60))
    first = DataKey.objects.order_by("id").values_list("pk", flat=True)[0]
    question = Among("pk", DataKey.objects.all)
    for wanted, sign in (([first, first + 7, first + 20], ">="), ([first, first + 50], " = ANY")):
        with CaptureQueriesContext(connection) as asked:
            assert sorted(row.pk for row in question(wanted)) == wanted
        assert sign in asked.captured_queries[0]["sql"]
    assert not Among("pk", DataKey.objects.all)([])


@pytest.mark.parametrize(
    "cursor", ["x", "é", "AAAA", encode_cursor(["1", "2"]), encode_cursor([1])[:-2], "W10"]
)
def test_a_cursor_that_is_not_ours_is_refused_with_a_remedy(db, cursor):
    with pytest.raises(Invalid) as refusal:
        keyset_page(DataKey.objects.all(), order=["id"], cursor=cursor)
    assert refusal.value.status == 422
    assert refusal.value.problems[0].remedy


@pytest.mark.parametrize(
    ("order", "values"),
    [
        (["id"], ["not a number"]),
        (["created_at", "id"], ["yesterday", "1"]),
        (["master_key_id", "id"], ["a\x00b", "1"]),
        (["id"], [None]),
    ],
)
def test_a_cursor_with_values_of_another_kind_is_refused(db, order, values):
    with pytest.raises(Invalid):
        keyset_page(DataKey.objects.all(), order=order, cursor=encode_cursor(values))


def test_a_cursor_beyond_every_number_shows_an_empty_page(db):
    assert keyset_page(DataKey.objects.all(), order=["id"], cursor=encode_cursor(["9" * 40])).items == []


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(plain, min_size=1), st.booleans())
def test_a_cursor_survives_its_way_through_an_address(values, backwards):
    assert decode_cursor(encode_cursor(values, backwards), len(values)) == (backwards, values)
