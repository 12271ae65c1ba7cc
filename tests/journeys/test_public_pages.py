"""The public zone in a browser: a stranger reads, objects, gets a receipt; an officer publishes and collects."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.db import connection

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.portal.models import ObjectionIntake, PublishedCounty
from yuchang.portal.tests.test_public_zone import many_growers, open_notice
from yuchang.portal.tests.test_trades import deals_of
from yuchang.registry.models import Objection

pytestmark = pytest.mark.journey

SERVER = """
import os, sys
from wsgiref.simple_server import WSGIServer, make_server
from socketserver import ThreadingMixIn
class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True
from config.wsgi import application
make_server("127.0.0.1", int(sys.argv[1]), application, server_class=Threaded).serve_forever()
"""


@pytest.fixture
def public_site(site: Site, transactional_db: None) -> Iterator[str]:
    """The public zone as a process of its own, under its own database role."""
    settings: dict[str, Any] = connection.settings_dict
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The tests' server trusts its administrator; the role is taken at connecting.
    address = (
        f"postgresql://{settings['USER']}:{quote(settings['PASSWORD'])}@/{settings['NAME']}"
        f"?host={quote(settings['HOST'], safe='')}&port={settings['PORT']}"
    )
    environment = os.environ | {
        "YUCHANG_ZONE": "public",
        "YUCHANG_DEBUG": "1",
        "DATABASE_PORTAL_URL": address,
        "PGOPTIONS": "-c role=yuchang_portal",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    for _attempt in range(150):
        try:
            if urlopen(f"{url}/readyz", timeout=5).status == 200:
                break
        except OSError:
            time.sleep(0.2)
    else:
        process.kill()
        pytest.fail("the public zone did not start")
    yield url
    process.terminate()
    process.wait()


def test_a_stranger_reads_and_objects_and_an_officer_collects(site: Site, public_site: str) -> None:
    market = many_growers()
    entry = open_notice()
    deals_of(12, on=clock.today() - timedelta(days=1))
    officer = site.sign_in(people.wang())
    officer.goto("/publication/")
    officer.click("button:has-text('发布汇总数')")
    officer.wait_for_selector(".message-success")
    officer.click("button:has-text('更新公示')")
    officer.wait_for_selector(".message-success")
    officer.click("button:has-text('发布供需去向')")
    officer.wait_for_selector(".message-success")
    check(officer, "publication")
    figures = PublishedCounty.objects.get(county_id=people.county().pk)
    assert figures.paid_fen == 24 * 5 * market.offer.grower_fen

    stranger = site.public_page(public_site)
    stranger.goto(public_site)
    check(stranger, "public-front")
    stranger.click("text=谁把什么给谁")
    assert stranger.get_attribute("[data-figure=deals]", "data-value") == "12"
    check(stranger, "public-trades")
    stranger.goto(public_site)
    stranger.click("text=成县")
    assert stranger.get_attribute("[data-figure=paid]", "data-value") == str(figures.paid_fen)
    check(stranger, "public-county")
    stranger.click(f"text={people.villages()[0].name}")
    assert "欧阳某某" in stranger.inner_text("table") and "欧阳测试" not in stranger.content()
    check(stranger, "public-notice")
    stranger.click("text=提出异议")
    stranger.fill("textarea", "不对")
    stranger.click("text=提交异议")
    assert stranger.locator(".field-error").count() == 1
    stranger.fill("textarea", "这户在县城有两套房，不困难。")
    stranger.click("text=提交异议")
    receipt = stranger.inner_text("[data-receipt]")
    check(stranger, "public-receipt")
    assert ObjectionIntake.objects.get().receipt == receipt

    officer.goto("/publication/")
    officer.click("button:has-text('现在收取')")
    officer.wait_for_selector(".message-success")
    assert Objection.objects.get().entry_id == entry.pk
    assert AuditEntry.objects.filter(action="portal.collect_objections").exists()
    for inside in ("/dashboard", "/households/1", "/accounts/sign-in", "/audit"):
        assert stranger.goto(f"{public_site}{inside}").status == 404
