"""Take the pictures of the howtos from a running demo county: ``python tools/screens.py [address]``.

Each picture is of a page as one role of the demo sees it (``docs/screens/<name>.png``, at most 120 kB);
names after the address choose some.
Needs Chromium, the database of the running platform (the usual ``DATABASE_URL``), and simulated data.
"""

from __future__ import annotations

import os
import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "docs" / "screens"
LIMIT = 120_000
DESKTOP, PHONE, WALL = (1280, 860), (390, 844), (1920, 1080)
# Picture, sign-in name in the demo, address, window.
SHOTS = (
    ("village-home", "cadre", "/", DESKTOP),
    ("village-list", "cadre", "/registry/", DESKTOP),
    ("township-home", "reviewer", "/", DESKTOP),
    ("county-home", "officer", "/", DESKTOP),
    ("county-dashboard", "officer", "/dashboard", DESKTOP),
    ("county-wall", "officer", "/wall", WALL),
    ("county-board", "officer", "/exchange/", DESKTOP),
    ("county-alerts", "officer", "/monitoring/", DESKTOP),
    ("partner-home", "partner", "/", DESKTOP),
    ("partner-orders", "buyer", "/market/orders/", PHONE),
    ("prefecture-home", "prefecture", "/", DESKTOP),
    ("helper-home", "helper", "/", DESKTOP),
    ("evaluator-home", "evaluator", "/", DESKTOP),
    ("household-phone", "household", "/mine", PHONE),
    ("auditor-home", "auditor", "/", DESKTOP),
    ("trainer-home", "trainer", "/", DESKTOP),
    ("platform-home", "platform", "/", DESKTOP),
    ("administrator-home", "administrator", "/", DESKTOP),
)


def small(png: bytes) -> bytes:
    """The picture in so few colours that it stays below the limit."""
    from PIL import Image  # noqa: PLC0415 - only here

    for colours in (128, 64, 32, 16):
        out = BytesIO()
        Image.open(BytesIO(png)).convert("RGB").quantize(colours).save(out, "PNG", optimize=True)
        if out.tell() <= LIMIT:
            break
    return out.getvalue()


def reader(username: str) -> Any:
    """Who signs in as this; for ``household`` the household with the most agreements, by its telephone."""
    from django.db.models import Count  # noqa: PLC0415

    from yuchang.accounts.actions import household_account  # noqa: PLC0415
    from yuchang.accounts.models import User  # noqa: PLC0415
    from yuchang.registry.models import Household  # noqa: PLC0415

    if username != "household":
        return User.objects.get(username=username)
    sold = Household.objects.annotate(n=Count("postings__agreements_as_offer"))
    row = sold.order_by("-n", "pk")[0]
    return household_account(phone_blind=bytes(32), display_name=row.head_name, household_ids=[row.pk])


def main(address: str, wanted: list[str]) -> int:
    """Take the pictures of these names, or all. Returns the exit code."""
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    from yuchang.core import clock  # noqa: PLC0415

    if not clock.is_simulated():
        sys.stderr.write("pictures are taken of simulated data only\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for name, username, path, (width, height) in SHOTS:
            if wanted and name not in wanted:
                continue
            client = Client()
            client.force_login(reader(username), backend="yuchang.accounts.backend.AccountBackend")
            context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": address}])
            page = context.new_page()
            page.goto(address + path)
            page.wait_for_timeout(1_500)
            (FOLDER / f"{name}.png").write_bytes(small(page.screenshot()))
            context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", sys.argv[2:]))
