"""Search over many postings: time of one search, of a change until it is found, memory, and recall@50.

Postings are made up in SQL from the labelled offers (``reference/search_pairs``) with their stored terms,
spread over the shipped places' counties. Run: ``python -m bench.search --size 1000000`` (a quick look:
``--size 20000``). Uses a database of its own; trust ratios and growth, not the milliseconds of one machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from tests.databases import cloned, own_name  # noqa: E402
from yuchang.exchange.live_index import live_index  # noqa: E402
from yuchang.exchange.models import Posting  # noqa: E402
from yuchang.exchange.search import Home, find_postings, hits  # noqa: E402
from yuchang.exchange.searching import Criteria, read_search, score, terms_of  # noqa: E402
from yuchang.exchange.tests.world import organisation  # noqa: E402

PAIRS = Path(__file__).parents[1] / "reference" / "search_pairs" / "pairs.csv"
TOP = 50
FILL = """
    INSERT INTO exchange_posting (uid, version, created_at, updated_at, direction, owner_kind,
        organisation_id, category_id, quantity, agreed_quantity, unit, limit_fen, window_from,
        window_to, note, state, terms, place_id, province_id, prefecture_id, county_id)
    SELECT gen_random_uuid(), 1, now(), now(), CASE WHEN n %% 2 = 0 THEN 'offer' ELSE 'need' END,
           'organisation', %(owner)s, k.kind, 100, 0, '公斤', 100 + h %% 900,
           '2026-12-01', '2027-12-01', '', 'open', string_to_array(k.terms || ' 批' || n %% 5000, ' '),
           c.id, c.province_id, c.prefecture_id, c.id
    FROM (SELECT n, abs(hashint4(n)) AS h FROM generate_series(1, %(size)s) AS n) AS g
    JOIN unnest(%(kinds)s::text[], %(terms)s::text[]) WITH ORDINALITY AS k (kind, terms, number)
      ON k.number = 1 + h %% %(m)s
    JOIN (SELECT id, province_id, prefecture_id, row_number() OVER (ORDER BY id) - 1 AS k,
                 count(*) OVER () AS all_of FROM places_place WHERE level = 3) AS c ON c.k = g.n %% c.all_of
    ORDER BY n
"""


def rows() -> list[dict[str, str]]:
    """The labelled needs."""
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def fill(size: int) -> None:
    """So many open postings."""
    offers = [o.split(" ", 1) for row in rows() for o in (*row["right"].split(";"), *row["near"].split(";"))]
    kinds, notes = [one[0] for one in offers], [" ".join(terms_of(one[1])) for one in offers]
    values = {"owner": organisation().pk, "kinds": kinds, "terms": notes, "m": len(kinds), "size": size}
    with connection.cursor() as cursor:
        # The keys of made-up rows are known to be there: no row is checked.
        cursor.execute("SET ROLE NONE; SET session_replication_role = replica")
        cursor.execute(FILL, values)
        cursor.execute("SET session_replication_role = origin; ANALYZE exchange_posting")
        cursor.execute("SET ROLE yuchang_app")
        cursor.execute("SET jit = off")  # as the product's own server runs


def exact(texts: list[str], home: Home) -> list[set[int]]:
    """The best ``TOP`` of each text by scoring every posting: one pass, ties as in a search."""
    searches = [read_search(text) for text in texts]
    best: list[list[tuple[int, int, int]]] = [[] for _text in texts]
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT id, category_id, terms, county_id, province_id FROM exchange_posting")
        for pk, category, terms, county, province in cursor:
            near = 3 if county == home.county_id else 2 if province == home.province_id else 0
            for search, kept in zip(searches, best, strict=True):
                points = score(search, category, terms)
                if points:
                    kept.append((points, near, pk))
    return [{key[2] for key in sorted(kept, reverse=True)[:TOP]} for kept in best]


def build() -> None:
    """The index from nothing: what a process does once at its start."""
    read_search("核桃")  # the names are read by the first search of all
    started = time.perf_counter()
    with live_index() as index:
        took, size, lists = time.perf_counter() - started, index.bytes / 2**20, len(index.lists)
    print(f"index of a process: {took:.1f} s to read, {size:.0f} MB in {lists:,} lists")


def searches(texts: list[str], home: Home) -> None:
    """One page of each text, from the text to the rows shown."""
    took = []
    for text in texts:
        at = time.perf_counter()
        find_postings(Criteria(text=text), home)
        took.append(1000 * (time.perf_counter() - at))
    took.sort()
    print(f"search ms: p50 {took[len(took) // 2]:.1f}, p95 {took[int(len(took) * 0.95)]:.1f}, "
          f"p99 {took[int(len(took) * 0.99)]:.1f}, most {took[-1]:.1f}")  # fmt: skip


def changes(times: int = 20) -> None:
    """From a committed change to the search that finds it."""
    took = []
    for number in range(times):
        pk = Posting.objects.order_by("-pk").values_list("pk", flat=True)[number * 7]
        word = f"zz{chr(97 + number)}"
        Posting.objects.filter(pk=pk).update(terms=[word])
        at = time.perf_counter()
        assert [hit.pk for hit in hits(Criteria(text=word), Home(), most=TOP)][:1] == [pk]
        took.append(1000 * (time.perf_counter() - at))
    print(f"a change is found by the next search, which takes {max(took):.1f} ms at most of {times}")


def main() -> None:
    """Fill, search, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--exact", type=int, default=20, help="texts compared with the exact scan")
    given = parser.parse_args()
    with cloned(own_name("search")):
        started = time.perf_counter()
        fill(given.size)
        print(f"{given.size:,} postings in {time.perf_counter() - started:.1f} s")
        with connection.cursor() as cursor:
            cursor.execute("SELECT county_id, province_id FROM exchange_posting ORDER BY id LIMIT 1")
            home = Home(*cursor.fetchone())
        build()
        texts = [row["need"] for row in rows()]
        for text in texts[:10]:
            find_postings(Criteria(text=text), home)
        searches(texts, home)
        some = texts[:: max(1, len(texts) // given.exact)]
        best = exact(some, home)
        found = [{hit.pk for hit in hits(Criteria(text=text), home, most=TOP)} for text in some]
        shares = [len(a & b) / len(b) for a, b in zip(found, best, strict=True) if b]
        print(f"recall@{TOP} against scoring every posting: {sum(shares) / len(shares):.4f}")
        changes()


if __name__ == "__main__":
    main()
