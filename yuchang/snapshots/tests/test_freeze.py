"""What is frozen keeps its hash, can be asked, and is refused when touched."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path

import pytest
from django.db import connection

from tests.people import county, li, outsider, wang
from yuchang.core.errors import Conflict, Hidden, Refused
from yuchang.core.models import AuditEntry
from yuchang.snapshots.actions import freeze
from yuchang.snapshots.engine import file_hash
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.queries import SideTable, query, snapshot_for, stream, verify
from yuchang.snapshots.rules import Column, Extract

DAY = date(2026, 6, 1)
NUMBERS = """SELECT n::bigint AS id, CASE WHEN n %% 3 = 0 THEN NULL ELSE n * 7 END AS amount, n %% 2 = 0 AS even,
 CASE n WHEN 1 THEN '' WHEN 2 THEN NULL WHEN 3 THEN E'行,"一"\\n二' ELSE 'x' || n END AS word,
 DATE '2026-01-01' + n AS day FROM generate_series(1, %(most)s) AS n"""


def numbers(most=9, order=""):
    return Extract("numbers", f"SELECT * FROM ({NUMBERS}) AS s {order}", ("id",), {"most": most})


def frozen(person, extracts=None, place=None):
    return freeze(
        actor=person.actor, name="test", place=place or county(), extracts=extracts or [numbers()], as_of=DAY
    )


def test_an_officer_freezes_an_extract_and_asks_it_in_sql(db, settings):
    snapshot = frozen(wang())
    table = snapshot.manifest["tables"]["numbers"]
    assert table["rows"] == 9
    assert [c[1] for c in table["columns"]] == ["BIGINT", "BIGINT", "BOOLEAN", "VARCHAR", "DATE"]
    result = query(snapshot, "SELECT count(*) AS n, sum(amount) AS total, count(word) AS words FROM numbers")
    assert result.columns == ("n", "total", "words")
    assert result.rows == [(9, 7 * (1 + 2 + 4 + 5 + 7 + 8), 8)]
    assert query(snapshot, "SELECT word FROM numbers WHERE id IN (?, ?) ORDER BY id", [1, 3]).rows == [
        ("",),
        ('行,"一"\n二',),
    ]
    assert [len(rows) for rows in stream(snapshot, "SELECT id FROM numbers", size=4)] == [4, 4, 1]
    entry = AuditEntry.objects.get(action="snapshots.freeze")
    assert json.loads(entry.body)["details"]["content_hash"] == snapshot.content_hash
    manifest = json.loads((Path(settings.SNAPSHOT_DIR) / snapshot.folder / "manifest.json").read_text())
    assert manifest["tables"] == snapshot.manifest["tables"]


def test_a_cadre_and_the_officer_of_the_next_county_are_refused(db, settings):
    with pytest.raises(Refused):
        frozen(li())
    with pytest.raises(Hidden):
        frozen(outsider())
    assert not Snapshot.objects.exists()
    snapshot = frozen(wang())
    assert snapshot_for(wang().actor, snapshot.pk) == snapshot
    with pytest.raises(Hidden):
        snapshot_for(outsider().actor, snapshot.pk)


def test_unchanged_data_give_the_same_hash_and_the_same_bytes_in_any_order(db):
    person = wang()
    first = frozen(person)
    second = frozen(person, [numbers(order="ORDER BY random()")])
    other = frozen(person, [numbers(most=10)])
    assert first.content_hash == second.content_hash != other.content_hash
    assert first.manifest == second.manifest
    assert first.folder == second.folder != other.folder


def test_null_and_empty_text_and_shifted_values_are_different_content(db):
    person = wang()

    def digest(values):
        sql = f"SELECT * FROM (VALUES {values}) AS v(id, a, b)"
        return frozen(person, [Extract("t", sql, ("id",))]).content_hash

    hashes = {
        digest("(1, 'ab', 'c')"),
        digest("(1, 'a', 'bc')"),
        digest("(1, '', 'abc')"),
        digest("(1, NULL, 'abc')"),
        digest("(1, '-', 'abc')"),
        digest("(1, 'ab', 'c'), (2, 'ab', 'c')"),
    }
    assert len(hashes) == 6


def test_the_two_ways_from_the_database_give_the_same_bytes(transactional_db):
    person = wang()
    by_scanner = frozen(person)
    from django.db import transaction

    with transaction.atomic():
        by_copy = frozen(person)
    assert by_scanner.manifest == by_copy.manifest
    assert not connection.in_atomic_block


def test_inside_a_transaction_the_own_uncommitted_rows_are_frozen(db):
    person = wang()
    extract = Extract("people", "SELECT id, username FROM accounts_user", ("id",))
    snapshot = frozen(person, [extract])
    assert query(snapshot, "SELECT count(*) AS n FROM people").rows == [(1,)]


def test_a_touched_or_missing_file_is_refused(db):
    snapshot = frozen(wang())
    path = verify(snapshot) / "numbers.parquet"
    assert file_hash(path) == snapshot.manifest["tables"]["numbers"]["file_sha256"]
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:])
    with pytest.raises(Conflict, match="改动"):
        query(snapshot, "SELECT 1 AS one")
    path.unlink()
    with pytest.raises(Conflict, match="缺失"):
        query(snapshot, "SELECT 1 AS one")


def test_only_the_owner_of_the_process_may_open_the_folder(db):
    folder = verify(frozen(wang()))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o400}


def test_a_query_sees_the_frozen_tables_and_no_other_file(db, tmp_path):
    import duckdb

    snapshot = frozen(wang())
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for sql in (f"SELECT * FROM read_csv('{secret}')", "SET enable_external_access = true", "INSTALL httpfs"):
        with pytest.raises(duckdb.Error):
            query(snapshot, sql)


def test_a_small_table_can_stand_beside_the_frozen_ones(db):
    beside = {"lines": SideTable((Column("id", "BIGINT"), Column("fen", "BIGINT")), [(1, 5), (2, None)])}
    sql = "SELECT n.id, l.fen FROM numbers n JOIN lines l ON l.id = n.id ORDER BY n.id"
    assert query(frozen(wang()), sql, beside=beside).rows == [(1, 5), (2, None)]


def test_an_extract_that_a_snapshot_cannot_hold_is_refused_before_anything_is_written(db, settings):
    with pytest.raises(ValueError, match="cast column at"):
        frozen(wang(), [Extract("t", "SELECT 1::bigint AS id, now() AS at", ("id",))])
    with pytest.raises(ValueError, match="no column key"):
        frozen(wang(), [Extract("t", "SELECT 1::bigint AS id", ("key",))])
    assert not Snapshot.objects.exists()
    assert not any(Path(settings.SNAPSHOT_DIR).iterdir())
