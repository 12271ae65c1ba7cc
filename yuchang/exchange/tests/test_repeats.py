"""A repeating posting has one successor, whatever happens; bad windows, quantities, units and twins are refused."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Conflict, Invalid
from yuchang.exchange import actions
from yuchang.exchange.actions import Terms, notes, postings
from yuchang.exchange.actions import repeats as series
from yuchang.exchange.models import Posting
from yuchang.exchange.rules import (
    convert_price,
    convert_quantity,
    moved,
    next_window,
    quantity_in,
    units_for,
)
from yuchang.exchange.search import find_postings, home_of
from yuchang.exchange.searching import Criteria
from yuchang.exchange.tests.world import Market, facts, household

days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@given(days, st.integers(0, 25), st.sampled_from(["year", "month"]), days)
def test_the_next_window_is_the_first_that_has_not_passed(
    start: date, length: int, repeats: str, today: date
) -> None:
    window = next_window(start, start + timedelta(days=length), repeats, start, today)
    assert window is not None
    begins, ends = window
    assert ends >= today and begins > start
    assert begins.day == start.day or begins == moved(start, repeats, 1) or begins.day >= 28
    times = (begins.year - start.year) * 12 + begins.month - start.month
    if times > (12 if repeats == "year" else 1):
        before = times // (12 if repeats == "year" else 1) - 1
        assert moved(start + timedelta(days=length), repeats, before) < today


def test_the_last_day_of_the_month_comes_back() -> None:
    window = next_window(date(2026, 1, 31), date(2026, 2, 5), "month", date(2026, 2, 28), date(2026, 3, 1))
    assert window == (date(2026, 3, 31), date(2026, 4, 5))


@given(st.integers(1, 10**6), st.sampled_from(["公斤", "亩·年", "工日", "千元"]))
def test_what_is_converted_comes_back(quantity: int, unit: str) -> None:
    for text in units_for(unit):
        converted = convert_quantity(quantity, text, unit)
        if converted is not None:
            assert quantity_in(converted, unit, text) == quantity


def test_prices_are_rounded_against_the_deal() -> None:
    assert convert_price(501, "斤", "公斤", is_offer=True) == 1002
    assert convert_price(1, "吨", "公斤", is_offer=True) == 1
    assert convert_price(1, "吨", "公斤", is_offer=False) == 0
    assert convert_price(1, "亩", "公斤", is_offer=True) is None


@pytest.fixture
def market(db: None) -> Market:
    return Market()


def monthly(market: Market, **changes: Any) -> Posting:
    given_: dict[str, Any] = {"household_id": market.home.pk, "repeats": "month", "quantity": 40}
    given_ |= {"window_from": date(2026, 12, 1), "window_to": date(2026, 12, 20)}
    return actions.post(actor=market.li.actor, facts=facts("offer", **(given_ | changes)))


def test_the_next_one_is_made_once(market: Market) -> None:
    row = monthly(market, min_lot=5, certificates=("organic",), note="每月现摘")
    on = date(2026, 12, 21)
    assert actions.repeat_postings(actor=SYSTEM, on=date(2026, 12, 20)) == 0
    assert actions.expire_postings(actor=SYSTEM, on=on) == 1
    assert actions.repeat_postings(actor=SYSTEM, on=on) == 1
    assert actions.repeat_postings(actor=SYSTEM, on=on) == 0
    new = Posting.objects.get(previous=row)
    assert (new.window_from, new.window_to) == (date(2027, 1, 1), date(2027, 1, 20))
    assert (new.state, new.min_lot, new.certificates, new.agreed_quantity) == ("open", 5, ["organic"], 0)
    assert find_postings(Criteria(text="现摘"), home_of(market.wang.actor)).items[0].pk == new.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Posting.objects.filter(pk=market.offer.pk).update(
            previous=row, repeats="year", first_from=row.window_from, first_to=row.window_to
        )


def test_killed_half_way_it_goes_on(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        monthly(market, quantity=10 + n)
    monkeypatch.setattr(series, "AT_ONCE", 2)
    calls = []
    whole = series._repeat

    def once(*args: Any) -> int:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(series, "_repeat", once)
    with pytest.raises(KeyboardInterrupt):
        actions.repeat_postings(actor=SYSTEM, on=date(2026, 12, 30))
    monkeypatch.setattr(series, "_repeat", whole)
    assert Posting.objects.exclude(previous=None).count() == 2
    assert actions.repeat_postings(actor=SYSTEM, on=date(2026, 12, 30)) == 2
    assert Posting.objects.exclude(previous=None).count() == 4


def test_a_series_ends(market: Market) -> None:
    on = date(2027, 1, 5)
    row = monthly(market)
    actions.withdraw_posting(actor=market.li.actor, posting_id=row.pk, version=1, reason="卖完")
    monthly(market, quantity=41, repeat_until=date(2026, 12, 31))
    gone = monthly(market, household_id=household(name="已注销").pk)
    assert gone.household is not None
    gone.household.state = "removed"
    gone.household.save()
    assert actions.repeat_postings(actor=SYSTEM, on=on) == 0


def test_windows_passed_in_a_long_sleep_are_left_out(market: Market) -> None:
    row = monthly(market)
    assert actions.repeat_postings(actor=SYSTEM, on=date(2027, 6, 25)) == 1
    assert Posting.objects.get(previous=row).window_from == date(2027, 7, 1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"window_to": date(2026, 11, 30)}, "window_to"),
        ({"window_to": date(2027, 1, 5)}, "window_to"),
        ({"repeats": "week"}, "repeats"),
        ({"repeats": "", "repeat_until": date(2028, 1, 1)}, "repeats"),
        ({"repeat_until": date(2026, 12, 5)}, "repeat_until"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10**9 + 1}, "quantity"),
        ({"min_lot": 0}, "min_lot"),
        ({"min_lot": 41}, "min_lot"),
        ({"certificates": ("magic",)}, "certificates"),
        ({"window_to": date(9999, 12, 31), "repeats": ""}, "window_to"),
        ({"limit_fen": 10**9}, "limit"),
    ],
)
def test_contradictions_are_named(market: Market, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        monthly(market, **changes)
    assert field in {p.field for p in caught.value.problems}


def test_ten_thousand_times_the_same_is_one(market: Market) -> None:
    rows = [facts("offer", household_id=market.home.pk, quantity=7)] * 10_000
    with pytest.raises(Invalid) as caught:
        actions.post_many(actor=market.li.actor, rows=rows)
    assert "完全相同" in caught.value.message
    actions.post(actor=market.li.actor, facts=rows[0])
    with pytest.raises(Conflict):
        actions.post(actor=market.li.actor, facts=rows[0])
    assert Posting.objects.filter(quantity=7).count() == 1


def test_nobody_drowns_the_others(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "LIVE_MAX", 3)
    rows = [facts("offer", household_id=market.home.pk, quantity=n) for n in (1, 2)]
    assert actions.post_many(actor=market.li.actor, rows=rows) == 2
    with pytest.raises(Conflict):
        actions.post(actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, quantity=9))


def test_two_corrections_do_not_make_twins(market: Market) -> None:
    row = actions.post(actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, quantity=7))
    with pytest.raises(Conflict):
        actions.correct_posting(
            actor=market.li.actor,
            posting_id=row.pk,
            version=1,
            facts=facts("offer", household_id=market.home.pk),
        )


def test_people_say_quantities_in_their_own_unit(market: Market) -> None:
    client = market.li.client()
    url = reverse("exchange:posting_new", args=["goods.walnut"])
    body = {
        "direction": "offer",
        "household_number": market.home.number,
        "quantity": "500",
        "unit": "斤",
        "limit": "10.5",
        "min_lot": "100",
        "window_from": "2026-12-01",
        "window_to": "2027-02-01",
        "certificates": ["organic", "green"],
    }
    assert client.post(url, body).status_code == 302
    row = Posting.objects.latest("pk")
    assert (row.quantity, row.limit_fen, row.min_lot, row.entered_unit) == (250, 2100, 50, "斤")
    assert row.certificates == ["organic", "green"]
    page = client.get(reverse("exchange:posting", args=[row.pk])).content.decode()
    assert "500 斤" in page and "有机产品" in page
    assert client.post(url, body | {"quantity": "3", "min_lot": ""}).status_code == 422
    assert client.post(url, body | {"unit": "亩"}).status_code == 422
    hits = client.get(reverse("exchange:search"), {"q": "核桃", "direction": "need"}).content.decode()
    assert "400 斤" in hits


def test_notes_from_before_searching_are_read_in_portions(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [
        actions.post(
            actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, quantity=n, note=note)
        ).pk
        for n, note in ((11, "高山纸皮"), (12, "。"), (13, "薄壳"))
    ]
    Posting.objects.filter(pk__in=numbers).update(terms=[])
    assert not find_postings(Criteria(text="薄壳"), home_of(market.wang.actor)).items
    monkeypatch.setattr(notes, "AT_ONCE", 2)
    assert [actions.read_notes(actor=SYSTEM) for _n in range(3)] == [2, 1, 0]
    assert [r.pk for r in find_postings(Criteria(text="薄壳"), home_of(market.wang.actor)).items] == [
        numbers[2]
    ]
    assert Posting.objects.get(pk=numbers[0]).version == 1


def at_once(*calls: Any) -> list[Any]:
    """Run calls at the same time, each on its own connection; what they returned or raised."""
    gate, ends = threading.Barrier(len(calls)), []

    def run(call: Any) -> None:
        try:
            gate.wait()
            ends.append(call())
        except Conflict as error:
            ends.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ends


@pytest.mark.django_db(transaction=True)
def test_from_two_connections_nothing_is_posted_or_repeated_twice() -> None:
    market = Market()
    monthly(market)
    on = date(2026, 12, 30)
    ends = at_once(*[lambda: actions.repeat_postings(actor=SYSTEM, on=on)] * 2)
    assert sorted(ends) == [0, 1]
    twin, li = facts("offer", household_id=market.home.pk, quantity=7), market.li.actor
    ends = at_once(*[lambda: actions.post(actor=li, facts=twin)] * 2)
    assert sum(isinstance(one, Conflict) for one in ends) == 1
    assert Posting.objects.filter(quantity=7).count() == 1
    match = Terms(10, 2200)
    ends = at_once(
        *[
            lambda: actions.propose_partner(
                actor=market.zhao.actor, mine_id=market.need.pk, other_id=market.offer.pk, terms=match
            )
        ]
        * 2
    )
    assert sum(isinstance(one, Conflict) for one in ends) == 1


ABSURD = [
    ({"quantity": "0"}, "quantity"),
    ({"quantity": "10000000001"}, "quantity"),
    ({"quantity": "三百"}, "quantity"),
    ({"quantity": "3", "unit": "斤"}, "quantity"),
    ({"unit": "亩"}, "unit"),
    ({"limit": "-1"}, "limit"),
    ({"limit": "NaN"}, "limit"),
    ({"limit": "1e400"}, "limit"),
    ({"window_to": "2026-11-30"}, "window_to"),
    ({"window_from": "2020-01-01", "window_to": "2020-02-01"}, "window_to"),
    ({"window_to": "9999-12-31"}, "window_to"),
    ({"window_to": "2026-02-30"}, "window_to"),
    ({"min_lot": "400"}, "min_lot"),
    ({"radius_km": "99999"}, "radius_km"),
    ({"certificates": "祖传"}, "certificates"),
    ({"repeats": "month"}, "window_to"),
    ({"direction": "gift"}, "direction"),
    ({"household_number": "H404"}, "household_number"),
]


def test_the_form_names_the_field_of_everything_absurd(market: Market) -> None:
    client, address = market.li.client(), reverse("exchange:posting_new", args=["goods.walnut"])
    sound = {
        "direction": "offer",
        "household_number": market.home.number,
        "quantity": "300",
        "unit": "公斤",
        "limit": "10",
        "window_from": "2026-12-01",
        "window_to": "2027-03-31",
    }
    before = Posting.objects.count()
    for changes, field in ABSURD:
        answer = client.post(address, sound | changes)
        assert answer.status_code == 422, changes
        assert answer.context["form"].errors.get(field), (changes, answer.context["form"].errors)
    assert Posting.objects.count() == before
    assert client.post(address, sound).status_code == 302
    again = client.post(address, sound)
    assert again.status_code == 409 and "一模一样" in again.content.decode()
