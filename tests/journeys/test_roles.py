"""Each role signs in, finds its home, its lists, its help and the search; on an old browser's style, too."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from config.environment import ROOT
from tests import people
from tests.journeys.helpers import Site, axe, check, fits, settled
from tests.people import Person, person
from yuchang.accounts.actions import give_consent
from yuchang.accounts.models import Assignment, User
from yuchang.accounts.rules import Role
from yuchang.places.models import Place, keys_of
from yuchang.procedures import actions as procedures
from yuchang.procedures.tests.world import at_township, cadre, reviewer
from yuchang.workbench.tests.scene import Scene, build_scene

pytestmark = [pytest.mark.journey, pytest.mark.nightly]
TABLER = ROOT / "node_modules" / "@tabler" / "core" / "dist" / "css" / "tabler.min.css"


# Who, and a word of the own home.
def helper_of(scene: Scene) -> Person:
    """韩帮扶, with two households assigned."""
    work = Assignment.objects.create(
        title="结对帮扶",
        role="helper",
        user=people.person("前任", Role.VILLAGE_CADRE, place=scene.village).user,
        valid_from=people.FROM,
        place=scene.village,
        **keys_of(scene.village),
    )
    for household in (scene.household, scene.households[0]):
        people.opened("assignment", work.pk, household.pk)
    return people.helper(work.pk)


def evaluator_of(scene: Scene) -> Person:
    """杨评估, to whom the township gave a sample of one household."""
    drawing = reviewer()
    at_township(cadre(), subject_kind="registry.household", subject_id=scene.household.pk)
    place = Place.objects.get(pk=scene.village.township_id)
    sample = procedures.draw_sample(drawing.actor, code="household_entry", step="township_check", place=place)
    yang = Person(User.objects.create(username="yang", display_name="杨评估"))
    procedures.give_sample(drawing.actor, sample_id=sample.pk, user_id=yang.user.pk)
    return yang


def banker_of(scene: Scene) -> Person:
    """卫信贷, of an organisation to which one household consented."""
    give_consent(
        actor=people.li(scene.village).actor,
        household_id=scene.household.pk,
        place=scene.village,
        purpose="credit",
        organisation_id=scene.market.buyer.pk,
        fields=["income", "orders"],
        channel="page",
    )
    return people.banker(scene.market.buyer.pk)


HOMES: dict[str, tuple[Callable[[Scene], Person], str]] = {
    "cadre": (lambda s: people.li(s.village), "我村农户"),
    "team": (lambda s: people.team_member(s.village), "我村农户"),
    "reviewer": (lambda s: people.zhang(), "各村对比"),
    "officer": (lambda s: people.wang(), "本月付给农户"),
    "prefecture": (lambda s: people.prefecture(), "各地对比"),
    "province": (lambda s: people.province(), "各地对比"),
    "helper": (helper_of, "我联系的农户按状态"),
    "evaluator": (evaluator_of, "已检查 0 件，共 1 件"),
    "bank": (banker_of, "农户同意给本单位使用的信息"),
    "partner": (lambda s: people.zhao(s.market.buyer.pk), "待收货订单"),
    "auditor": (lambda s: people.auditor(), "更正与冲正"),
    "administrator": (lambda s: people.administrator(), "系统运行"),
    "security": (lambda s: people.security(), "审批账号与岗位"),
    "log_keeper": (lambda s: people.log_keeper(), "日志状态"),
}


def household_of(scene: Scene) -> Person:
    """The people of the household with the long story, on their telephone."""
    found = person("本户", Role.VILLAGE_CADRE, place=scene.village)
    found.user.role_grants.all().delete()
    found.user.role_grants.create(
        role=Role.HOUSEHOLD, scope_kind="household", target_id=scene.household.pk, valid_from=people.FROM
    )
    return found


@pytest.mark.parametrize("role", HOMES)
def test_a_role_finds_its_home_and_its_help(site: Site, role: str) -> None:
    scene = build_scene()
    make, word = HOMES[role]
    page = site.sign_in(make(scene))
    page.goto("/")
    settled(page)
    assert word in page.inner_text("main")
    page.keyboard.press("?")
    page.wait_for_selector("#help .help-body h2")
    axe(page)
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    check(page, f"{role}-home" if "YUCHANG_PICTURES" in os.environ else "")


def test_a_household_reads_its_own_page_on_the_phone_and_appeals(site: Site) -> None:
    scene = build_scene()
    page = site.sign_in(household_of(scene), size=(390, 844))
    page.goto("/")
    text = page.inner_text("main")
    assert "收到的钱" in text and "512" in text
    page.locator(".own-list summary").first.click()
    assert "买方" in page.inner_text("main")
    page.fill("textarea[name=text]", "家里人数记错了，是五口人。")
    page.click("text=申诉")
    assert "已收到" in page.inner_text("main") and "办理中" in page.inner_text("main")
    axe(page)
    fits(page)
    assert page.goto(f"/households/{scene.household.pk}").status == 403


def test_an_officer_walks_a_list_by_keys_keeps_it_and_takes_it_along(site: Site) -> None:
    build_scene(households=6)
    page = site.sign_in(people.wang())
    page.goto("/registry/?state=listed")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator("tr.at").count() == 1
    page.click("summary:has-text('常用筛选')")
    page.fill("input[name=name]", "已纳入的")
    page.click(".drop-form button")
    page.goto("/registry/")
    page.click("summary:has-text('常用筛选')")
    page.click("text=已纳入的")
    assert "state=listed" in page.url
    page.click("summary:has-text('列')")
    page.check("input[name=cols][value=hamlet]")
    page.click(".drop[open] button:has-text('显示')")
    assert "自然村" in page.inner_text("thead")
    with page.expect_download() as taken:
        page.click("text=导出所示")
    assert taken.value.suggested_filename.endswith(".xlsx")
    check(page)


def test_the_search_box_suggests_and_the_wall_needs_no_scrolling(site: Site) -> None:
    scene = build_scene()
    page = site.sign_in(people.wang())
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.insert_text(scene.county.name)
    page.wait_for_selector("#suggestions li a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/(market|places|households)/\d"))
    wall = site.sign_in(people.wang(), size=(1920, 1080))
    wall.goto("/dashboard")
    shown = wall.get_attribute("[data-figure=paid]", "data-value")
    wall.goto("/wall")
    settled(wall)
    assert wall.get_attribute("[data-figure=paid]", "data-value") == shown
    tall = wall.evaluate("[document.documentElement.scrollHeight, window.innerHeight]")
    assert tall[0] <= tall[1]
    axe(wall)


def as_an_old_browser_reads_it(css: str) -> str:
    """Tabler's style without what Chromium 86 drops: whole rules with newer selectors, newer declarations."""
    css = re.sub(r"[^{}]*:(?:has|is|where)\([^{}]*\{[^{}]*\}", "", css)
    return re.sub(r"[\w-]+:[^;{}]*(?:color-mix|oklch)\([^;{}]*(?=[;}])", "", css)


def test_pages_hold_without_what_an_old_browser_does_not_know(site: Site) -> None:
    scene = build_scene()
    page = site.sign_in(people.wang())
    old = as_an_old_browser_reads_it(TABLER.read_text())

    def answer(route: Route) -> None:
        route.fulfill(body=old, content_type="text/css")

    page.route("**/tabler.min*.css", answer)
    for address in ("/", "/dashboard", "/registry/", f"/households/{scene.household.pk}", "/exchange/"):
        page.goto(address)
        settled(page)
        axe(page)
        fits(page)
