"""A clearing is a frozen run, checked by others' code, published as proposals, replayable."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions, queries
from yuchang.exchange.inputs import replay, thaw
from yuchang.exchange.models import Clearing, Leftover, Match, Posting
from yuchang.exchange.tests.world import Market, facts, household

pytestmark = pytest.mark.django_db
ON = date(2026, 11, 21)


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_run_is_certified_and_replays_to_the_same_bytes(market: Market) -> None:
    run = market.run()
    assert run.is_certified
    assert run.certificate["primal_fen"] == run.certificate["dual_fen"] == run.welfare_fen > 0
    again = replay(run)
    assert again.is_same
    assert again.certificate.is_accepted
    assert market.run().result_hash == run.result_hash


def test_publishing_proposes_to_both_sides_and_explains_the_rest(market: Market) -> None:
    match = market.match()
    assert (match.quantity, match.offer_id, match.need_id) == (200, market.offer.pk, market.need.pk)
    assert match.offer_gain_fen >= 0
    assert match.price_fen == market.offer.limit_fen + match.offer_gain_fen
    left = Leftover.objects.get(posting=market.offer)
    assert (left.code, left.quantity) == ("partly", 100)
    actions_seen = AuditEntry.objects.filter(action="exchange.publish_clearing")
    assert set(actions_seen.values_list("object_kind", flat=True)) == {"match", "clearing"}


def test_only_the_county_s_officer_clears_and_publishes(market: Market) -> None:
    for actor, error in (
        (market.li.actor, Refused),
        (market.zhao.actor, Refused),
        (people.outsider().actor, Hidden),
    ):
        with pytest.raises(error):
            market.run(actor)
    run = market.run()
    with pytest.raises(Hidden):
        actions.publish_clearing(actor=people.outsider().actor, clearing_id=run.pk, version=1)
    with pytest.raises(Hidden):
        actions.run_clearing(actor=market.wang.actor, on=ON)


def test_the_whole_nation_is_cleared_by_a_nation_wide_officer(market: Market) -> None:
    officer = people.person("国家专员", Role.COUNTY_OFFICER, nation=True).actor
    assert actions.run_clearing(actor=officer, on=ON).match_count == 1


def test_a_county_run_leaves_pairs_of_other_counties_alone(market: Market) -> None:
    away = household(people.villages(people.WEN)[0], "外县户")
    actions.post(actor=people.outsider().actor, facts=facts("offer", household_id=away.pk, limit_fen=100))
    assert {m.offer_id for m in [market.match()]} == {market.offer.pk}


def test_a_run_cannot_be_changed_or_removed_even_by_our_own_code(market: Market) -> None:
    run = market.run()
    for change in ({"welfare_fen": 1}, {"result": b"x"}, {"is_certified": False}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Clearing.objects.filter(pk=run.pk).update(**change)
    with pytest.raises(ProgrammingError), transaction.atomic():
        Clearing.objects.filter(pk=run.pk).delete()
    with pytest.raises(ProgrammingError), transaction.atomic():
        Leftover.objects.update(quantity=1)


def test_an_uncertified_run_is_never_published(market: Market) -> None:
    run = market.run()
    values = {f.attname: getattr(run, f.attname) for f in Clearing._meta.concrete_fields if f.name != "id"}
    bad = Clearing.objects.create(**(values | {"is_certified": False}))
    with pytest.raises(Conflict):
        actions.publish_clearing(actor=market.wang.actor, clearing_id=bad.pk, version=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Clearing.objects.filter(pk=bad.pk).update(state="published", published_at=bad.run_at)


def test_stored_bytes_that_do_not_match_their_hash_are_noticed(market: Market) -> None:
    run = market.run()
    run.inputs_hash = "0" * 64
    with pytest.raises(ValueError, match="hash"):
        thaw(run)


def test_a_posting_changed_since_the_run_stops_publication(market: Market) -> None:
    run = market.run()
    actions.withdraw_posting(actor=market.li.actor, posting_id=market.offer.pk, version=1, reason="已卖")
    with pytest.raises(Conflict, match="1 条"):
        actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    assert not Match.objects.exists()


def test_a_run_is_published_once_and_replaces_older_unanswered_proposals(market: Market) -> None:
    first = market.match()
    with pytest.raises(Stale):
        actions.publish_clearing(actor=market.wang.actor, clearing_id=first.clearing_id, version=1)
    second = market.match()
    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "proposed")


def test_what_is_talked_about_is_not_proposed_to_others(market: Market) -> None:
    match = market.match()
    actions.answer_match(actor=market.li.actor, match_id=match.pk, version=1, side="offer", answer="accepted")
    run = market.run()
    assert thaw(run).problem.quantity.tolist() == [100]
    assert run.match_count == 0


def test_discarding_needs_a_reason_and_is_final(market: Market) -> None:
    run = market.run()
    with pytest.raises(Invalid):
        actions.discard_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1, reason="")
    actions.discard_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1, reason="重来")
    with pytest.raises(Conflict):
        actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=2)


def test_with_nothing_posted_there_is_nothing_to_clear() -> None:
    with pytest.raises(Invalid, match="没有可以撮合"):
        actions.run_clearing(actor=people.wang().actor, on=ON, county=people.county())


def test_arithmetic_that_would_overflow_is_refused_in_words(market: Market) -> None:
    rows = [
        facts("offer", household_id=market.home.pk, quantity=10**9, limit_fen=10**8, note=str(i))
        for i in range(50)
    ]
    actions.post_many(actor=market.li.actor, rows=rows)
    with pytest.raises(Invalid, match="64 位"):
        market.run()


def test_a_run_may_be_limited_to_categories(market: Market) -> None:
    run = actions.run_clearing(
        actor=market.wang.actor, on=ON, county=people.county(), categories=["goods.walnut"]
    )
    assert [row["code"] for row in run.by_category] == ["goods.walnut"]
    with pytest.raises(Invalid):
        actions.run_clearing(
            actor=market.wang.actor, on=ON, county=people.county(), categories=["goods.honey"]
        )


def test_the_reason_of_a_leftover_is_found_by_posting(market: Market) -> None:
    market.match()
    found = queries.latest_leftovers([market.offer.pk, market.need.pk])
    assert set(found) == {market.offer.pk}
    assert Posting.objects.get(pk=market.offer.pk).state == "open"
