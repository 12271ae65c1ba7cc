"""A firm states what it can pay; an officer tries a clearing within budgets and pairings, and publishes it."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Stale
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.budgets import budgets_free, budgets_left, pairings_on
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.explanations import comparison_of, partners_to_compare
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Budget, Clearing, Leftover, Match, Scenario, Seen
from yuchang.exchange.tests.deals import proposal
from yuchang.exchange.tests.world import Market, facts, household, organisation
from yuchang.partners.models import Commitment, Milestone, Pairing
from yuchang.places.models import keys_of

pytestmark = pytest.mark.django_db
UNTIL = date(2027, 6, 30)


class Rich(Market):
    """陇上商会 needs 200 kg of walnuts at up to 26.00, is paired with 成县 and has 2,600 yuan: 100 kg."""

    def __init__(self) -> None:
        super().__init__()
        self.pay(260_000)
        place = people.county()
        self.pairing = Pairing.objects.create(
            kind="firm_county",
            organisation=self.firm,
            place=place,
            **keys_of(place),
            valid_from=date(2026, 1, 1),
            state="active",
            proposed_side="helper",
            proposed_by_id=self.zhao.user.pk,
        )

    def pay(self, fen: int, version: int = 0) -> Budget:
        values: dict[str, Any] = {"organisation_id": self.firm.pk, "amount_fen": fen, "until": UNTIL}
        return actions.set_budget(actor=self.zhao.actor, version=version, **values)

    def left(self) -> int | None:
        return budgets_left([self.firm.pk], clock.today()).get(self.firm.pk)

    def scenario(self, asked: Parameters) -> Scenario:
        draft = self.run()
        row = actions.add_scenario(actor=self.wang.actor, draft_id=draft.pk, name="预算", asked=asked)
        actions.compute_scenario(row.pk)
        row.refresh_from_db()
        return row

    def scenario_run(self, asked: Parameters) -> Clearing:
        run = self.scenario(asked).run
        assert run is not None
        return run


@pytest.fixture
def market() -> Rich:
    return Rich()


def test_a_firm_states_its_budget_and_sees_what_is_left(market: Rich) -> None:
    client = market.zhao.client()
    url = reverse("exchange:budget", args=[market.firm.pk])
    assert url in client.get(reverse("exchange:posting_list")).content.decode()
    assert "2,600" in client.get(url).content.decode()
    answer = client.post(url, {"version": 1, "amount": "5000", "until": "2027-01-31"})
    assert answer.status_code == 302
    assert (Budget.objects.get().amount_fen, market.left()) == (500_000, 500_000)
    assert AuditEntry.objects.filter(action="exchange.set_budget").count() == 2
    for body, words in (
        ({"version": 2, "amount": "-1", "until": "2027-01-31"}, "大于或等于"),
        ({"version": 2, "amount": "1", "until": "2026-01-31"}, "三年之内"),
        ({"version": 2, "amount": "900000000000", "until": "2027-01-31"}, "1000 亿元"),
    ):
        refused = client.post(url, body)
        assert refused.status_code == 422
        assert words in refused.content.decode()
    assert client.post(url, {"version": 1, "amount": "1", "until": "2027-01-31"}).status_code == 409


def test_nobody_else_states_or_sees_it(market: Rich) -> None:
    other = organisation("别家")
    url = reverse("exchange:budget", args=[market.firm.pk])
    assert people.zhao(other.pk).client().get(url).status_code == 404
    assert market.wang.client().get(url).status_code == 404
    with pytest.raises(Hidden):
        actions.set_budget(
            actor=market.wang.actor, organisation_id=market.firm.pk, version=1, amount_fen=1, until=UNTIL
        )
    with pytest.raises(Invalid, match="1000 亿元"):
        market.pay(-1, version=1)
    with pytest.raises(Stale):
        market.pay(1, version=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.update(amount_fen=-1)


def test_talks_and_agreements_are_taken_off(market: Rich) -> None:
    match = market.match()
    actions.answer_match(
        actor=market.zhao.actor, match_id=match.pk, version=match.version, side="need", answer="accepted"
    )
    match.refresh_from_db()
    assert match.state == "talking"
    held = match.quantity * (match.price_fen + match.transport_fen)
    assert market.left() == max(0, 260_000 - held)
    assert budgets_left([market.firm.pk], UNTIL + timedelta(days=1)) == {}


def test_an_officer_publishes_a_clearing_within_budgets(market: Rich) -> None:
    run = market.scenario_run(Parameters(has_budgets=True))
    assert run.is_certified, run.certificate
    assert run.outcome["budgets"] == {"count": 1, "tight": 1}  # no sum: it would be the firm's own
    assert run.welfare_fen <= run.outcome["rows"]["bound_fen"]
    page = market.wang.client().get(reverse("exchange:compare", args=[run.draft_id])).content.decode()
    assert "不超过各机构自报的预算" in page
    assert "同样预算和结对采购下得益的上界" in page
    assert "1 / 1 家用满" in page
    assert "2,600" not in page
    market.pay(100, version=1)
    with pytest.raises(Conflict, match="预算剩得"):
        actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    market.pay(260_000, version=2)
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    own_page = market.wang.client().get(reverse("exchange:clearing", args=[run.pk])).content.decode()
    assert "任何搭配都越不过的上界" in own_page
    match = Match.objects.get(clearing=run)
    assert match.quantity * (match.price_fen + match.transport_fen) <= 260_000
    assert set(Leftover.objects.filter(clearing=run).values_list("code", flat=True)) == {"rows"}
    leftovers = market.wang.client().get(reverse("exchange:leftover_list", args=[run.pk]))
    assert "不设预算和结对指标时可成" in leftovers.content.decode()
    out = StringIO()
    call_command("replay_clearing", str(run.pk), stdout=out)
    assert "same bytes, accepted" in out.getvalue()


def test_a_pairing_s_quota_is_reached_or_reported_with_the_reason(market: Rich) -> None:
    promise = Commitment.objects.create(
        place=people.county(),
        **keys_of(people.county()),
        organisation=market.firm,
        kind="purchase",
        title="采购",
        unit="元",
        made_by_id=market.zhao.user.pk,
    )
    Milestone.objects.create(commitment=promise, number=1, due_on=UNTIL, measure="核桃", amount=900_000_000)
    Commitment.objects.update(state="active", answered_by_id=market.wang.user.pk, answered_at=clock.now())
    (row,) = pairings_on(clock.today(), people.county().pk)
    assert row[:3] == (market.pairing.pk, 900_000_000, market.firm.pk)
    assert pairings_on(clock.today(), people.county(people.WEN).pk) == []
    run = market.scenario_run(Parameters(has_promises=True))
    assert run.is_certified
    (one,) = run.outcome["pairings"]
    assert (one["asked_fen"], one["reason"]) == (900_000_000, "supply")
    assert 0 < one["served_fen"] < one["asked_fen"]
    page = market.wang.client().get(reverse("exchange:compare", args=[run.draft_id])).content.decode()
    assert "受助地的供给不值这么多" in page
    assert f"{market.firm.name} →" in page
    small = market.scenario_run(Parameters(quota_fen=100_000))
    assert small.outcome["quotas"]["short"] == 0


def test_rows_do_not_go_with_floors_or_swaps(market: Rich) -> None:
    draft = market.run()
    url = reverse("exchange:scenario_add", args=[draft.pk])
    client = market.wang.client()
    for body in (
        {"name": "混", "has_budgets": "on", "household": 50},
        {"name": "混", "quota": 100, "has_swaps": "on"},
        {"name": "混", "quota": "99999999999"},
    ):
        answer = client.post(url, body)
        assert answer.status_code == 422
    assert "不能与保底或换货" in client.post(url, {"name": "混", "quota": 1, "household": 5}).content.decode()
    assert not Scenario.objects.exists()


def test_certificates_and_lots_are_kept_by_every_kind_of_clearing(market: Rich) -> None:
    actions.post(
        actor=market.zhao.actor,
        facts=facts("need", organisation_id=market.firm.pk, quantity=400, min_lot=350, limit_fen=2800),
    )
    honey = actions.post(
        actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, category="goods.honey")
    )
    asked = facts("need", organisation_id=market.firm.pk, category="goods.honey", certificates=("organic",))
    strict = actions.post(actor=market.zhao.actor, facts=asked)
    for parameters in (
        Parameters(has_budgets=True),
        Parameters(household_fen=100),
        Parameters(has_swaps=True, fund_fen=1000),
    ):
        frozen = thaw(market.scenario_run(parameters))
        assert {int(frozen.problem.id[j]) for j in frozen.result.need} == {market.need.pk}
    run = market.run()
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    left = Leftover.objects.get(clearing=run, posting=honey)
    assert (left.code, left.details["lacks"]) == ("certificate", 1)
    assert left.details["changes"] == {"certificates": 1}
    page = market.li.client().get(reverse("exchange:posting", args=[honey.pk])).content.decode()
    assert "有了有机产品即有对象" in page
    assert "取得有机产品" in page
    rows = facts("offer", household_id=household(name="有证户").pk, certificates=("organic", "green"))
    actions.post(actor=market.li.actor, facts=dataclasses.replace(rows, category="goods.honey"))
    again = thaw(market.run())
    assert strict.pk in {int(again.problem.id[j]) for j in again.result.need}


def test_why_not_another_reads_what_is_shown_whatever_the_size_of_the_run(market: Rich) -> None:
    def statements(more: int) -> list[str]:
        rows = [
            facts("offer", household_id=market.home.pk, limit_fen=2100 + k, note=str(more))
            for k in range(more)
        ]
        if rows:
            actions.post_many(actor=market.li.actor, rows=rows)
        match = market.match_any()
        url = reverse("exchange:match_why", args=[match.pk])
        client = market.zhao.client()
        client.get(url)
        with CaptureQueriesContext(connection) as seen:
            page = client.get(f"{url}?side=need&other={match.offer_id}").content.decode()
        assert "id_other" in page or "没有别的对象" in page
        for name in ("board", "clearing_list"):
            with CaptureQueriesContext(connection) as lists:
                market.wang.client().get(reverse(f"exchange:{name}"))
            assert not [q for q in lists.captured_queries if '"exchange_clearing"."inputs"' in q["sql"]]
        return [one["sql"] for one in seen.captured_queries]

    few = statements(2)
    many = statements(60)
    assert len(many) == len(few)
    assert not [sql for sql in few + many if '"inputs"' in sql or '"result"' in sql]
    assert Seen.objects.count() > 60


def test_what_was_seen_says_the_same_as_the_whole_run(market: Rich, monkeypatch: pytest.MonkeyPatch) -> None:
    for k, terms in enumerate(({"limit_fen": 2550}, {"limit_fen": 2900}, {"radius_km": 1}, {"quantity": 7})):
        home = household(name=f"户{k}")
        actions.post(actor=market.li.actor, facts=facts("offer", household_id=home.pk, **terms))
    match = market.match_any()

    def answers() -> list[Any]:
        others = partners_to_compare(match, "need")
        return [others, [comparison_of(match, "need", one.pk) for one in others]]

    seen = answers()
    assert len(seen[0]) >= 4
    monkeypatch.setattr("yuchang.exchange.explanations._is_seen", lambda run: False)
    assert answers() == seen


def test_runs_of_two_counties_do_not_count_one_budget_twice(market: Rich) -> None:
    """成县 and 秦安县 both sell to the firm of 文县, which can pay for what one of them has."""
    qin = people.county("620522000000")
    home = household(people.villages(qin.code)[0], "秦安户")
    wang = people.wang(qin)
    actions.post(
        actor=people.li(home.place).actor, facts=facts("offer", household_id=home.pk, limit_fen=1900)
    )
    asked = Parameters(has_budgets=True)

    def theirs() -> Clearing:
        draft = actions.run_clearing(actor=wang.actor, on=clock.today(), county=qin)
        row = actions.add_scenario(actor=wang.actor, draft_id=draft.pk, name="预算", asked=asked)
        actions.compute_scenario(row.pk)
        return Clearing.objects.get(draft=draft)

    def budget_seen(run: Clearing) -> int:
        ((_owner, fen),) = thaw(run).context.budgets
        return fen

    ours, other = market.scenario_run(asked), theirs()
    assert budget_seen(ours) == budget_seen(other) == 260_000
    actions.publish_clearing(actor=market.wang.actor, clearing_id=ours.pk, version=1)
    held = sum(m.quantity for m in Match.objects.filter(state="proposed")) * market.need.limit_fen
    assert held == 260_000
    with pytest.raises(Conflict, match="预算剩得"):
        actions.publish_clearing(actor=wang.actor, clearing_id=other.pk, version=1)
    assert (budget_seen(theirs()), budget_seen(market.run())) == (0, 260_000)
    assert market.left() == 260_000  # nothing is held before it is answered
    Match.objects.update(state="declined")
    actions.publish_clearing(actor=wang.actor, clearing_id=other.pk, version=1)
    assert budget_seen(market.run()) == 0


def test_a_stranger_s_proposal_holds_nothing_of_a_budget_and_one_s_own_does(market: Rich) -> None:
    match = proposal(market, 50)
    assert budgets_free([market.firm.pk], clock.today()) == {market.firm.pk: 260_000}
    Match.objects.filter(pk=match.pk).update(need_answer="accepted")
    held = 50 * max(market.need.limit_fen, match.price_fen)
    assert budgets_free([market.firm.pk], clock.today()) == {market.firm.pk: 260_000 - held}
    for county, free in ((people.county().pk, 260_000), (people.county("620522000000").pk, 260_000 - held)):
        kept = budgets_free([market.firm.pk], clock.today(), replaced=[market.need.pk], county_id=county)
        assert kept == {market.firm.pk: free}
