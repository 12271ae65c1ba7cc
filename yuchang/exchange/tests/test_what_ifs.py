"""An officer tries scenarios over frozen inputs, compares them, and publishes exactly one."""

from __future__ import annotations

from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Clearing, Leftover, Match, Scenario
from yuchang.exchange.tests.world import Market, facts, household

pytestmark = pytest.mark.django_db
FLOOR = Parameters(household_fen=100_000)


class Poor(Market):
    """成县 has besides a poor household whose walnuts cost more, and 200 kg are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.poor = household(name="贫困户")
        self.poor.state = "listed"
        self.poor.save()
        self.dear = actions.post(
            actor=self.li.actor, facts=facts("offer", household_id=self.poor.pk, limit_fen=2300)
        )
        self.draft = self.run()

    def scenario(self, name: str = "保底", asked: Parameters = FLOOR) -> Scenario:
        row = actions.add_scenario(actor=self.wang.actor, draft_id=self.draft.pk, name=name, asked=asked)
        actions.compute_scenario(row.pk)
        row.refresh_from_db()
        return row


@pytest.fixture
def market() -> Poor:
    return Poor()


def test_a_scenario_is_a_frozen_run_over_the_same_inputs(market: Poor) -> None:
    row = market.scenario()
    assert (row.state, row.percent) == ("done", 100)
    run = row.run
    assert run is not None
    assert (run.draft_id, run.inputs_hash, run.context_hash) == (
        market.draft.pk,
        market.draft.inputs_hash,
        market.draft.context_hash,
    )
    assert run.is_certified
    assert run.outcome["poor_value_fen"] >= 100_000 > market.draft.outcome["poor_value_fen"] == 0
    assert run.outcome["floors"]["cost_fen"] == market.draft.welfare_fen - run.welfare_fen > 0
    assert (run.outcome["levels"][0]["groups"], run.outcome["levels"][0]["short"]) == (1, 0)
    frozen = thaw(run)
    assert verify(frozen.problem, frozen.context, frozen.asked, frozen.outcome).is_accepted
    seen = AuditEntry.objects.filter(action="exchange.compute_scenario")
    assert set(seen.values_list("object_kind", flat=True)) == {"clearing", "scenario"}


def test_a_published_scenario_carries_its_matches_and_reasons_and_is_the_only_one(market: Poor) -> None:
    run, other = market.scenario().run, market.scenario("另一个", Parameters(bonus_fen=10)).run
    assert run is not None
    assert other is not None
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    poor = Match.objects.get(clearing=run, offer=market.dear)
    assert poor.reason["floor_fen"] > 0
    assert poor.price_fen >= market.dear.limit_fen
    assert Leftover.objects.get(clearing=run, posting=market.offer).code == "floor"
    for late in (other, market.draft):
        with pytest.raises(Conflict, match="只能发布一个"):
            actions.publish_clearing(actor=market.wang.actor, clearing_id=late.pk, version=1)
    other.refresh_from_db()
    assert other.state == "computed"
    with pytest.raises(IntegrityError), transaction.atomic():
        Clearing.objects.filter(pk=other.pk).update(state="published", published_at=run.run_at)
    with pytest.raises(Conflict):
        actions.add_scenario(actor=market.wang.actor, draft_id=market.draft.pk, name="迟到", asked=FLOOR)


def test_the_database_refuses_a_scenario_over_other_inputs(market: Poor) -> None:
    run = market.scenario().run
    assert run is not None
    values = {f.attname: getattr(run, f.attname) for f in Clearing._meta.concrete_fields if f.name != "id"}
    for change in ({"inputs_hash": "0" * 64}, {"draft_id": run.pk}, {"context_hash": ""}):
        with pytest.raises(IntegrityError, match="inputs of its draft"), transaction.atomic():
            Clearing.objects.create(**(values | change))


def test_only_the_county_s_officer_tries_scenarios(market: Poor) -> None:
    ask: dict[str, Any] = {"draft_id": market.draft.pk, "name": "别人", "asked": FLOOR}
    for actor, error in (
        (market.li.actor, Refused),
        (people.auditor().actor, Refused),
        (people.outsider().actor, Hidden),
    ):
        with pytest.raises(error):
            actions.add_scenario(actor=actor, **ask)
    assert not Scenario.objects.exists()
    client = people.outsider().client()
    assert client.get(reverse("exchange:compare", args=[market.draft.pk])).status_code == 404


def test_prefecture_and_province_read_a_county_s_run_and_publish_none(market: Poor) -> None:
    run = market.scenario().run
    assert run is not None
    for officer in (people.prefecture(), people.province()):
        client = officer.client()
        page = client.get(reverse("exchange:compare", args=[market.draft.pk]))
        assert page.status_code == 200
        assert "再试一个方案" not in page.content.decode()
        for name in ("clearing_publish", "clearing_discard"):
            answer = client.post(reverse(f"exchange:{name}", args=[run.pk]), {"version": 1, "reason": "x"})
            assert answer.status_code == 403
        assert (
            client.post(reverse("exchange:clearing_run"), {"county": people.county().pk}).status_code == 403
        )
    run.refresh_from_db()
    assert run.state == "computed"


def test_floors_that_contradict_each_other_are_refused_beside_the_field(market: Poor) -> None:
    with pytest.raises(Invalid, match="矛盾"):
        market.scenario(asked=Parameters(household_fen=500, village_fen=300))
    url = reverse("exchange:scenario_add", args=[market.draft.pk])
    response = market.wang.client().post(url, {"name": "坏", "household": 500, "village": 300})
    assert response.status_code == 422
    assert "两者矛盾" in response.content.decode()
    assert not Scenario.objects.exists()


def test_what_cannot_be_computed_says_why_and_a_stopped_one_goes_on(market: Poor) -> None:
    wang = market.wang.actor
    row = actions.add_scenario(actor=wang, draft_id=market.draft.pk, name="停", asked=FLOOR)
    actions.stop_scenario(actor=wang, scenario_id=row.pk, version=1)
    actions.compute_scenario(row.pk)
    row.refresh_from_db()
    assert (row.state, row.run_id) == ("cancelled", None)
    actions.resume_scenario(actor=wang, scenario_id=row.pk, version=row.version)
    actions.compute_scenario(row.pk)
    actions.compute_scenario(row.pk)
    row.refresh_from_db()
    assert (row.state, Clearing.objects.filter(draft=market.draft).count()) == ("done", 1)
    with pytest.raises(Conflict, match="同名"):
        actions.add_scenario(actor=wang, draft_id=market.draft.pk, name="停", asked=FLOOR)
    rows = [
        facts("offer", household_id=market.home.pk, quantity=10**9, limit_fen=3 * 10**7, note=str(i))
        for i in range(60)
    ]
    actions.post_many(actor=market.li.actor, rows=rows)
    market.draft = market.run()
    failed = market.scenario("溢出")
    assert (failed.state, "64 位" in failed.message) == ("failed", True)


def test_a_scenario_stopped_while_it_is_computed_leaves_no_run(
    market: Poor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = actions.add_scenario(actor=market.wang.actor, draft_id=market.draft.pk, name="中途", asked=FLOOR)

    def stop(*_args: Any, step: Any, **_kwargs: Any) -> None:
        actions.stop_scenario(actor=market.wang.actor, scenario_id=row.pk, version=1)
        step("market", 50)

    monkeypatch.setattr("yuchang.exchange.actions.scenarios.computed_run", stop)
    actions.compute_scenario(row.pk)
    row.refresh_from_db()
    assert (row.state, row.run_id) == ("cancelled", None)
    assert not Clearing.objects.filter(draft=market.draft).exists()


def test_the_comparison_shows_cost_and_who_moves_in_a_constant_number_of_queries(market: Poor) -> None:
    client = market.wang.client()
    url = reverse("exchange:compare", args=[market.draft.pk])
    market.scenario()
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page = client.get(url).content.decode()
    assert "使保底自愿所需补贴" in page
    assert "1 / 1 保住" in page
    for name in ("二", "三", "四"):
        market.scenario(name)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert abs(len(many) - len(few)) <= 3  # the names of each run's groups


def test_a_stored_clearing_is_replayed_from_the_command_line(market: Poor) -> None:
    run = market.scenario("换货", Parameters(has_swaps=True, fund_fen=10_000, lot_fen=5_000)).run
    assert run is not None
    out = StringIO()
    call_command("replay_clearing", str(market.draft.pk), str(run.pk), stdout=out)
    assert out.getvalue().count("same bytes, accepted") == 2


def test_a_declined_pair_is_not_proposed_again(market: Poor) -> None:
    actions.publish_clearing(actor=market.wang.actor, clearing_id=market.draft.pk, version=1)
    match = Match.objects.get(offer=market.offer)
    actions.answer_match(
        actor=market.li.actor,
        match_id=match.pk,
        version=match.version,
        side="offer",
        answer="declined",
        code="partner",
        reason="不合适",
    )
    run = market.run()
    assert thaw(run).context.barred == ((market.offer.pk, market.need.pk),)
    frozen = thaw(run)
    traded = {int(frozen.problem.id[i]) for i in frozen.result.offer}
    assert traded == {market.dear.pk}
    assert date(2026, 11, 21) == run.on
