"""Work on every core gives what work on one gives."""

import multiprocessing
import os

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from yuchang.core.side_by_side import side_by_side


def _square(number: int) -> int:
    return number * number


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.integers(1, 4))
def test_the_results_come_in_the_order_of_the_items(items: list[int], chunk: int, workers: int) -> None:
    assert list(side_by_side(_square, items, chunk=chunk, workers=workers)) == [n * n for n in items]


def test_the_work_is_shared_with_a_child() -> None:
    assert len(set(side_by_side(lambda _: os.getpid(), range(10), chunk=5, workers=2))) == 2


def test_what_a_child_raises_is_raised_here() -> None:
    here = os.getpid()

    def fail_elsewhere(number: int) -> int:
        if os.getpid() != here:
            raise ValueError(f"not {number}")
        return number

    with pytest.raises(ValueError, match="not 1"):
        list(side_by_side(fail_elsewhere, [0, 1], chunk=1, workers=2))


def test_a_child_that_dies_is_noticed() -> None:
    here = os.getpid()

    def die_elsewhere(number: int) -> int:
        if os.getpid() != here:
            os._exit(9)
        return number

    with pytest.raises(EOFError):
        list(side_by_side(die_elsewhere, [0, 1], chunk=1, workers=2))


def test_leaving_half_way_leaves_no_child_behind() -> None:
    results = side_by_side(_square, range(1000), chunk=1, workers=2)
    assert next(results) == 0
    results.close()
    assert not multiprocessing.active_children()


def _database_of(_: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_child_never_speaks_on_the_parents_connection() -> None:
    mine = _database_of(0)
    here, there = side_by_side(_database_of, [0, 1], chunk=1, workers=2)
    assert (here, _database_of(0)) == (mine, mine)
    assert there != mine
