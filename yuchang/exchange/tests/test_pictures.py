"""Who gives what to whom, what is missing, what does not sell, price bands: from tables, few queries, no limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core import clock
from yuchang.exchange import actions, pictures
from yuchang.exchange.models import Match
from yuchang.exchange.tests.world import Market, facts, household, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


def agreed(market: Market) -> Match:
    match = market.match()
    row = actions.propose_agreement(
        actor=market.li.actor,
        match_id=match.pk,
        version=match.version,
        side="offer",
        quantity=match.quantity,
        price_fen=match.price_fen,
        delivery_from=match.window_from,
        delivery_to=match.window_to,
    )
    actions.sign_agreement(actor=market.zhao.actor, agreement_id=row.pk, version=row.version)
    return match


def area() -> pictures.Area:
    return pictures.Area(people.county())


def test_the_flows_add_up_to_the_agreements(market: Market) -> None:
    match = agreed(market)
    since = clock.today() - timedelta(days=30)
    links = pictures.flows(area(), since)["links"]
    assert [link["value"] for link in links] == [match.quantity * match.price_fen] * 2
    (line,) = pictures.county_lines(area(), since)
    assert (line["giver"], line["taker"], line["count"]) == ("成县", "文县", 1)
    village = people.villages()[0]
    network = pictures.village_network(village, since)
    assert [link["target"] for link in network["links"]] == ["陇上商会"]
    assert pictures.flows(pictures.Area(people.county("620522000000")), since)["links"] == []
    page = market.wang.client().get(reverse("exchange:village_network", args=[village.pk]))
    assert page.context["network"] == network


def test_what_is_open_stands_by_place_and_category(market: Market) -> None:
    heat = pictures.open_heat(pictures.Area(None), "need")
    assert [(row["cells"][0]["quantity"], row["cells"][0]["shade"]) for row in heat.rows] == [(200, 5)]
    (row,) = pictures.unsold(area(), clock.today())
    assert (row["quantity"], row["postings"]) == (300, 1)
    assert pictures.open_heat(area(), "need").rows == []


def test_a_band_needs_three_owners_on_both_sides_and_tells_no_limit(market: Market) -> None:
    since = clock.today() - timedelta(days=30)
    for n in range(2):
        home = household(name=f"第{n}户")
        actions.post(actor=market.li.actor, facts=facts("offer", household_id=home.pk, limit_fen=2011 + n))
    firms = [organisation(f"商会{n}") for n in range(2)]
    actions.post(
        actor=people.zhao(firms[0].pk).actor, facts=facts("need", organisation_id=firms[0].pk, quantity=400)
    )
    run = market.run()
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    assert pictures.price_bands(area(), since) == []
    actions.post(
        actor=people.zhao(firms[1].pk).actor, facts=facts("need", organisation_id=firms[1].pk, limit_fen=2700)
    )
    run = market.run()
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    (band,) = pictures.price_bands(area(), since)
    prices = set(Match.objects.values_list("price_fen", flat=True))
    assert {band["least"], band["low"], band["middle"], band["high"], band["most"]} <= prices
    assert band["least"] <= band["low"] <= band["middle"] <= band["high"] <= band["most"]


def test_the_page_asks_as_much_for_many_postings_as_for_few(market: Market) -> None:
    client = market.wang.client()
    url = reverse("exchange:pictures")
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        assert client.get(url).status_code == 200
    rows = [facts("offer", household_id=household(name=f"户{n}").pk, quantity=n + 1) for n in range(40)]
    actions.post_many(actor=market.li.actor, rows=rows)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)


def test_the_pictures_of_another_county_are_refused(market: Market) -> None:
    client = market.wang.client()
    other = people.county(people.WEN)
    assert client.get(reverse("exchange:pictures") + f"?place={other.pk}").status_code == 404
    village = people.villages(people.WEN)[0]
    assert client.get(reverse("exchange:village_network", args=[village.pk])).status_code == 404
    page = market.zhao.client().get(reverse("exchange:pictures"))
    assert "没有可看的地区" in page.content.decode()
