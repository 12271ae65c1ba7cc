"""Test databases: cloned from one migrated template, used under the application's role.

The tests' connection signs in as the administrator and at once takes the application's role, so
that grants are proven by every test, and a test may step into another role (``as_role``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation

from tests.databases import cloned, empty_tables, own_name

# How long a generated example takes says something of the machine, not of the code.
hypothesis.settings.register_profile(
    "steady", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), cloned(own_name("yc_test")):
        yield


TransactionTestCase._fixture_teardown = lambda self: empty_tables()  # type: ignore[method-assign]


@pytest.fixture
def as_role(db: None) -> Callable[[str], Any]:
    """``with as_role("portal"):`` runs what follows under another database role."""

    @contextmanager
    def switch(role: str) -> Iterator[None]:
        if not re.fullmatch(r"owner|app|portal", role):
            raise ValueError(role)
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE yuchang_{role}")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE yuchang_app")

    return switch


@pytest.fixture(scope="session", autouse=True)
def _files_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    from django.conf import settings  # noqa: PLC0415 - configured by then

    settings.FILES_DIR = tmp_path_factory.mktemp("files")


@pytest.fixture(scope="session", autouse=True)
def _public_pages_are_made_for_each() -> None:
    """A test changes what is public and looks at once, here and in the processes that tests start."""
    from django.conf import settings  # noqa: PLC0415 - configured by then

    settings.PUBLIC_PAGE_SECONDS = 0
    os.environ["YUCHANG_PUBLIC_PAGE_SECONDS"] = "0"


@pytest.fixture(autouse=True)
def _chinese() -> None:
    """A request in English leaves its language to the thread; the next test starts in Chinese again."""
    translation.activate("zh-hans")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Numbers begin anew with every test, so what was remembered under them is another's."""
    from yuchang.exchange.live_index import forget_index  # noqa: PLC0415 - Django is set up by then

    cache.clear()
    forget_index()


@pytest.fixture(autouse=True)
def _plain_surroundings(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MFA_ROLES = ()
    settings.STATIC_ROOT = tmp_path / "static"
    settings.WHITENOISE_USE_FINDERS = False
    settings.SNAPSHOT_DIR = tmp_path / "snapshots"
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
