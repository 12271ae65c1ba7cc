"""What a page costs at 20,000 and at 200,000 households: server time, and buffers touched.

Buffers are counted by running every SELECT of the page once more under EXPLAIN (ANALYZE, BUFFERS).
The promises: growth of at most 1.2 times for ten times the households, and a p95 of at most 150 ms.
Run: ``make bench`` or ``python -m bench.pages``.
``--sizes 1000 10000`` for a quick look; ``--databases small large`` measures two databases that
``python -m bench.population`` has made (33,334 and 333,334 households are 100,000 and 1,000,000 people).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("YUCHANG_PLAIN_STATIC", "1")
django.setup()

from django.db import connection  # noqa: E402
from django.db.models import CharField, Count  # noqa: E402
from django.db.models.functions import Length  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from bench.population import busiest_county, grow_to, live_a_while, settle  # noqa: E402
from tests import people  # noqa: E402
from tests.databases import cloned, kept, own_name  # noqa: E402
from yuchang.core.models import Instance  # noqa: E402
from yuchang.core.paging import encode_cursor  # noqa: E402
from yuchang.places.models import Place  # noqa: E402
from yuchang.procedures.models import Case  # noqa: E402
from yuchang.registry.models import Household  # noqa: E402

CharField.register_lookup(Length)
LIMIT, LIMIT_MS = 1.2, 150
Figures = dict[str, tuple[float, int, int]]


class Statements:
    """Collects the SELECTs of a request."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Any]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            self.found.append((sql, params))
        return execute(sql, params, many, context)


def buffers(statements: list[tuple[str, Any]]) -> int:
    """Shared buffers hit or read by these statements."""
    total = 0
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            total += plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
    return total


def pages() -> dict[str, str]:
    """The pages measured, by name, as a county's officer sees them."""
    household = Household.objects.filter(county_id=busiest_county().pk).order_by("id").first()
    assert household is not None
    case = Case.objects.filter(subject_id=household.pk, subject_kind="registry.household").first()
    township = Place.objects.filter(county_id=busiest_county().pk, level=4).order_by("code").first()
    base, search = reverse("registry:household_list"), reverse("workbench:search")
    name = _name_found(4)
    found = {
        "household list, first page": base,
        "household list, by state": f"{base}?state=listed",
        "household list, by cause": f"{base}?cause=illness",
        "household list, a township": f"{base}?township={township.pk if township else ''}",
        "household list, a name found four times": f"{base}?q={name}",
        "household list, one surname": f"{base}?q=王",
        "household list, initials": f"{base}?q=wxm",
        "household list, nobody": f"{base}?q=欧阳不存在",
        "household list, last page": f"{base}?after={_end()}",
        "one household": reverse("workbench:household", args=[household.pk]),
        "one household, the register's": reverse("registry:household", args=[household.pk]),
        "its book": reverse("ledger:household_book", args=[household.pk]),
        "home": reverse("workbench:home"),
        "dashboard": reverse("workbench:dashboard"),
        "alerts": reverse("monitoring:alerts"),
        "global search": f"{search}?q={name}",
        "global search, suggestions": f"{reverse('workbench:suggest')}?q=王",
        "what is due": reverse("procedures:due"),
        "overdue": reverse("procedures:overdue"),
        "verification": reverse("registry:verify_queue"),
        "likenesses": reverse("registry:likenesses"),
        "resources and needs": reverse("registry:resource_list"),
        "postings": reverse("exchange:posting_list"),
        "book": reverse("ledger:transaction_list"),
        "audit log": reverse("workbench:audit_log"),
    }
    if case is not None:
        found["one case"] = reverse("procedures:case", args=[case.pk])
    return found


def _name_found(times: int) -> str:
    """A head's full name that so many households of the county have: as many in the larger register, for a
    page that shows ten times as much costs more whatever the register's size."""
    rows = Household.objects.filter(county_id=busiest_county().pk).values("head_name").annotate(n=Count("pk"))
    found = rows.filter(n=times, head_name__length=3).order_by("head_name").first()
    return str(found["head_name"]) if found else "王小满"


def _end() -> str:
    """The cursor of the last page but one."""
    rows = Household.objects.filter(county_id=busiest_county().pk).order_by("-id")
    return encode_cursor([rows.values_list("pk", flat=True)[60]])


def measure(client: Client, address: str, repeat: int) -> tuple[float, int, int]:
    """(p95 milliseconds, statements, buffers)."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 200, (address, response.status_code)
    collector = Statements()
    with connection.execute_wrapper(collector):
        client.get(address)
    p95 = statistics.quantiles(times, n=20)[-1]
    return p95, len(collector.found), buffers(collector.found)


def measure_all(repeat: int, only: str) -> Figures:
    """Every page, as an officer of the county and, lists and home, as one of the whole province."""
    found: Figures = {}
    wang, chu = people.wang(), people.province()
    everywhere = ("household list, ", "home", "global search", "alerts", "what is due", "dashboard")
    for who, client in (("", wang.client()), ("province: ", chu.client())):
        for name, address in pages().items():
            if only in name and (not who or name.startswith(everywhere)):
                status = client.get(address).status_code
                if status == 200:
                    found[who + name] = measure(client, address, repeat)
                    print(f"{who}{name}: {found[who + name]}", file=sys.stderr, flush=True)
    return found


def at_each_size(options: argparse.Namespace) -> Iterator[Figures]:
    """The figures of the smaller database, then of the larger."""
    if options.databases:
        for name in options.databases:
            with kept(name):
                yield measure_all(options.repeat, options.only)
        return
    with cloned(own_name("yc_bench_pages")):
        # Simulated, as the households are: nobody is asked for a second factor.
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
        for size in options.sizes:
            grow_to(size)
            live_a_while(people.wang())
            settle()
            yield measure_all(options.repeat, options.only)


def main() -> int:
    """Print the table; 1 when a page grows more than promised, or is too slow."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs=2, default=(20_000, 200_000))
    parser.add_argument("--databases", nargs=2, help="two that stay, the smaller first")
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--only", default="", help="pages whose name has this")
    options = parser.parse_args()
    small, large = at_each_size(options)
    print("| page | p95 ms, small | p95 ms, 10 x | queries | buffers | buffers, 10 x | growth |")
    print("|---|---|---|---|---|---|---|")
    missed = 0
    for name, a in small.items():
        b = large[name]
        growth = b[2] / max(1, a[2])
        is_met = growth <= LIMIT and b[0] <= LIMIT_MS
        missed += not is_met
        mark = "" if is_met else " **missed**"
        print(
            f"| {name} | {a[0]:.0f} | {b[0]:.0f} | {a[1]} → {b[1]} | {a[2]} | {b[2]} | {growth:.2f}{mark} |"
        )
    print(f"\n{missed} of {len(small)} pages miss a limit (growth ≤ {LIMIT}, p95 ≤ {LIMIT_MS} ms)")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
