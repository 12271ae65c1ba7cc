# ruff: noqa: E501 - statements read better in whole lines
"""Every household of a register as a file: our worker task, and openpyxl write-only as the peer.

Ours does everything: scope, filter, dated facts by lateral join, rows stored sealed as they are gathered,
the file built from them in constant memory, sealed and hashed. The peer gets the same values ready-made and
only writes the workbook, at a smaller size; compare rows per second and the growth of memory.
Run: ``python -m bench.exports``; ``--rows 100000 --peer-rows 20000`` for a quick look.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import openpyxl  # noqa: E402
from django.db import connection  # noqa: E402

from tests import people  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402
from yuchang.sheets import outputs  # noqa: E402
from yuchang.sheets.catalogue import Ask, source_named  # noqa: E402
from yuchang.sheets.models import Output  # noqa: E402
from yuchang.sheets.outputs import Wish, making  # noqa: E402

FIELDS = (
    "county", "township", "village", "household_number", "head_name", "size", "attribute", "main_cause",
    "net_income_per_head_fen", "unsafe_house", "safe_water", "observed_on",
)  # fmt: skip
_FILL = """
SET session_replication_role = replica;
INSERT INTO registry_household (id, uid, version, created_at, updated_at, place_id, province_id, prefecture_id,
    county_id, township_id, village_id, number, public_code, hamlet, state, attribute, exit_attribute, size,
    head_name, main_cause, search_keys, entered_at, removed_reason)
SELECT n, gen_random_uuid(), 1, now(), now(), p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id,
    p.village_id, 'B' || lpad(n::text, 9, '0'), lpad(to_hex(n), 12, '0'), '上庄', 'listed', 'ordinary',
    'not_exited', 3, '王' || n, 'illness', '{}', now(), ''
FROM generate_series(1, %(rows)s) n
JOIN (SELECT row_number() OVER (ORDER BY code) - 1 AS place, * FROM places_place
      WHERE level = 5 AND valid_to IS NULL AND code LIKE '621221%%') p ON p.place = n %% %(villages)s;
INSERT INTO registry_householdfacts (household_id, observed_on, recorded_at, source, size, attribute,
    net_income_per_head_fen, unsafe_house, safe_water)
SELECT n, '2026-01-10', now(), 'form', 3, 'ordinary', 300000 + n %% 900000, 'no', true
FROM generate_series(1, %(rows)s) n;
ANALYZE registry_household; ANALYZE registry_householdfacts;
SET session_replication_role = DEFAULT;
"""


def fill(rows: int) -> None:
    """A register of made-up households, straight into its tables."""
    villages = len(people.villages())
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        for statement in _FILL.split(";\n"):
            if statement.strip():
                cursor.execute(statement, {"rows": rows, "villages": villages})
        cursor.execute("SET ROLE yuchang_app")


def peak_mb() -> int:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def ours(person: people.Person, format: str) -> tuple[float, Output]:
    """Seconds and the finished output."""
    began = time.perf_counter()
    wish = Wish(
        kind="table", source="registry.households", area_id=people.county().pk, fields=FIELDS, format=format
    )
    output = outputs.start_output(actor=person.actor, wish=wish)
    outputs.make_output(output.pk)
    output.refresh_from_db()
    if output.state != "done":
        raise SystemExit(output.message)
    return time.perf_counter() - began, output


def peer_rows(person: people.Person, count: int) -> Iterator[list[Any]]:
    """The same values."""
    source = source_named("registry.households")
    output = Output(
        place=people.county(), source=source.name, fields=list(FIELDS), as_of=making.clock.today()
    )
    ask = Ask(person.actor, output.place, {}, FIELDS, output.as_of)
    after = done = 0
    while done < count and (found := source.read(ask, after, 1_000)):
        for each in found:
            yield each.rows[0]
        done, after = done + len(found), found[-1].object_id


def peer(rows: list[list[Any]]) -> float:
    """Seconds for openpyxl in its write-only mode."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
        book.save(Path(folder) / "peer.xlsx")
        return time.perf_counter() - began


def main() -> int:
    """Print the table; fails when memory grows with the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=50_000)
    size = parser.parse_args()
    with cloned(own_name("yc_bench_exports")):
        fill(size.rows)
        wang = people.wang()
        for row in peer_rows(wang, 2_000):
            assert row
        before = peak_mb()
        sys.stdout.write(f"{'way':36} {'rows':>10} {'seconds':>8} {'rows/s':>8} {'MB':>6} {'+MiB':>5}\n")
        for format in ("csv", "xlsx"):
            seconds, output = ours(wang, format)
            show(f"ours, {format}", output.rows_done, seconds, output.file_size, peak_mb() - before)
        grown = peak_mb() - before
        given = list(peer_rows(wang, size.peer_rows))[: size.peer_rows]
        show("openpyxl write-only, writing alone", len(given), peer(given))
    return int(grown > 200)


def show(name: str, rows: int, seconds: float, length: int = 0, memory: int = 0) -> None:
    """One line of the table."""
    speed = f"{rows / seconds:8,.0f}"
    sys.stdout.write(f"{name:36} {rows:10,} {seconds:8.1f} {speed} {length / 1e6:6.1f} {memory:5}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
