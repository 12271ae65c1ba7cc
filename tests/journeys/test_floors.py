"""A policy officer compares two floors and publishes one; the next county's officer is refused; unsold goods get help."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Clearing, Emergency, Match, Publication, Replay, Scenario
from yuchang.exchange.tests.world import Market, facts, household

pytestmark = pytest.mark.journey


def test_two_floors_are_compared_and_one_is_published(site: Site, transactional_db: None) -> None:
    market = Market()
    poor = household(name="贫困户")
    poor.state = "listed"
    poor.save()
    dear = actions.post(
        actor=market.li.actor, facts=facts("offer", household_id=poor.pk, limit_fen=2300, quantity=90)
    )

    county = site.sign_in(market.wang)
    county.goto("/exchange/clearings")
    county.click("main .form-end button")
    county.wait_for_selector("#certificate >> text=已由独立程序检验通过")
    draft = Clearing.objects.get()
    county.click("a:has-text('方案比较')")
    county.fill("#scenario input[name=name]", "自相矛盾")
    county.fill("#scenario input[name=household]", "500")
    county.fill("#scenario input[name=village]", "300")
    county.click("#scenario .form-end button")
    county.wait_for_selector("text=两者矛盾")
    for name, yuan in (("低保底", "1000"), ("高保底", "9000")):
        county.goto(f"/exchange/clearings/{draft.pk}/compare")
        county.fill("#scenario input[name=name]", name)
        county.fill("#scenario input[name=household]", yuan)
        county.click("#scenario .form-end button")
        county.wait_for_selector(f"text={name} · 排队中")
    county.goto("/exchange/clearings")  # a page that waits for a result refreshes itself whenever it comes
    for row in Scenario.objects.order_by("pk"):
        actions.compute_scenario(row.pk)
    county.goto(f"/exchange/clearings/{draft.pk}/compare")
    check(county, "compare-floors")
    table = county.inner_text("#compared")
    assert "1 / 1 保住" in table
    assert "0 / 1 保住" in table

    low, high = (Scenario.objects.get(name=name).run for name in ("低保底", "高保底"))
    assert low is not None
    assert high is not None
    frozen = thaw(low)
    assert verify(frozen.problem, frozen.context, frozen.asked, frozen.outcome).is_accepted
    assert low.outcome["floors"]["cost_fen"] == draft.welfare_fen - low.welfare_fen > 0
    assert high.outcome["levels"][0]["reasons"] == {"supply": 1}

    stranger = site.sign_in(people.outsider())
    answer = stranger.goto(f"/exchange/clearings/{draft.pk}/compare")
    assert answer is not None
    assert answer.status == 404

    county.click("#compared tr:last-child td:nth-child(3) button")
    county.wait_for_selector("#publication progress")
    actions.carry_out_publication(Publication.objects.get().pk)
    county.wait_for_selector("text=已发出 2 条撮合建议")
    county.click("button:has-text('重算并再检验')")
    county.wait_for_selector("text=已提交重算")
    actions.compute_replay(Replay.objects.get().pk)  # the page asks by itself how far it is
    county.wait_for_selector("text=重算结果逐字节一致")
    low.refresh_from_db()
    assert low.state == "published"
    assert set(Clearing.objects.exclude(pk=low.pk).values_list("state", flat=True)) == {"computed"}
    assert Match.objects.get(clearing=low, offer=dear).reason["floor_fen"] > 0
    published = AuditEntry.objects.filter(action="exchange.publish_clearing", object_kind="clearing")
    assert published.get().actor_id == market.wang.user.pk
    assert AuditEntry.objects.filter(action="exchange.compute_scenario", object_kind="scenario").count() == 2

    county.goto("/exchange/emergencies/new")
    check(county, "emergency-new")
    county.select_option("select[name=category]", "goods.walnut")
    county.fill("input[name=quantity]", "300")
    county.fill("input[name=until]", (clock.today() + timedelta(days=9)).isoformat())
    county.fill("textarea[name=reason]", "客商退单")
    county.click("main .form-end button")
    county.wait_for_selector("text=已申报")
    check(county, "emergency")
    assert Emergency.objects.get().state == "live"
    match = Match.objects.get(clearing=low, offer=dear)
    terms = {"quantity": match.quantity, "price_fen": match.price_fen}
    days = {"delivery_from": match.window_from, "delivery_to": match.window_to}
    row = actions.propose_agreement(
        actor=market.li.actor, match_id=match.pk, version=match.version, side="offer", **terms, **days
    )
    actions.sign_agreement(actor=market.zhao.actor, agreement_id=row.pk, version=row.version)
    county.goto("/exchange/pictures")
    county.wait_for_selector("#exchange-map[data-drawn=yes]")
    check(county, "exchange-pictures")
    county.click("section a[href*='/pictures/villages/']")
    check(county, "village-network")
