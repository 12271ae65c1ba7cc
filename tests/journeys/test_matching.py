"""A cadre posts walnuts, the county clears and publishes, a chamber of the next county agrees; strangers see nothing."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.models import Agreement, Clearing, Match, Posting, Publication, Replay
from yuchang.exchange.tests.world import household, organisation, resource

pytestmark = pytest.mark.journey


def test_from_a_households_walnuts_to_two_signatures(site: Site, transactional_db: None) -> None:
    home, firm = household(), organisation()
    walnuts = resource(home, quantity=300)
    cadre, partner, officer = people.li(), people.zhao(firm.pk), people.wang()

    page = site.sign_in(cadre)
    page.goto(f"/exchange/resources/{walnuts.pk}/post")
    page.fill("input[name=limit]", "20")
    check(page, "post-resource")
    page.click("main .form-end button")
    assert page.wait_for_selector("text=从不告诉他人")
    assert Posting.objects.get(direction="offer").limit_fen == 2000

    buyer = site.sign_in(partner)
    buyer.goto("/exchange/postings/new?q=胡桃")
    check(buyer, "choose-category")
    buyer.click("main table a")
    buyer.check("input[name=direction][value=need]")
    buyer.fill("input[name=quantity]", "200")
    buyer.fill("input[name=limit]", "26")
    buyer.fill("input[name=window_from]", "2026-12-01")
    buyer.fill("input[name=window_to]", "2027-03-31")
    buyer.locator("input[name=window_to]").blur()
    buyer.wait_for_selector("#partners >> text=此时段有 1 条")
    check(buyer, "posting-form")
    buyer.click("main .form-end button")
    buyer.wait_for_selector("text=剩余数量")
    assert Posting.objects.count() == 2

    county = site.sign_in(officer)
    county.goto("/exchange/clearings")
    check(county)
    county.click("main .form-end button")
    county.wait_for_selector("#certificate >> text=已由独立程序检验通过")
    county.click("button:has-text('重算并再检验')")
    county.wait_for_selector("text=已提交重算")
    actions.compute_replay(Replay.objects.get().pk)  # the page asks by itself how far it is
    county.wait_for_selector("text=重算结果逐字节一致")
    check(county, "clearing")
    county.click("button:has-text('发布给双方')")
    county.wait_for_selector("#publication progress")
    check(county, "publishing")
    actions.carry_out_publication(Publication.objects.get().pk)
    county.wait_for_selector("text=只成一部分")
    run = Clearing.objects.get()
    assert (run.state, run.certificate["primal_fen"]) == ("published", run.certificate["dual_fen"])
    county.click("text=只成一部分")
    check(county, "leftovers")

    match = Match.objects.get()
    buyer.goto("/exchange/")
    check(buyer, "match-board")
    assert "李四" not in buyer.inner_text("main")
    buyer.click("button:has-text('愿意')")
    buyer.fill("textarea[name=text]", "能否去壳?")
    buyer.click("button:has-text('发送')")
    buyer.wait_for_selector(".story >> text=能否去壳?")

    page.goto(f"/exchange/matches/{match.pk}")
    page.click("summary:has-text('提出协议')")
    check(page, "talk")
    page.click("button:has-text('签字并提出')")
    page.wait_for_selector("text=待对方签字")
    assert page.locator("button:has-text('同意并签字')").count() == 0
    agreement = Agreement.objects.get()

    stranger = site.sign_in(people.person("外县商", people.Role.PARTNER, organisation_id=firm.pk + 1))
    for path in (f"/exchange/matches/{match.pk}", f"/exchange/agreements/{agreement.pk}"):
        answer = stranger.goto(path)
        assert answer and answer.status == 404

    buyer.goto(f"/exchange/agreements/{agreement.pk}")
    buyer.click("button:has-text('同意并签字')")
    buyer.wait_for_selector("text=已生效")
    check(buyer, "agreement")
    agreement.refresh_from_db()
    assert (agreement.state, agreement.quantity) == ("agreed", 200)
    assert agreement.offer_yes_by_id == cadre.user.pk != agreement.need_yes_by_id
    assert Posting.objects.get(direction="offer").agreed_quantity == 200
    signed = AuditEntry.objects.get(action="exchange.sign_agreement")
    assert signed.actor_id == partner.user.pk
    buyer.goto("/exchange/postings?view=market")
    check(buyer)
    buyer.goto("/exchange/agreements")
    check(buyer)
    page.goto("/exchange/postings")
    check(page, "postings")
    page.goto("/partners/")
    check(page)
