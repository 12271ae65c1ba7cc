"""The index in memory gives what scoring every posting gives, and follows every committed change."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from yuchang.core import clock
from yuchang.exchange.live_index import live_index
from yuchang.exchange.models import Posting
from yuchang.exchange.search import Home, hits
from yuchang.exchange.searching import Criteria, Term, score
from yuchang.exchange.term_index import DEAD_MOST, Entry, Hit, Sieve, TermIndex
from yuchang.exchange.tests.world import Market

WORDS = ("核桃", "薄皮", "黄心", "~goods.walnut")
KINDS = ("goods.walnut", "goods.potato")

entries = st.builds(
    lambda pk, kind, is_offer, county, days, words: Entry(
        pk, kind, is_offer, county, county // 10, days[0], sum(days), [f"={kind}", *words]
    ),
    st.integers(1, 30),
    st.sampled_from(KINDS),
    st.booleans(),
    st.sampled_from([11, 12, 21]),
    st.tuples(st.integers(100, 140), st.integers(0, 40)),
    st.lists(st.sampled_from(WORDS), unique=True),
)
sieves = st.builds(
    Sieve,
    since=st.integers(90, 160),
    is_offer=st.none() | st.booleans(),
    categories=st.none() | st.lists(st.sampled_from([*KINDS, "goods.unknown"]), unique=True),
    first_day=st.none() | st.integers(100, 160),
    last_day=st.none() | st.integers(100, 160),
    counties=st.none() | st.lists(st.sampled_from([11, 12, 21]), unique=True),
    among=st.none() | st.lists(st.integers(1, 30), unique=True),
)
searches = st.lists(
    st.builds(Term, st.sampled_from([*WORDS, *(f"={kind}" for kind in KINDS), "nobody"]), st.integers(1, 99)),
    unique_by=lambda term: term.text,
)


def _passes(entry: Entry, sieve: Sieve) -> bool:
    return (
        entry.last_day >= sieve.since
        and (sieve.is_offer is None or entry.is_offer == sieve.is_offer)
        and (sieve.categories is None or entry.category in sieve.categories)
        and (sieve.first_day is None or entry.last_day >= sieve.first_day)
        and (sieve.last_day is None or entry.first_day <= sieve.last_day)
        and (sieve.counties is None or entry.county_id in sieve.counties)
        and (sieve.among is None or entry.pk in sieve.among)
    )


def _by_scoring_each(standing: dict[int, Entry], search: list[Term], sieve: Sieve) -> list[Hit]:
    found = []
    for entry in standing.values():
        points = score(search, entry.category, entry.terms)
        near = 3 if entry.county_id == 11 else 2 if entry.province_id == 1 else 0
        if points and _passes(entry, sieve):
            found.append(Hit(entry.pk, points, near))
    return sorted(found, key=lambda hit: hit.key, reverse=True)


@given(st.lists(st.one_of(entries, st.integers(1, 30)), max_size=60), searches, sieves, st.integers(1, 8))
def test_the_best_are_those_of_scoring_each_posting_whatever_came_and_went(
    steps: list[Entry | int], search: list[Term], sieve: Sieve, most: int
) -> None:
    index, standing = TermIndex(), {}
    for step in steps:
        if isinstance(step, Entry):
            index.add(step)
            standing[step.pk] = step
        else:
            index.remove(step)
            standing.pop(step, None)
    expected = _by_scoring_each(standing, search, sieve)
    paged: list[Hit] = []
    while part := index.best(search, sieve, (11, 1), most, paged[-1].key if paged else None):
        paged += part
    assert paged == expected


def test_a_key_that_no_posting_has_ends_or_begins_the_list() -> None:
    index = TermIndex()
    index.add(Entry(7, KINDS[0], True, 11, 1, 1, 9, ["核桃"]))
    search, sieve, home = [Term("核桃", 5)], Sieve(since=1), (None, None)
    assert index.best(search, sieve, home, 5, (-1, -1, -1)) == []
    assert index.best(search, sieve, home, 5, (2**70, 2**70, 2**70)) == [Hit(7, 5, 0)]


def test_an_index_with_more_struck_out_than_standing_says_so() -> None:
    index = TermIndex()
    entry = Entry(1, KINDS[0], True, 11, 1, 1, 9, ["核桃"])
    for _ in range(DEAD_MOST + 1):
        index.add(entry)
    assert not index.is_worn
    index.add(entry)
    assert index.is_worn
    assert index.bytes > 0
    assert [hit.pk for hit in index.best([Term("核桃", 1)], Sieve(since=1), (None, None), 5)] == [1]


@pytest.fixture
def market(db: None) -> Market:
    return Market()


def _found(text: str = "核桃") -> set[int]:
    return {hit.pk for hit in hits(Criteria(text=text), Home(), most=50)}


def test_what_changed_is_read_and_nothing_else(market: Market) -> None:
    assert _found() == {market.offer.pk, market.need.pk}
    Posting.objects.filter(pk=market.offer.pk).update(state="withdrawn")
    assert _found() == {market.need.pk}
    Posting.objects.filter(pk=market.offer.pk).update(state="open", terms=["老树"])
    assert _found("老树") == {market.offer.pk}
    past = clock.today() - timedelta(days=1)
    Posting.objects.filter(pk=market.need.pk).update(window_from=past, window_to=past)
    assert market.need.pk not in _found()
    with CaptureQueriesContext(connection) as seen:
        _found()
    assert sum("exchange_posting" in query["sql"] for query in seen.captured_queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_posting_committed_late_is_found_although_later_ones_were_seen_before() -> None:
    market = Market()
    late, go_on, wrote = market.offer.pk, threading.Event(), threading.Event()
    _found()

    def slow() -> None:
        try:
            with transaction.atomic():
                Posting.objects.filter(pk=late).update(terms=["晚到"])
                wrote.set()
                go_on.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    assert wrote.wait(10)
    Posting.objects.filter(pk=market.need.pk).update(terms=["早到"])
    assert _found("早到") == {market.need.pk}
    assert _found("晚到") == set()
    go_on.set()
    writer.join()
    assert _found("晚到") == {late}
    with live_index() as index:
        assert index.dead <= 3


def test_a_sieve_without_limits_lets_everything_of_today_through() -> None:
    index = TermIndex()
    entry = Entry(1, KINDS[0], True, 0, 0, 1, 9, ["核桃"])
    index.add(entry)
    index.add(replace(entry, pk=2, last_day=4))
    assert [h.pk for h in index.best([Term("核桃", 1)], Sieve(since=5), (0, 0), 9)] == [1]
