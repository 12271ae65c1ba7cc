"""Signing in, being locked out, changing the language and a one-time password, in a browser."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import PASSWORD, Site, check, sign_in
from yuchang.accounts.actions import create_user
from yuchang.core.models import AuditEntry

pytestmark = pytest.mark.journey


def test_an_officer_signs_in_and_out(site: Site) -> None:
    wang = people.wang()
    page = site.sign_in(wang)
    assert "王专员" in page.inner_text(".who-name") and "成县" in page.inner_text(".brand")
    check(page, "home-officer")
    page.click("text=退出")
    page.wait_for_selector("input[name=password]")
    page.goto("/dashboard")
    assert "/accounts/sign-in" in page.url


def test_five_wrong_passwords_lock_the_account_and_nobody_else(site: Site) -> None:
    wang, zhang = people.wang(), people.zhang()
    page = site.sign_in(wang)
    page = site.new_page()
    for _attempt in range(5):
        page.goto("/accounts/sign-in")
        page.fill("input[name=username]", wang.user.username)
        page.fill("input[name=password]", "wrong")
        page.click("main button[type=submit]")
    assert "账号已锁定" in page.inner_text("h1")
    check(page, "locked-out")
    page.goto("/accounts/sign-in")
    page.fill("input[name=username]", wang.user.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    assert "账号已锁定" in page.inner_text("h1")
    sign_in(site.new_page(), zhang)


def test_the_language_changes_and_stays(site: Site) -> None:
    page = site.sign_in(people.wang())
    page.click("button:has-text('English')")
    assert page.inner_text("h1") == "Waiting for you"
    page.goto("/dashboard")
    assert page.get_attribute("html", "lang") == "en"
    page.click("button:has-text('中文')")
    assert page.get_attribute("html", "lang").startswith("zh")


def test_a_one_time_password_must_be_changed_first(site: Site) -> None:
    user, password = create_user(actor=people.administrator().actor, username="new", display_name="新同事")
    page = site.new_page()
    page.goto("/accounts/sign-in")
    page.fill("input[name=username]", "new")
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.goto("/search?q=x")
    assert page.inner_text("h1") == "更换密码"
    check(page)
    page.fill("input[name=old]", password)
    page.fill("input[name=new]", "short")
    page.fill("input[name=again]", "short")
    page.click("main button[type=submit]")
    assert page.locator(".field-error").count() >= 1
    for name, value in (("old", password), ("new", PASSWORD), ("again", PASSWORD)):
        page.fill(f"input[name={name}]", value)
    page.click("main button[type=submit]")
    page.wait_for_selector("text=您还没有岗位")
    user.refresh_from_db()
    assert not user.password_is_temporary and user.check_password(PASSWORD)
    assert AuditEntry.objects.filter(action="accounts.change_own_password", actor_id=user.pk).exists()
