"""A firm registers, is vetted, promises, reports; a cadre posts the village; the firm finds it and proposes; they
talk, agree, deliver. One way without a break."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.exchange.models import Agreement, Match, Posting
from yuchang.exchange.tests.world import household, resource
from yuchang.partners.models import Commitment, Organisation, Progress

pytestmark = pytest.mark.journey


def test_from_registration_to_a_fulfilled_agreement(site: Site, transactional_db: None) -> None:
    homes = [household(name=name) for name in ("李四", "王五")]
    for number, home in enumerate(homes):
        resource(home, quantity=200 + 100 * number)
    wang, cadre = people.wang(), people.li()
    second = people.person("第二专员", people.Role.COUNTY_OFFICER, place=people.county())

    visitor = site.new_page()
    visitor.goto("/partners/register")
    check(visitor, "partner-register")
    visitor.fill("input[name=name]", "沪上陇商采购公司（模拟）")
    visitor.select_option("select[name=kind]", "hometown_chamber")
    for name, value in (("place_code", "620522"), ("host_code", "621221"), ("contact_name", "周联络")):
        visitor.fill(f"input[name={name}]", value)
    visitor.fill("input[name=phone]", "021-55550000")
    visitor.click("main .form-end button")
    visitor.wait_for_selector("text=已送达")
    firm = Organisation.objects.get()
    assert (firm.state, firm.origin) == ("proposed", "public")

    officer = site.sign_in(wang)
    officer.goto(f"/partners/{firm.pk}")
    officer.click("summary:has-text('审核资料')")
    officer.fill("details[open] input[name=note]", "证照齐全")
    officer.click("details[open] button[type=submit]")
    officer.wait_for_selector("text=等待另一位专员核验")
    other = site.sign_in(second)
    other.goto(f"/partners/{firm.pk}")
    other.click("summary:has-text('核验机构')")
    other.click("details[open] button[type=submit]")
    other.wait_for_selector("text=已核验")
    check(other, "partner-profile")

    buyer_person = people.zhao(firm.pk)
    buyer = site.sign_in(buyer_person)
    buyer.goto("/partners/commitments/new")
    buyer.fill("input[name=place_code]", "621221")
    buyer.select_option("select[name=kind]", "purchase")
    buyer.fill("input[name=title]", "采购核桃五万元")
    buyer.fill("input[name=due_1]", (clock.today() + timedelta(days=60)).isoformat())
    buyer.fill("input[name=measure_1]", "采购额")
    buyer.fill("input[name=amount_1]", "50000")
    check(buyer, "commitment-new")
    buyer.click("main .form-end button")
    buyer.wait_for_selector("text=等待受助地接受")
    promise = Commitment.objects.get()

    officer.goto(f"/partners/commitments/{promise.pk}")
    officer.click("button:has-text('接受承诺')")
    officer.wait_for_selector("text=已接受承诺")
    buyer.goto(f"/partners/commitments/{promise.pk}")
    buyer.click("summary:has-text('报告进展')")
    buyer.fill("input[name=amount]", "50000")
    buyer.fill("input[name=happened_on]", clock.today().isoformat())
    buyer.fill("input[name=reference]", "发票 0123（模拟）")
    buyer.click("details[open] .form-end button")
    buyer.wait_for_selector("text=等待受助地确认")
    officer.reload()
    check(officer, "commitment")
    officer.click("[data-progress] button:has-text('确认') >> nth=0")
    officer.wait_for_selector("text=已兑现")
    assert Progress.objects.get().state == "confirmed"

    village = site.sign_in(cadre)
    village.goto("/exchange/drafts")
    village.click("button:has-text('一键起草 2 条')")
    village.wait_for_selector("text=待核对的草稿")
    check(village, "drafts")
    for row in Posting.objects.all():
        village.check(f"input[name=d{row.pk}-is_chosen]")
        village.fill(f"input[name=d{row.pk}-limit]", "18")
    village.click("button:has-text('发布勾选的')")
    village.wait_for_selector("text=已发布 2 条")
    assert set(Posting.objects.values_list("state", "limit_fen")) == {("open", 1800)}

    buyer.goto("/exchange/search?q=胡桃&direction=offer")
    check(buyer, "search-hits")
    buyer.click("tr[data-posting] a:has-text('提出洽谈') >> nth=0")
    buyer.wait_for_selector("text=请先发布与之相对的供需信息")
    buyer.fill("input[name=quantity]", "100")
    buyer.fill("input[name=limit]", "24")
    buyer.fill("input[name=window_from]", "2026-12-01")
    buyer.fill("input[name=window_to]", "2027-02-01")
    buyer.click("main .form-end button")
    buyer.fill("input[name=price]", "20")
    check(buyer, "propose")
    buyer.click("main .form-end button")
    buyer.wait_for_selector("text=由您直接提出")
    match = Match.objects.get()
    assert (match.price_fen, match.quantity, match.need_answer) == (2000, 100, "accepted")

    village.goto("/exchange/")
    village.wait_for_selector("text=由对方直接提出")
    village.click("button:has-text('愿意')")
    village.wait_for_selector("text=已表示愿意")
    match.refresh_from_db()
    assert match.state == "talking"

    village.fill("textarea[name=text]", "下周可以发货")
    village.click("button:has-text('发送')")
    village.wait_for_selector(".story >> text=下周可以发货")
    buyer.goto(f"/exchange/matches/{match.pk}")
    buyer.wait_for_selector(".story >> text=下周可以发货")
    buyer.click("summary:has-text('提出协议')")
    buyer.click("button:has-text('签字并提出')")
    buyer.wait_for_selector("text=待对方签字")
    agreement = Agreement.objects.get()
    village.goto(f"/exchange/agreements/{agreement.pk}")
    village.click("button:has-text('同意并签字')")
    village.wait_for_selector("text=双方已签字")
    village.click("summary:has-text('登记交付')")
    village.click("#deliveries .form-end button")
    village.wait_for_selector("#deliveries >> text=待确认")
    buyer.goto(f"/exchange/agreements/{agreement.pk}")
    buyer.click("#deliveries .form-end button")
    buyer.wait_for_selector("#deliveries >> text=已确认 100 / 100")
    check(buyer, "deal-fulfilled")
    agreement.refresh_from_db()
    assert (agreement.state, agreement.fulfilled) == ("fulfilled", 100)

    stranger = site.sign_in(people.outsider())
    for path in (f"/partners/commitments/{promise.pk}", f"/exchange/matches/{match.pk}"):
        answer = stranger.goto(path)
        assert answer and answer.status == 404
    done = set(AuditEntry.objects.values_list("action", flat=True))
    wanted = {"partners.register", "partners.check_organisation", "partners.vet_organisation"}
    wanted |= {"partners.commit", "partners.report_progress", "partners.confirm_progress"}
    wanted |= {"exchange.publish_drafts", "exchange.propose_partner", "exchange.answer_match"}
    wanted |= {"exchange.say", "exchange.propose_agreement", "exchange.sign_agreement"}
    wanted |= {"exchange.record_delivery", "exchange.judge_delivery"}
    assert wanted <= done
    assert Posting.objects.filter(window_from__gte=date(2026, 11, 1)).count() == 3
