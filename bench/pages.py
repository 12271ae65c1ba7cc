"""What a page costs at 20,000 and at 200,000 households: server time, and buffers touched.

Buffers are counted by running every SELECT of the page once more under EXPLAIN (ANALYZE, BUFFERS).
The promises: growth of at most 1.2 times for ten times the households, and a p95 of at most 150 ms.
Run: ``make bench`` or ``python -m bench.pages``.
``--sizes 1000 10000`` for a quick look; ``--databases small large`` measures two databases that
``python -m bench.population`` has made (33,334 and 333,334 households are 100,000 and 1,000,000 people).
``--only "first page" alerts`` chooses pages, ``--statements`` tells what each statement touches.

Two growths are printed. The *raw* one compares the first page's buffers, whatever they were spent on. The
*like for like* one leaves out what does not come from the register's size, and is what the promise is about:
statements that every page puts to learn who asks (they read sessions and people, of which the runs of other
benches leave more in one database), and how the rows of one page happen to lie (a list is the mean of its
first pages). Where the larger database shows more rows, its cost is that of as many as the smaller shows;
both numbers stand beside it. A page that reads a few buffers cannot grow by a fifth without reading a whole
one: ``SMALL`` says how many more are let pass, and they are printed as such.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import unescape
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
from yuchang.workbench.actions import save_view  # noqa: E402

CharField.register_lookup(Length)
LIMIT, LIMIT_MS = 1.2, 150
SMALL, FEW = 24, 6
"""A page that reads so few buffers in the smaller database may read so many more in the larger."""
PAGES = 5
"""So many pages of a list are read for its mean."""
_NEXT = re.compile(r'rel="next" href="([^"]*)"')
_BODY = re.compile(r"<tbody>.*?</tbody>", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """What one page costs. ``own``: buffers without what every page asks, and ``shown``, its rows: both the
    mean of a list's pages."""

    p95_ms: float
    statements: int
    buffers: int
    own: float
    rows: int
    shown: float


Figures = dict[str, Figure]


class Statements:
    """Collects the SELECTs of a request."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Any]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            self.found.append((sql, params))
        return execute(sql, params, many, context)


def buffers(statements: list[tuple[str, Any]]) -> list[int]:
    """Shared buffers hit or read by each of these statements."""
    found = []
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])
    return found


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
        "household list, initials (wxm)": f"{base}?q=wxm",
        "household list, initials of a full page": f"{base}?q={_initials_found(60)}",
        "household list, nobody": f"{base}?q=欧阳不存在",
        "household list, nine tenths on": f"{base}?after={_cursor(0.1)}",
        "household list, last page": f"{base}?after={_cursor(0)}",
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


def _initials_found(times: int) -> str:
    """Initials that so many households of the county have, or a few more: a full page in either register."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM registry_household, unnest(search_keys) AS word"
            " WHERE county_id = %s AND word ~ '^[a-z]{3}$'"
            " GROUP BY word HAVING count(*) >= %s ORDER BY count(*), word LIMIT 1",
            [busiest_county().pk, times],
        )
        found = cursor.fetchone()
    return str(found[0]) if found else "wxm"


def _cursor(left: float) -> str:
    """The cursor after which this part of the county's households, and at least one page, is left."""
    rows = Household.objects.filter(county_id=busiest_county().pk).order_by("-id")
    return encode_cursor([rows.values_list("pk", flat=True)[60 + int(rows.count() * left)]])


def measure(
    client: Client, address: str, repeat: int, common: Collection[str] = (), *, tells: bool = False
) -> Figure:
    """The figures of one page. ``common`` are the statements that every page puts."""
    p95 = timed(client, address, repeat)
    own: list[int] = []
    rows: list[int] = []
    here, first, statements = address, 0, 0
    while here and len(own) < PAGES:
        found, text = asked(client, here)
        costs = buffers(found)
        if not own:
            first, statements = sum(costs), len(found)
        if not own and tells:
            tell(found, costs)
        rows.append(sum(body.count("<tr") for body in _BODY.findall(text)))
        own.append(sum(cost for (sql, _), cost in zip(found, costs, strict=True) if sql not in common))
        after = _NEXT.search(text)
        here = address.split("?")[0] + unescape(after[1]) if after else ""
    return Figure(p95, statements, first, statistics.mean(own), rows[0], statistics.mean(rows))


def timed(client: Client, address: str, repeat: int) -> float:
    """The 95th percentile of so many requests, in milliseconds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 200, (address, response.status_code)
    return statistics.quantiles(times, n=20)[-1]


def asked(client: Client, address: str) -> tuple[list[tuple[str, Any]], str]:
    """The SELECTs that a page puts, and the page."""
    collector = Statements()
    with connection.execute_wrapper(collector):
        text = client.get(address).content.decode()
    return collector.found, text


def tell(found: list[tuple[str, Any]], costs: list[int]) -> None:
    """What each statement touches."""
    for (sql, params), cost in zip(found, costs, strict=True):
        print(f"{cost:6}  {' '.join(sql.split())[:160]}  {str(params)[:120]}", file=sys.stderr)


def measure_all(options: argparse.Namespace) -> Figures:
    """Every page, as an officer of the county and, lists and home, as one of the whole province."""
    found: Figures = {}
    wang, chu = people.wang(), people.province()
    for officer in (wang, chu):  # people keep lists; so does whoever is measured, in either database
        save_view(actor=officer.actor, page="registry.households", name="纳入", query="state=listed")
    everywhere = ("household list, ", "home", "global search", "alerts", "what is due", "dashboard")
    for who, client in (("", wang.client()), ("province: ", chu.client())):
        asked(client, reverse("workbench:help"))
        common = {sql for sql, _ in asked(client, reverse("workbench:help"))[0]}
        for name, address in pages().items():
            is_wanted = not options.only or any(part in name for part in options.only)
            if is_wanted and (not who or name.startswith(everywhere)):
                status = client.get(address).status_code
                if status == 200:
                    found[who + name] = measure(
                        client, address, options.repeat, common, tells=options.statements
                    )
                    print(f"{who}{name}: {found[who + name]}", file=sys.stderr, flush=True)
    return found


def at_each_size(options: argparse.Namespace) -> Iterator[Figures]:
    """The figures of the smaller database, then of the larger."""
    if options.databases:
        for name in options.databases:
            with kept(name):
                yield measure_all(options)
        return
    with cloned(own_name("yc_bench_pages")):
        # Simulated, as the households are: nobody is asked for a second factor.
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
        for size in options.sizes:
            grow_to(size)
            live_a_while(people.wang())
            settle()
            yield measure_all(options)


def line(name: str, a: Figure, b: Figure, most_ms: float) -> tuple[str, bool]:
    """One line of the table, and whether the page keeps the limits."""
    own = b.own * a.shown / b.shown if 0 < a.shown < b.shown else b.own
    raw, alike, more = b.buffers / max(1, a.buffers), own / max(1, a.own), own - a.own
    is_met = alike <= LIMIT or (a.own <= SMALL and more <= FEW)
    mark = "" if alike <= LIMIT else f", +{more:.0f}"
    mark += "" if is_met and b.p95_ms <= most_ms else " **missed**"
    rows = str(a.rows) if a.rows == b.rows else f"{a.rows} → {b.rows}"
    return (
        f"| {name} | {a.p95_ms:.0f} | {b.p95_ms:.0f} | {a.statements} → {b.statements} | {rows}"
        f" | {a.buffers} | {b.buffers} | {raw:.2f} | {a.own:.0f} | {own:.0f} | {alike:.2f}{mark} |"
    ), is_met and b.p95_ms <= most_ms


def show(small: Figures, large: Figures, most_ms: float = LIMIT_MS) -> int:
    """Print the table of both sizes; returns how many pages miss a limit."""
    print(
        "| page | p95 ms, small | p95 ms, 10 x | queries | rows | buffers | buffers, 10 x | raw growth"
        " | like for like | 10 x | growth |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    lines = [line(name, figure, large[name], most_ms) for name, figure in small.items() if name in large]
    for text, _is_met in lines:
        print(text)
    missed = sum(not is_met for _text, is_met in lines)
    print(f"\n{missed} of {len(lines)} pages miss a limit (growth ≤ {LIMIT}, p95 ≤ {most_ms} ms)")
    return missed


def main() -> int:
    """Print the table; 1 when a page grows more than promised, or is too slow."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs=2, default=(20_000, 200_000))
    parser.add_argument("--databases", nargs=2, help="two that stay, the smaller first")
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=(), help="pages whose name has one of these")
    parser.add_argument("--statements", action="store_true", help="what each statement touches")
    options = parser.parse_args()
    small, large = at_each_size(options)
    return int(show(small, large) > 0)


if __name__ == "__main__":
    sys.exit(main())
