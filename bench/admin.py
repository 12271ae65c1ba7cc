"""What pages cost beside those that Django's own admin makes of the same rows: processor time, one process.

The peer is ``django.contrib.admin`` as it comes, with Django's own middleware and templates: the list of a
county's households (the same fifty, the same columns, no count of all), and one household with its people,
to be read only. It asks nobody's rights, masks nothing and has no filters; our pages have all three, and the
navigation with what is due and unread besides. Both are asked by turns; the best of several rounds counts.

Run: ``python -m bench.admin``, or on a database that ``bench.population`` keeps: ``--database yc_small``.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import time
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings

from config.threads import serve_by_threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
PLAIN_FILES = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.admin"]
settings.STORAGES = settings.STORAGES | {"staticfiles": PLAIN_FILES}  # the admin's styles are not collected
django.setup()
serve_by_threads()

from django.contrib import admin  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import path, reverse  # noqa: E402

from bench.population import busiest_county, grow_to, live_a_while  # noqa: E402
from tests import people  # noqa: E402
from tests.databases import cloned, kept, own_name  # noqa: E402
from yuchang.core.models import Instance  # noqa: E402
from yuchang.registry.models import Household, Member  # noqa: E402

STOCK = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)


@functools.cache
def _county() -> int:
    return int(busiest_county().pk)


class _Readable:
    """Whoever asks may read and change nothing."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True


class PeopleOf(_Readable, admin.TabularInline):  # type: ignore[type-arg]
    """A household's people on its page."""

    model = Member
    fields = ("name", "relation", "sex", "birth_on", "ethnicity", "joined_on")
    show_change_link = False


class Households(_Readable, admin.ModelAdmin):  # type: ignore[type-arg]
    """The list and the page of households."""

    list_display = (
        *("head_name", "number", "place", "size", "attribute", "main_cause", "listed_on", "state"),
    )
    list_select_related = ("place",)
    list_per_page = 50
    show_full_result_count = False
    ordering = ("id",)
    fields = list_display
    inlines = (PeopleOf,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Household]:
        return super().get_queryset(request).filter(county_id=_county())


class Site(admin.AdminSite):
    """An admin that lets everybody in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return True

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"available_apps": [], "is_nav_sidebar_enabled": False}


site = Site(name="admin")
site.register(Household, Households)
urlpatterns = [path("peer/", site.urls)]


@contextlib.contextmanager
def peer() -> Iterator[None]:
    """Inside, addresses and middleware are Django's own."""
    with override_settings(ROOT_URLCONF="bench.admin", MIDDLEWARE=STOCK):
        yield


def cost(client: Client, address: str, repeat: int) -> float:
    """Processor milliseconds of one request of this process."""
    started = time.process_time()
    for _ in range(repeat):
        assert client.get(address).status_code == 200, address
    return (time.process_time() - started) / repeat * 1000


def compare(ours: str, theirs: str, repeat: int, rounds: int) -> tuple[float, float]:
    """The best round of each, asked by turns."""
    wang = people.wang()
    mine, others = wang.client(), wang.client()
    mine.get(ours)
    with peer():
        others.get(theirs)
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        best[0] = min(best[0], cost(mine, ours, repeat))
        with peer():
            best[1] = min(best[1], cost(others, theirs, repeat))
    return best[0], best[1]


def main() -> None:
    """Ask and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=2_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    with kept(options.database) if options.database else cloned(own_name("yc_bench_admin")):
        if not options.database:
            Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
            grow_to(options.households)
            live_a_while(people.wang())
        one = Household.objects.filter(county_id=_county()).order_by("id").first()
        assert one is not None
        pairs = {
            "fifty households": (reverse("registry:household_list"), "/peer/registry/household/"),
            "one household": (
                reverse("registry:household", args=[one.pk]),
                f"/peer/registry/household/{one.pk}/change/",
            ),
        }
        print("| page | ours ms | Django's admin ms | ours / admin |\n|---|---|---|---|")
        for name, (ours, theirs) in pairs.items():
            found = compare(ours, theirs, options.repeat, options.rounds)
            print(f"| {name} | {found[0]:.1f} | {found[1]:.1f} | {found[0] / found[1]:.2f} |")


if __name__ == "__main__":
    main()
