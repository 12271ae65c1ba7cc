"""Who reads which pages of the book, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.ledger.actions import household_accounts, organisation_accounts, place_account, post_set
from yuchang.ledger.models import Account, Leg, Transaction
from yuchang.ledger.tests.people_of_the_book import households, organisation
from yuchang.ledger.tests.test_book import draft


@pytest.fixture
def booked(db: None) -> list[int]:
    """Households of the first and the last village of 成县; each received once."""
    near, far = households(1)[0], households(1, people.villages()[-1])[0]
    accounts = household_accounts([near.pk, far.pk])
    clearing = place_account(people.county(), "clearing")
    payer = organisation_accounts([organisation("采购公司").pk])
    legs = (clearing, -1000), (accounts[near.pk], 700), (accounts[far.pk], 300)
    post_set(actor=SYSTEM, drafts=[draft("1", *legs, payer_id=next(iter(payer.values())), memo="核桃预售")])
    return [near.pk, far.pk]


def test_an_officer_reads_list_booking_and_statement(booked: list[int]) -> None:
    browser = people.wang().client()
    page = browser.get("/ledger/")
    assert 'data-figure="households" data-value="1000"' in page.content.decode()
    assert page.content.decode().count("<small>元</small>") == 5
    pk = Transaction.objects.get().pk
    assert browser.get(f"/ledger/{pk}").content.decode().count("ledger/households/") == 2
    book = browser.get(f"/ledger/households/{booked[0]}").content.decode()
    assert 'data-value="700"' in book and "核桃预售" in book and "采购公司" in book


def test_the_list_says_in_words_where_a_booking_is_from_and_what_it_moved(booked: list[int]) -> None:
    heads, lines = _list(people.wang())
    assert heads == ["日期", "类别", "摘要", "来源", "金额(元)"]
    assert lines == [["核桃预售", "10"]]
    assert _list(people.li())[1] == [["核桃预售", "7"]]


def _list(person: people.Person) -> tuple[list[str], list[list[str]]]:
    found = person.client().get("/ledger/").context["list"]
    return [head.word for head in found.heads], [[line[2].text, line[4].text] for line in found.lines]


def test_a_cadre_sees_the_own_villages_part_of_a_booking_of_the_county(booked: list[int]) -> None:
    browser = people.li().client()
    page = browser.get("/ledger/").content.decode()
    assert 'data-figure="households" data-value="700"' in page and "核桃预售" in page
    pk = Transaction.objects.get().pk
    assert browser.get(f"/ledger/{pk}").content.decode().count("ledger/households/") == 1
    assert browser.get(f"/ledger/households/{booked[0]}").status_code == 200
    assert browser.get(f"/ledger/households/{booked[1]}").status_code == 404


def test_strangers_are_refused(booked: list[int]) -> None:
    pk = Transaction.objects.get().pk
    pages = (f"/ledger/{pk}", f"/ledger/households/{booked[0]}")
    for person, status in ((people.outsider(), 404), (people.zhao(1), 403), (people.administrator(), 403)):
        for page in pages:
            assert person.client().get(page).status_code == status
    outside = people.outsider().client().get("/ledger/").content.decode()
    assert "核桃预售" not in outside and 'data-figure="households" data-value="0"' in outside


@pytest.mark.parametrize(
    "query", ["?from_on=2026-09-02&to_on=2026-09-01", "?from_on=x&to_on=y", "?after=zzz"]
)
def test_days_and_cursors_that_make_no_sense_are_refused(booked: list[int], query: str) -> None:
    assert people.wang().client().get(f"/ledger/{query}").status_code == 422


def test_a_period_counts_only_its_days(booked: list[int]) -> None:
    page = people.wang().client().get("/ledger/?from_on=2020-01-01&to_on=2020-12-31").content.decode()
    assert 'data-figure="households" data-value="0"' in page and "核桃预售" not in page


def test_the_lists_cost_the_same_for_many_bookings(
    booked: list[int], django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    browser = people.wang().client()
    pages = ("/ledger/", f"/ledger/households/{booked[0]}")
    counts = []
    for page in pages:
        browser.get(page)
        with django_assert_max_num_queries(14) as few:
            browser.get(page)
        counts.append(len(few.captured_queries))
    clearing = place_account(people.county(), "clearing")
    account = household_accounts([booked[0]])[booked[0]]
    post_set(actor=SYSTEM, drafts=[draft(f"n{n}", (clearing, -5), (account, 5)) for n in range(60)])
    assert Leg.objects.filter(household_id=booked[0]).count() == 61
    for page, count in zip(pages, counts, strict=True):
        with django_assert_num_queries(count):
            assert 'rel="next"' in browser.get(page).content.decode()


def test_an_officer_reverses_a_booking_with_a_reason_and_nobody_else(booked: list[int]) -> None:
    pk = Transaction.objects.get().pk
    address, reason = f"/ledger/{pk}/reverse", {"reason": "重复发货"}
    for person, status in ((people.outsider(), 404), (people.li(), 403), (people.auditor(), 403)):
        assert person.client().post(address, reason).status_code == status
    browser = people.wang().client()
    assert "确认冲正" in browser.get(f"/ledger/{pk}").content.decode()
    assert browser.post(address, {"reason": ""}).status_code == 422
    assert browser.post(address, reason).status_code == 302
    undone = Transaction.objects.get(reverses=pk)
    page = browser.get(f"/ledger/{undone.pk}").content.decode()
    assert "重复发货" in page and "确认冲正" not in page
    assert 'data-figure="households" data-value="0"' in browser.get("/ledger/").content.decode()


def test_an_auditor_of_the_nation_reads_every_leg(booked: list[int]) -> None:
    browser = people.auditor().client()
    pk = Transaction.objects.get().pk
    assert browser.get(f"/ledger/{pk}").content.decode().count("ledger/households/") == 2
    assert 'data-figure="households" data-value="1000"' in browser.get("/ledger/").content.decode()


def test_a_place_has_one_account_of_a_kind_whatever_language_it_was_opened_in(db: None) -> None:
    first = place_account(people.county(), "clearing")
    with override("en"):
        assert place_account(people.county(), "clearing") == first
        row = Account.objects.get(pk=first)
        assert row.name == "成县 货款待结" and row.said.startswith("成县 ") and "货款" not in row.said
    assert row.said == row.name
