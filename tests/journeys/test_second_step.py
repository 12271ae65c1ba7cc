"""Passkeys and authenticator codes in a real browser, with the browser's own virtual authenticator."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from tests import people
from tests.journeys.helpers import PASSWORD, Site, check
from yuchang.accounts.factors import code_at
from yuchang.accounts.models import Passkey
from yuchang.core.models import AuditEntry

pytestmark = [pytest.mark.journey, pytest.mark.nightly]


def virtual_device(page: Page) -> None:
    """A security key that the browser itself plays."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def first_step(page: Page, username: str) -> None:
    page.goto("/accounts/sign-in")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/accounts/second-step")


def test_a_passkey_is_added_and_then_asked_for(site: Site) -> None:
    wang = people.wang()
    page = site.sign_in(wang)
    virtual_device(page)
    page.goto("/accounts/me")
    check(page, "own-account")
    page.fill("[data-passkey=new] input[name=name]", "办公室电脑")
    page.click("text=添加通行密钥")
    page.wait_for_selector("[data-recovery]")
    assert page.locator("[data-recovery]").count() == 10
    check(page, "recovery-codes-of-a-passkey")
    page.click("text=已收好")
    page.wait_for_selector("text=通行密钥已添加")
    assert Passkey.objects.get(user=wang.user).name == "办公室电脑"
    page.click("text=退出")
    first_step(page, wang.user.username)
    check(page, "second-step")
    page.goto("/dashboard")
    assert "/accounts/sign-in" in page.url  # the password alone opens nothing
    first_step(page, wang.user.username)
    page.click("text=使用通行密钥")
    page.wait_for_selector(".who-name")
    assert AuditEntry.objects.filter(action="accounts.sign_in", body__contains="passkey").exists()
    page.goto("/accounts/me")
    page.click("form[action$='/remove'] button")
    page.wait_for_selector("text=通行密钥已移除")
    assert not Passkey.objects.filter(user=wang.user).exists()


def test_an_authenticator_is_enrolled_by_its_picture(site: Site) -> None:
    wang = people.wang()
    page = site.sign_in(wang)
    page.goto("/accounts/me/authenticator")
    page.click("text=开始绑定")
    secret = page.inner_text("[data-secret]")
    check(page, "authenticator")
    page.fill("input[name=code]", code_at(secret, time.time() - 30))
    page.click("main button[type=submit]")
    page.wait_for_selector("[data-recovery]")
    assert page.locator("[data-recovery]").count() == 10
    page.click("text=退出")
    first_step(page, wang.user.username)
    page.fill("input[name=code]", code_at(secret, time.time()))
    page.click("main button[type=submit]")
    page.wait_for_selector(".who-name")
