"""In the field without a network: the page opens, what was filled in stays encrypted, and arrives once."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests import people, things
from tests.journeys.helpers import PHONE, PICTURES, Site, axe, fits
from yuchang.core import clock
from yuchang.field.models import Device, Photo, Report
from yuchang.files.tests.hostile import photo_with_gps
from yuchang.monitoring.actions import record_visit
from yuchang.monitoring.models import Alert, Assessment, Visit
from yuchang.places.models import keys_of
from yuchang.registry.models import Household, HouseholdFacts

PIN = "739164"
# What lies in the browser's own store, as text: everything that a finder of the telephone could read.
STORED = """async () => {
  const db = await new Promise((done) => { const asked = indexedDB.open("yuchang-field"); asked.onsuccess = () => done(asked.result); });
  const rows = [];
  for (const name of db.objectStoreNames) {
    rows.push(...await new Promise((done) => { const asked = db.transaction(name).objectStore(name).getAll(); asked.onsuccess = () => done(asked.result); }));
  }
  const text = (value) => (value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value));
  return rows.map((row) => Object.values(row).map(text).join(" ")).join("\\n");
}"""


@pytest.fixture
def alert(db):
    village, today = people.villages()[0], clock.today()
    home = things.household(village, name="李阿福")
    things.facts(home, per_head_yuan=5_000)
    for turn in range(3):
        things.household(village, name=f"邻居{turn}")
    assessment = Assessment.objects.create(
        on=today, line_fen=870_000, line_source="测试", households=4, opened=1, created_at=clock.now(),
        place=village, **keys_of(village),
    )  # fmt: skip
    return Alert.objects.create(
        household=home, assessment=assessment, kind="below_line", observed_fen=500_000, limit_fen=870_000,
        opened_on=today - timedelta(days=5), due_on=today + timedelta(days=9), place=village,
        **keys_of(village),
    )  # fmt: skip


def picture(page: Page, name: str) -> None:
    """As the telephone shows it, where pictures are wanted."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def ready(page: Page) -> None:
    """A telephone with its PIN and the village's households, whose page is kept for the road."""
    page.goto("/field/")
    page.fill("#new-pin", PIN)
    page.fill("#new-pin-again", PIN)
    page.click("[data-form=ready] button[type=submit]")
    page.wait_for_selector("[data-screen=home]:not([hidden])")
    page.click("[data-form=take] button[type=submit]")
    page.wait_for_selector("[data-part=alerts] li")
    for _attempt in range(100):
        if page.evaluate("navigator.serviceWorker.controller !== null"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page is not kept for the road")


def unlock(page: Page, pin: str = PIN) -> None:
    page.fill("#pin", pin)
    page.click("[data-form=unlock] button[type=submit]")


def fill_visit(page: Page, finding: str) -> None:
    page.click("[data-part=alerts] li button")
    page.fill("[data-form=visit] [name=finding]", finding)
    page.check("[data-form=visit] [name=outcome][value=escalate]")


def finish(page: Page, form: str) -> None:
    page.click(f"[data-form={form}] button[type=submit]")
    page.wait_for_selector("[data-screen=home]:not([hidden])")


def test_a_visit_filled_without_a_network_survives_closing_and_arrives_once(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    axe(page)
    fits(page)
    picture(page, "field-home")
    page.context.set_offline(True)
    page.reload()
    unlock(page)
    page.wait_for_selector("[data-part=alerts] li")
    assert "现在没有网络" in page.inner_text("#line")
    fill_visit(page, "入户看了，口粮充足，收入确实下降。")
    page.set_input_files(
        "#photos", {"name": "灶房.jpg", "mimeType": "image/jpeg", "buffer": photo_with_gps()}
    )
    page.wait_for_selector("[data-part=photos] img")
    picture(page, "field-visit")
    page.set_input_files("#photos", {"name": "坏的.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    page.wait_for_selector("text=不是手机能打开的照片")
    axe(page)
    fits(page)
    finish(page, "visit")
    assert "等着送回" in page.inner_text("[data-part=outbox-list]")
    context = page.context
    page.close()
    page = context.new_page()
    page.goto("/field/")
    unlock(page)
    page.wait_for_selector("[data-part=outbox-list] li")
    assert not Visit.objects.exists()
    context.set_offline(False)
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    visit = Visit.objects.get()
    assert (visit.finding, visit.outcome) == ("入户看了，口粮充足，收入确实下降。", "escalate")
    for _attempt in range(100):
        if Photo.objects.exists():
            break
        page.wait_for_timeout(50)
    kept = Photo.objects.get().file
    assert (kept.purpose, kept.about_id, kept.state) == ("visit_photo", alert.household_id, "ready")
    assert Report.objects.get().state == "written"
    page.click("[data-part=outbox-list] button")
    page.wait_for_selector("img[alt=走访照片]")
    axe(page)


def test_an_answer_that_is_lost_on_the_way_writes_nothing_twice(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    arrived: list[str] = []

    def arrive_without_answer(route: Route) -> None:
        arrived.append(route.fetch().text())
        route.abort()

    page.context.route("**/field/send", arrive_without_answer, times=1)
    fill_visit(page, "到户核对。")
    finish(page, "visit")
    for _attempt in range(100):
        if arrived:
            break
        page.wait_for_timeout(50)
    assert json.loads(arrived[0])["state"] == "written" and Visit.objects.count() == 1
    page.click("[data-part=outbox-list] button")
    assert "还没收到答复" in page.inner_text("#trouble")
    page.click("[data-do=send]")
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    assert Visit.objects.count() == 1 and Report.objects.count() == 1


def test_nothing_readable_lies_in_the_telephone_and_five_wrong_pins_clear_what_was_taken(
    site: Site, alert: Alert
) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.context.set_offline(True)
    fill_visit(page, "只有本人能读的话")
    finish(page, "visit")
    stored = page.evaluate(STORED)
    assert len(stored) > 1000
    for secret in ("李阿福", "邻居", "只有本人能读的话", "finding", PIN):
        assert secret not in stored
    page.click("[data-do=lock]")
    assert "李阿福" not in page.content()
    for left in (4, 3, 2, 1):
        unlock(page, "000111")
        page.wait_for_selector(f"text=还可以试 {left} 次")
    axe(page)
    unlock(page, "000111")
    page.wait_for_selector("text=口令用不了了")
    page.reload()
    page.wait_for_selector("[data-screen=ready]:not([hidden])")
    page.context.set_offline(False)
    page.fill("#new-pin", "482915")
    page.fill("#new-pin-again", "482915")
    page.click("[data-form=ready] button[type=submit]")
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    assert Visit.objects.get().finding == "只有本人能读的话"
    assert Device.objects.count() == 1


def test_a_household_is_entered_in_the_field_and_what_is_missing_is_said_at_once(
    site: Site, alert: Alert
) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.context.set_offline(True)
    page.click("[data-do=entry]")
    page.click("[data-form=entry] button[type=submit]")
    assert page.locator("[data-form=entry] .field-error").count() >= 3
    axe(page)
    fits(page)
    page.select_option("[data-form=entry] [name=attribute]", "ordinary")
    page.select_option("[data-form=entry] [name=main_cause]", "illness")
    page.fill("[name=m-0-name]", "王小山")
    for name in ("王二山", "王三山"):
        page.click("[data-do=member]")
        number = page.locator("[data-member]").count() - 1
        page.fill(f"[name=m-{number}-name]", name)
        page.select_option(f"[name=m-{number}-relation]", index=2)
    page.locator("[data-do=unmember]").nth(1).click()
    assert page.input_value("[name=m-1-name]") == "王三山"
    picture(page, "field-entry")
    finish(page, "entry")
    page.context.set_offline(False)
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    home = Household.objects.get(head_name="王小山")
    assert home.size == 2 and home.verified_by_id is None


def test_a_refusal_comes_back_to_its_field_and_what_contradicts_is_settled_on_a_page(
    site: Site, alert: Alert
) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.context.set_offline(True)
    fill_visit(page, "离线时写的。")
    page.fill("[data-form=visit] [name=visited_on]", str(clock.today() + timedelta(days=3)))
    finish(page, "visit")
    page.context.set_offline(False)
    page.wait_for_selector("[data-part=outbox-list] >> text=没通过")
    page.click("[data-part=outbox-list] button")
    assert "走访日期应在" in page.inner_text("[data-form=visit] .field-error")
    record_visit(
        actor=people.zhang().actor, alert_id=alert.pk, version=1, visited_on=clock.today(), outcome="continue",
        finding="乡镇先来过。",
    )  # fmt: skip
    page.fill("[data-form=visit] [name=visited_on]", str(clock.today()))
    finish(page, "visit")
    page.wait_for_selector("[data-part=outbox-list] >> text=有冲突")
    page.click("[data-part=outbox-list] button")
    page.wait_for_url("**/field/reports/*")
    axe(page)
    fits(page)
    picture(page, "field-conflict")
    page.click("main .yc-form button.btn-primary")
    page.wait_for_selector("text=处理后写入")
    assert set(Visit.objects.values_list("finding", flat=True)) == {"乡镇先来过。", "离线时写的。"}
    assert Alert.objects.get(pk=alert.pk).state == "escalated"


def test_facts_are_updated_from_the_road_and_another_person_cannot_send_them(
    site: Site, alert: Alert
) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.fill("#seek", "阿福")
    page.context.set_offline(True)
    page.click("[data-part=households] li button")
    assert "5,000" in page.inner_text("[data-part=about]")
    page.select_option("[data-form=facts] [name=safe_water]", "0")
    page.select_option("[data-form=facts] [name=source]", "visit")
    finish(page, "facts")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.context.set_offline(False)
    expect(page.locator("#line")).to_contain_text("登录已过期")
    other = site.sign_in(people.team_member(), size=PHONE)
    page.context.add_cookies(other.context.cookies())
    page.click("[data-do=send]")
    page.wait_for_selector("text=只能由那个人送回")
    assert not Report.objects.exists()
    page.context.clear_cookies()
    page.context.add_cookies(cookies)
    page.click("[data-do=send]")
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    newest = HouseholdFacts.objects.filter(household=alert.household).order_by("-observed_on", "-id")[0]
    assert newest.safe_water is False and newest.observed_on <= date.today() + timedelta(days=1)


def test_a_telephone_whose_clock_is_years_off_keeps_what_it_took_and_dates_visits_by_the_server(
    site: Site, alert: Alert
) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    page.clock.install(time="2031-05-01T08:00:00+08:00")
    ready(page)
    page.context.set_offline(True)
    page.reload()
    unlock(page)
    page.click("[data-part=alerts] li button")
    assert page.input_value("[data-form=visit] [name=visited_on]") == str(clock.today())
    page.click("[data-do=home] >> visible=true")
    page.clock.set_system_time("2031-05-05T08:00:00+08:00")
    page.reload()
    unlock(page)
    page.wait_for_selector("text=过了期限")
    assert page.locator("[data-part=alerts] li").count() == 0


def test_what_other_machines_say_on_the_way_is_no_answer(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    hotel = {"status": 200, "content_type": "text/html", "body": "<p>请先登录本店无线网络</p>"}
    page.context.route("**/field/standing*", lambda route: route.fulfill(**hotel))
    page.context.route("**/field/send", lambda route: route.fulfill(**hotel))
    fill_visit(page, "到户核对。")
    finish(page, "visit")
    page.wait_for_selector("#line >> text=现在没有网络")
    assert "等着送回" in page.inner_text("[data-part=outbox-list]")
    page.context.unroute("**/field/standing*")
    page.click("[data-do=send]")
    page.wait_for_timeout(500)
    assert "等着送回" in page.inner_text("[data-part=outbox-list]")
    page.context.unroute("**/field/send")
    page.click("[data-do=send]")
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    assert Visit.objects.count() == 1


def test_a_second_visit_does_not_contradict_ones_own_first(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    for turn in (1, 2):
        page.click("[data-part=alerts] li button")
        page.fill("[data-form=visit] [name=finding]", f"第 {turn} 次到户。")
        page.check("[data-form=visit] [name=outcome][value=continue]")
        finish(page, "visit")
        expect(page.locator("[data-part=outbox-list] .phone-good")).to_have_count(turn)
        page.wait_for_timeout(300)
        page.wait_for_load_state("networkidle")
    assert Visit.objects.count() == 2 and set(Report.objects.values_list("state", flat=True)) == {"written"}


def test_the_way_back_leads_to_the_list_and_the_last_words_typed_are_kept(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.context.set_offline(True)
    for _turn in range(2):
        page.click("[data-part=alerts] li button")
        page.go_back()
        page.wait_for_selector("[data-screen=home]:not([hidden])")
    fill_visit(page, "写到一半")
    page.go_back()
    page.wait_for_selector("[data-part=outbox-list] >> text=没填完")
    page.click("[data-part=outbox-list] button")
    assert page.input_value("[data-form=visit] [name=finding]") == "写到一半"
    page.fill("[data-form=visit] [name=finding]", "写到一半就锁上")
    page.click("[data-do=lock]")
    unlock(page)
    page.click("[data-part=outbox-list] button")
    assert page.input_value("[data-form=visit] [name=finding]") == "写到一半就锁上"
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("[data-form=visit] [data-do=discard]")
    page.wait_for_selector("[data-part=outbox][hidden]", state="attached")


def test_a_server_set_back_to_an_earlier_day_still_gets_what_was_filled_in(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.context.set_offline(True)
    fill_visit(page, "设备登记丢失之前填的。")
    finish(page, "visit")
    Device.objects.all().delete()
    page.click("[data-do=lock]")
    unlock(page)
    page.wait_for_selector("[data-part=outbox-list] li")
    page.context.set_offline(False)
    page.wait_for_selector("[data-part=outbox-list] >> text=已写入")
    assert Device.objects.count() == 1 and Visit.objects.count() == 1
    page.click("[data-do=lock]")
    unlock(page)
    page.wait_for_selector("[data-part=outbox-list] li")


def test_a_closed_telephone_forgets_everything(site: Site, alert: Alert) -> None:
    page = site.sign_in(people.li(), size=PHONE)
    ready(page)
    page.goto("/field/devices")
    axe(page)
    fits(page)
    page.click("details.confirm summary")
    page.click("details.confirm button")
    page.wait_for_selector("text=已停用")
    page.goto("/field/")
    page.wait_for_selector("text=已停用")
    page.wait_for_selector("[data-screen=ready]:not([hidden])")
    assert page.evaluate(STORED) == ""
