"""The two zones as they are installed: two databases, two web servers, bundles carried as files."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from config.environment import ROOT, database_url
from tests import people
from tests.zones.pair import Pair
from yuchang.portal.actions import publish_county_figures, publish_notices
from yuchang.portal.models import Bundle, PublishedNotice
from yuchang.portal.tests.test_public_zone import many_growers, open_notice
from yuchang.registry.models import Objection

pytestmark = pytest.mark.slow

SERVER = """
import sys
from wsgiref.simple_server import WSGIServer, make_server
from socketserver import ThreadingMixIn
class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True
from config.wsgi import application
make_server("127.0.0.1", int(sys.argv[1]), application, server_class=Threaded).serve_forever()
"""


@contextmanager
def served(pair: Pair, zone: str) -> Iterator[str]:
    """A web server of one zone under its own database role."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    role = "portal" if zone == "public" else "app"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)],
        cwd=ROOT,
        env=pair.environment(zone, role),
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _attempt in range(300):
            try:
                if requests.get(f"{url}/readyz", timeout=60).ok:
                    break
            except requests.RequestException:
                time.sleep(0.2)
        else:
            pytest.fail(f"the {zone} zone did not start")
        yield url
    finally:
        process.terminate()
        process.wait()


def zone(pair: Pair, side: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``manage.py zone …`` on one side."""
    return subprocess.run(
        [sys.executable, "manage.py", "zone", *arguments, "--skip-checks"],  # `make check` asks them
        cwd=ROOT,
        env=pair.environment(side, "app"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Browser(requests.Session):
    """Posts forms as a browser does: it first reads the page for the token."""

    def submit(self, page: str, to: str = "", files: Any = None, **fields: str) -> requests.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)
        assert found, page
        return self.post(to or page, data={"csrfmiddlewaretoken": found[1]} | fields, files=files)


def signed_in(person: people.Person) -> Browser:
    """A signed-in browser before the inside zone's process."""
    browser = Browser()
    for cookie in person.client().cookies.values():
        browser.cookies.set(cookie.key, cookie.value)
    return browser


def test_from_a_publication_to_the_outcome_of_an_objection(pair: Pair, tmp_path: Path) -> None:
    market, entry = many_growers(), open_notice()
    wang, county = people.wang(), people.county()
    publish_notices(actor=wang.actor, county_id=county.pk)
    figures = publish_county_figures(
        actor=wang.actor, county_id=county.pk, from_on=market.round.sales_from.date()
    )
    with ExitStack() as running:
        inside = running.enter_context(served(pair, "inside"))
        public = running.enter_context(served(pair, "public"))
        carrier = signed_in(people.administrator())
        officer = signed_in(wang)
        # Out: made on the page inside, downloaded, applied outside by the command.
        assert carrier.submit(f"{inside}/publication/bundles", f"{inside}/publication/bundles/new").ok
        stick = tmp_path / "yuchang-publications-000001.zip"
        file = carrier.get(f"{inside}/publication/bundles/1")
        assert file.headers["Content-Type"] == "application/zip", (file.status_code, file.url)
        stick.write_bytes(file.content)
        assert requests.get(f"{public}/notices/{entry.notice.public_code}", timeout=20).status_code == 404
        done = zone(pair, "public", "import", str(stick))
        assert done.returncode == 0 and "签名与指纹相符" in done.stdout, done.stderr
        again = zone(pair, "public", "import", str(stick))
        assert again.returncode == 0 and "没有变化" in again.stdout
        # A stranger reads and objects.
        stranger = Browser()
        page = stranger.get(f"{public}/notices/{entry.notice.public_code}").text
        assert "欧阳某某" in page and "欧阳测试" not in page
        assert f'data-value="{figures.paid_fen}"' in stranger.get(f"{public}/counties/{county.code}").text
        answer = stranger.submit(
            f"{public}/objections/{entry.public_code}", text="这户在县城有两套房,不困难。"
        )
        receipt = answer.url.rsplit("/", 1)[1]
        assert receipt in answer.text
        # In: exported outside, uploaded on the page inside, twice; decided there.
        assert zone(pair, "public", "export", str(tmp_path)).returncode == 0
        carried = tmp_path / "yuchang-intake-000001.zip"
        for _i in range(2):
            carrier.submit(
                f"{inside}/publication/bundles",
                f"{inside}/publication/bundles/received",
                files={"file": (carried.name, carried.read_bytes())},
            )
        officer.submit(f"{inside}/publication/", f"{inside}/publication/objections")
        objection = Objection.objects.get()
        second = signed_in(people.wang())
        decided = second.submit(
            f"{inside}/registry/objections/{objection.pk}",
            f"{inside}/registry/objections/{objection.pk}/decide",
            version="1",
            upheld="1",
            reason="经入户核查属实。",
        )
        assert decided.ok, decided.text[:300]
        objection.refresh_from_db()
        assert objection.state == "upheld"
        officer.submit(f"{inside}/publication/", f"{inside}/publication/objections")
        # Out again.
        assert zone(pair, "inside", "export", str(tmp_path)).returncode == 0
        assert zone(pair, "public", "carry", str(tmp_path)).returncode == 0
        assert 'data-state="upheld"' in stranger.get(f"{public}/receipts/{receipt}").text


@pytest.mark.nightly
def test_killed_while_applying_and_run_again(pair: Pair, tmp_path: Path) -> None:
    open_notice()
    publish_notices(actor=people.wang().actor, county_id=people.county().pk)
    assert zone(pair, "inside", "export", str(tmp_path)).returncode == 0
    file = tmp_path / "yuchang-publications-000001.zip"
    outside = psycopg.connect(database_url("admin"), dbname=pair.outside_name)
    with outside:
        # Somebody holds the last table: the process stands in the middle of its transaction.
        outside.execute("LOCK TABLE portal_publishedreceipt IN EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "zone", "import", str(file)],
            cwd=ROOT,
            env=pair.environment("public", "app"),
            stdout=subprocess.DEVNULL,
        )
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = %s)"
        with psycopg.connect(database_url("admin"), autocommit=True) as watch:
            for _attempt in range(300):
                if watch.execute(waiting, [pair.outside_name]).fetchone():
                    break
                time.sleep(0.1)
            else:
                pytest.fail("the import never reached the locked table")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pair.outside():
        assert not PublishedNotice.objects.exists() and not Bundle.objects.exists()
    assert zone(pair, "public", "import", str(file)).returncode == 0
    with pair.outside():
        assert PublishedNotice.objects.count() == 1 and Bundle.objects.count() == 1


def test_the_command_says_what_is_wrong_to_a_person(pair: Pair, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"nothing")
    refused = zone(pair, "public", "import", str(bad))
    assert refused.returncode != 0
    assert "不是渔场的数据包" in refused.stderr and "重新拷贝" in refused.stderr
    assert "Traceback" not in refused.stderr
