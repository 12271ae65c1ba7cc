"""Who sees which matches and agreements: the table of sides says what the old joins said, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, Grant, OrganisationScope, PlaceScope, Role
from yuchang.core import clock
from yuchang.core.paging import Page, keyset_page
from yuchang.exchange import actions, queries
from yuchang.exchange.models import Agreement, DealSide, Dispute, Match, Posting
from yuchang.exchange.queries_deals import disputes_for
from yuchang.exchange.search import own_opposites, own_units
from yuchang.exchange.tests.deals import Deal, proposal
from yuchang.exchange.tests.world import WALNUT, Market, facts, household, organisation
from yuchang.places.models import Place, keys_of

KEYS = "organisation_id, province_id, prefecture_id, county_id, township_id, village_id"
OF_POSTING = ", ".join(f"p.{key}" for key in KEYS.split(", "))
BUILT_AGAIN = " UNION ALL ".join(
    f"SELECT '{deal}', d.id, '{side}', d.state, {OF_POSTING}"
    f" FROM exchange_{deal} d JOIN exchange_posting p ON p.id = d.{side}_id"
    for deal in ("match", "agreement")
    for side in ("offer", "need")
)
BUILT_AGAIN += "".join(
    f" UNION ALL SELECT 'dispute', d.id, '{side}', d.state, {OF_POSTING} FROM exchange_dispute d"
    f" JOIN exchange_agreement a ON a.id = d.agreement_id JOIN exchange_posting p ON p.id = a.{side}_id"
    for side in ("offer", "need")
)
BUILT_AGAIN += f" UNION ALL SELECT 'dispute', d.id, 'place', d.state, NULL, {KEYS.partition(', ')[2]} FROM exchange_dispute d"
DIFFERENT = f"""
    (SELECT deal, deal_id, side, state, {KEYS} FROM exchange_dealside EXCEPT ALL ({BUILT_AGAIN}))
    UNION ALL (({BUILT_AGAIN}) EXCEPT ALL SELECT deal, deal_id, side, state, {KEYS} FROM exchange_dealside)
"""
MOVE = "UPDATE exchange_posting SET village_id = %s WHERE id = %s"
PROPOSE = """
    INSERT INTO exchange_match (version, created_at, updated_at, offer_id, need_id, category_id, quantity,
        price_fen, transport_fen, offer_gain_fen, need_gain_fen, window_from, window_to, reason, offer_answer,
        need_answer, state)
    SELECT 1, now(), now(), %s, %s, 'goods.walnut', 10, 200, 0, 0, 0, '2026-12-01', '2027-06-30', '{}',
           'pending', 'pending', 'proposed'
"""


def differences() -> list[Any]:
    """Where the table of sides differs from the deals and postings; empty when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT)
        return cursor.fetchall()


def others(second: Place) -> dict[str, Actor]:
    """People of every kind of scope: one place of each level, several at once, the nation, an organisation."""
    village = people.villages()[0]

    def officer(*scopes: PlaceScope | OrganisationScope) -> Actor:
        return Actor(1, "甲", tuple(Grant(Role.COUNTY_OFFICER, scope) for scope in scopes))

    def place(row: Place) -> PlaceScope:
        return PlaceScope(row.pk, row.level, row.name)

    above = [
        Place.objects.get(pk=getattr(village, f"{of}_id")) for of in ("province", "prefecture", "township")
    ]
    county = people.county()
    return {
        **{row.name: officer(place(row)) for row in (*above, village, county, second)},
        "nation": officer(PlaceScope(0, 0, "")),
        "two counties": officer(place(county), place(second)),
        "county and its village": officer(place(county), place(village)),
        "nobody": Actor(2, "乙", ()),
    }


def pages_of(rows: Any, order: str = "-id", size: int = 5) -> Iterator[Page[Any]]:
    """The pages from the first to the last."""
    cursor = ""
    while True:
        page = keyset_page(rows, order=[order], cursor=cursor, size=size)
        yield page
        if not page.next:
            return
        cursor = page.next


@pytest.mark.django_db
def test_the_sides_follow_every_step_of_a_deal() -> None:
    deal = Deal()
    assert {row.state for row in DealSide.objects.all()} == {"agreed"}
    assert differences() == []
    deal.accept(deal.deliver(200))
    second = actions.post(
        actor=deal.zhao.actor, facts=facts("need", organisation_id=deal.market.firm.pk, quantity=70)
    )
    match = proposal(deal.market, 50)
    Match.objects.filter(pk=match.pk).update(state="declined")
    Posting.objects.filter(pk=second.pk).update(village_id=people.villages()[1].pk)
    assert differences() == []
    assert Agreement.objects.get().state == "fulfilled"
    assert DealSide.objects.filter(state="declined", deal_id=match.pk).count() == 2


@pytest.mark.django_db
def test_nobody_but_the_database_writes_them_and_deals_keep_their_postings() -> None:
    deal = Deal()
    other = actions.post(
        actor=deal.li.actor, facts=facts("offer", household_id=household(name="王五").pk, quantity=70)
    )
    for sql in ("DELETE FROM exchange_dealside", "UPDATE exchange_dealside SET organisation_id = 1"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    with pytest.raises(IntegrityError, match="keep their postings"), transaction.atomic():
        Match.objects.update(offer=other)


@pytest.mark.django_db
def test_every_kind_of_scope_sees_what_the_joins_said_forth_and_back() -> None:
    market = Market()
    near = organisation("秦安合作社", people.CHENG)
    needs = [market.need]
    for number in range(3):
        home = household(
            people.villages(people.WEN)[0] if number % 2 else people.villages()[0], f"户{number}"
        )
        actor = people.li(home.place).actor
        offer = actions.post(actor=actor, facts=facts("offer", household_id=home.pk, quantity=10 + number))
        zhao, firm = (people.zhao(near.pk), near) if number % 2 else (market.zhao, market.firm)
        need = facts("need", organisation_id=firm.pk, quantity=50 + number)
        needs.append(actions.post(actor=zhao.actor, facts=need))
        home_need = facts("need", household_id=home.pk, quantity=5, limit_fen=3000 + number)
        needs.append(actions.post(actor=actor, facts=home_need))
        for one in needs:
            market.offer, market.need = offer, one
            proposal(market, 5)
    third = list(Match.objects.order_by("pk").values_list("pk", flat=True))[::3]
    Match.objects.filter(pk__in=third).update(state="talking")
    assert differences() == []
    visitors = others(people.county(people.WEN)) | {"firm": market.zhao.actor, "cadre": market.li.actor}
    for name, actor in visitors.items():
        expected = Match.objects.filter(queries.spoken_for(actor, "exchange.read")).order_by("-id")
        found = [row.pk for page in pages_of(queries.matches_for(actor)) for row in page.items]
        assert found == list(expected.values_list("pk", flat=True)), name
        talking = list(expected.filter(state="talking").values_list("pk", flat=True))
        first, *rest = pages_of(queries.matches_for(actor, states=["talking"]), size=1)
        assert [row.pk for page in (first, *rest) for row in page.items] == talking, name
        if rest:
            back = keyset_page(
                queries.matches_for(actor, states=["talking"]), order=["-id"], cursor=rest[0].previous, size=1
            )
            assert [row.pk for row in back.items] == talking[:1]
        offers = Match.objects.filter(queries.side_filter(actor, "exchange.read", "offer__"))
        mine = set(offers.values_list("pk", flat=True))
        for one in queries.board(actor, list(expected.select_related(*queries._DEAL))):
            assert one.side == ("offer" if one.match.pk in mine else "need"), name
        own = queries.postings_for(actor)
        for given in (
            {},
            {"direction": "need"},
            {"state": "open"},
            {"category": WALNUT, "direction": "offer"},
        ):
            listed = [
                row.pk
                for page in pages_of(queries.own_postings(actor, **given), "id", 6)
                for row in page.items
            ]
            assert listed == list(own.filter(**given).order_by("id").values_list("pk", flat=True)), (
                name,
                given,
            )
    assert len(queries.matches_for(visitors["nation"]).first(99)) == Match.objects.count() > 10
    assert queries.matches_for(visitors["nobody"]).first(9) == []


def dispute(row: Agreement, state: str = "open", place: Place | None = None) -> Dispute:
    """A dispute of an agreement, as its opening would leave it; in another place if one is given."""
    where = place or row.place
    values: dict[str, Any] = {"side": "need", "statement": "少了", "opened_by_id": 1, "opened_by_name": "甲"}
    values |= {"opened_at": clock.now(), "answer_by": clock.today(), "state": state}
    return Dispute.objects.create(agreement=row, place=where, **keys_of(where), **values)


@pytest.mark.django_db
def test_every_kind_of_scope_sees_the_disputes_that_the_joins_said_and_they_follow() -> None:
    deal = Deal()
    far = people.villages(people.WEN)[0]
    for state in ("open", "open", "answered", "withdrawn"):
        dispute(deal.row, state)
        dispute(deal.row, state, far)
    assert differences() == []
    Dispute.objects.filter(state="answered").update(state="withdrawn")
    Dispute.objects.filter(pk=Dispute.objects.first().pk).update(**keys_of(people.villages()[1]))  # type: ignore[union-attr]
    Posting.objects.filter(pk=deal.row.offer_id).update(village_id=people.villages()[2].pk)
    assert differences() == []
    with pytest.raises(IntegrityError, match="keep their agreement"), transaction.atomic():
        Dispute.objects.filter(state="open").update(agreement=deal.row.pk + 1)
    visitors = others(people.county(people.WEN)) | {"firm": deal.zhao.actor, "cadre": deal.li.actor}
    for name, actor in visitors.items():
        reach = queries.spoken_for(actor, "exchange.read", "agreement__") | place_filter(
            actor, "exchange.read"
        )
        for states in (Dispute.State.values, ["open"]):
            expected = (
                Dispute.objects.filter(reach, state__in=states).order_by("-id").values_list("pk", flat=True)
            )
            rows = disputes_for(actor, states)
            assert [row.pk for page in pages_of(rows, size=5) for row in page.items] == list(expected), name
    assert len(disputes_for(visitors["nation"]).first(99)) == 8
    assert disputes_for(visitors["nobody"]).first(9) == []


@pytest.mark.django_db
def test_the_page_of_disputes_reads_ranges_of_indexes_however_many_there_are() -> None:
    deal = Deal()

    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as seen:
            assert deal.officer.client().get(reverse("exchange:dispute_list")).status_code == 200
        return [one["sql"] for one in seen.captured_queries]

    for _n in range(5):
        dispute(deal.row)
    few = statements()
    for _n in range(55):
        dispute(deal.row)
    many = statements()
    assert len(many) == len(few)
    (union,) = [sql for sql in many if '"exchange_dealside"' in sql]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table this small would be read whole
        cursor.execute(f"EXPLAIN {union}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("exchange_side_county") == len(Dispute.State.values)
    assert "exchange_posting" not in plan


@pytest.mark.django_db
def test_one_s_own_are_chosen_newest_first_without_the_other_s_own() -> None:
    market = Market()
    assert own_opposites(market.zhao.actor, market.offer) == [market.need]
    assert own_opposites(market.zhao.actor, market.need) == []
    assert own_opposites(market.li.actor, market.need) == [market.offer]
    given = facts("need", organisation_id=market.firm.pk, quantity=60, entered_unit="斤")
    newest = actions.post(actor=market.zhao.actor, facts=given)
    assert own_opposites(market.zhao.actor, market.offer) == [newest, market.need]
    assert own_units(market.zhao.actor) == {WALNUT: "斤"}


@contextmanager
def _two() -> Iterator[tuple[Any, Any]]:
    one, other = (psycopg.connect(**connection.get_connection_params()) for _n in range(2))
    with one, other:
        for line in (one, other):
            line.execute("SET lock_timeout = '300ms'")
        yield one, other


@pytest.mark.django_db(transaction=True)
def test_two_connections_cannot_part_a_deal_from_its_posting() -> None:
    market = Market()
    away = people.villages()[1].pk
    with _two() as (one, other):
        one.execute(PROPOSE, [market.offer.pk, market.need.pk])
        with pytest.raises(psycopg.errors.LockNotAvailable):  # it waits until the proposal is there
            other.execute(MOVE, [away, market.offer.pk])
        other.rollback()
    with _two() as (one, other):
        one.execute(MOVE, [away, market.offer.pk])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(PROPOSE, [market.offer.pk, market.need.pk])
        other.rollback()
        one.commit()
        other.execute(PROPOSE, [market.offer.pk, market.need.pk])
    assert differences() == []
    assert set(DealSide.objects.filter(side="offer").values_list("village_id", flat=True)) == {away}
