"""What a page costs at 20,000 and at 200,000 households: server time, and buffers touched.

Buffers are counted by running every SELECT of the page once more under EXPLAIN (ANALYZE, BUFFERS).
The promise is growth of at most 1.2 times for ten times the households.
Run: ``make bench`` or ``python -m bench.pages``.
``--sizes 1000 10000`` for a quick look.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("YUCHANG_PLAIN_STATIC", "1")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from bench.population import busiest_county, grow_to  # noqa: E402
from tests import people  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402
from yuchang.core.models import Instance  # noqa: E402
from yuchang.registry.models import Household  # noqa: E402

LIMIT = 1.2


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
    """The pages measured, by name."""
    household = Household.objects.filter(county_id=busiest_county().pk).order_by("id").first()
    assert household is not None
    base = reverse("registry:household_list")
    return {
        "household list, first page": base,
        "household list, by state": f"{base}?state=listed",
        "household list, name search": f"{base}?q=王小满",
        "one household": reverse("workbench:household", args=[household.pk]),
        "home": reverse("workbench:home"),
        "alerts": reverse("monitoring:alerts"),
        "global search": f"{reverse('workbench:search')}?q=王小满",
        "what is due": reverse("procedures:due"),
        "verification": reverse("registry:verify_queue"),
        "postings": reverse("exchange:posting_list"),
    }


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


def main() -> int:
    """Print the table; 1 when a page grows more than promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs=2, default=(20_000, 200_000))
    parser.add_argument("--repeat", type=int, default=40)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, int, int]]] = {}
    with cloned(own_name("yc_bench_pages")):
        # Simulated, as the households are: nobody is asked for a second factor.
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
        client = people.wang().client()
        for size in options.sizes:
            grow_to(size)
            for name, address in pages().items():
                client.get(address)
                found.setdefault(name, []).append(measure(client, address, options.repeat))
    small, large = options.sizes
    print(f"| page | p95 ms at {small:,} | at {large:,} | queries | buffers | buffers | growth |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for name, (a, b) in found.items():
        growth = b[2] / max(1, a[2])
        worst = max(worst, growth)
        print(f"| {name} | {a[0]:.0f} | {b[0]:.0f} | {a[1]} → {b[1]} | {a[2]} | {b[2]} | {growth:.2f} |")
    print(f"\nworst growth of buffers for {large // small}×: {worst:.2f} (promise ≤ {LIMIT})")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
