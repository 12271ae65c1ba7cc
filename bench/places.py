"""Places: loading all 620,573 villages, and finding one among them, against the plain ways.

Loading by COPY is compared with Django's ``bulk_create`` (rows a second), searching with the plain
``LIKE '%…%'`` over the same table. Run: ``python -m bench.places``; ``--areas 62`` for one province.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from tests.databases import cloned, own_name  # noqa: E402
from yuchang.places.loading import load_divisions  # noqa: E402
from yuchang.places.models import Place  # noqa: E402
from yuchang.places.search import search_places  # noqa: E402

QUERIES, PLAIN_QUERIES, ORM_ROWS = 500, 40, 10_000


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def as_owner(work: Callable[[], object]) -> float:
    """How long some work takes under the owner's role."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        taken = seconds(work)
        cursor.execute("SET ROLE yuchang_app")
    return taken


def clear() -> None:
    """Empty the table of places, as after the migrations."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE places_place, places_referenceload CASCADE")


def orm_rows_a_second() -> float:
    """Django's own way: ``bulk_create`` into the finished table with its indexes."""
    rows = list(Place.objects.filter(level=5, code__startswith="62").order_by("code")[:ORM_ROWS])
    for row in rows:
        row.pk, row.code = row.pk + 10**15, f"99{row.code[2:]}"
    taken = as_owner(lambda: Place.objects.bulk_create(rows, batch_size=2_000))
    as_owner(lambda: Place.objects.filter(pk__gt=10**15, code__startswith="99").delete())
    return len(rows) / taken


def questions(seed: int = 2026) -> list[tuple[str, str]]:
    """(kind, text): parts of random names, their pinyin, initials and codes, and texts that are nowhere."""
    draw = random.Random(seed)
    found: list[tuple[str, str]] = []
    ids = list(Place.objects.filter(level__gte=3).values_list("id", flat=True))
    for place in Place.objects.in_bulk(draw.sample(ids, QUERIES)).values():
        size = draw.randint(2, 4)
        start = draw.randint(0, max(0, len(place.name) - size))
        found.append(
            draw.choice(
                [
                    ("part", place.name[start : start + size]),
                    ("part", place.name[start : start + size]),
                    ("character", draw.choice(place.name)),
                    ("pinyin", place.pinyin[: draw.randint(3, 12)] or "a"),
                    ("initials", place.initials[: draw.randint(1, 4)] or "a"),
                    ("code", place.code[: draw.randint(2, 12)]),
                    ("nowhere", place.name[:1] + "龘" + place.name[-1:]),
                ]
            )
        )
    return found


def plainly(text: str) -> list[Place]:
    """The plain way: look at every name."""
    return list(Place.objects.filter(name__contains=text).order_by("level", "code")[:20])


def milliseconds(times: Sequence[float]) -> str:
    """Median, 99th percentile and worst of some times."""
    cut = quantiles(times, n=100)
    return f"p50 {median(times) * 1e3:6.1f}   p99 {cut[98] * 1e3:6.1f}   worst {max(times) * 1e3:6.1f} ms"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--areas", nargs="*", help="county or province codes; all when left out")
    areas = parser.parse_args().areas
    with cloned(own_name("yc_bench_places")):
        as_owner(clear)
        load = as_owner(lambda: load_divisions(areas))
        count = Place.objects.count()
        again = as_owner(lambda: load_divisions(areas))
        rate, orm = count / load, orm_rows_a_second()
        print(f"load      {count:,} places in {load:.1f} s (limit 20 s), {rate:,.0f} rows/s")
        print(f"          bulk_create {orm:,.0f} rows/s: COPY is {rate / orm:.0f} times as fast")
        print(f"          the same again {again:.2f} s, nothing changed")
        asked = questions()
        search_places("成县")
        times = [(kind, seconds(lambda text=text: search_places(text))) for kind, text in asked]
        print(f"search    {len(times)} random texts (limit 50 ms): {milliseconds([t for _k, t in times])}")
        for kind in sorted({k for k, _t in times}):
            print(f"          {kind:<10}{milliseconds([t for k, t in times if k == kind])}")
        texts = [text for k, text in asked if k in ("part", "nowhere")][:PLAIN_QUERIES]
        plain = [seconds(lambda text=text: plainly(text)) for text in texts]
        ours = [t for k, t in times if k in ("part", "nowhere")][:PLAIN_QUERIES]
        print(f"          plain LIKE for {len(plain)} of them: {milliseconds(plain)}")
        print(f"          the index answers in 1/{sum(plain) / sum(ours):.1f} of that time")


if __name__ == "__main__":
    main()
