"""The sequencer orders every finished entry once, waits for nobody, and what it signs can be verified."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from config.environment import database_url
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import queries, sequencer
from yuchang.core.actions import write
from yuchang.core.models import AuditCheckpoint, AuditEntry, AuditLeaf
from yuchang.core.tests.exports import Export, verifier

OFFICER = Actor(user_id=7, name="王专员")


def act(number, **details):
    with write("registry.test", OFFICER) as audit:
        audit.add("household", number, place_id=3, **details)


def sequence_all(expected):
    """Passes until so many leaves exist: another test's open transaction may delay them on a shared server."""
    deadline = time.monotonic() + 90
    while AuditLeaf.objects.count() < expected and time.monotonic() < deadline:
        sequencer.sequence()
        if AuditLeaf.objects.count() < expected:
            time.sleep(0.05)
    assert AuditLeaf.objects.count() == expected


def exported(folder):
    call_command("export_audit", str(folder), "--as-is", verbosity=0)
    return folder


def in_another_session(name):
    info = psycopg.conninfo.conninfo_to_dict(database_url("admin")) | {"dbname": name}
    session = psycopg.connect(**info)
    session.execute("SET ROLE yuchang_app")
    return session


@pytest.mark.django_db(transaction=True)
def test_entries_are_ordered_signed_and_verified(tmp_path):
    for number in range(5):
        act(number)
    sequence_all(5)
    act(5)
    sequence_all(6)
    leaves = list(AuditLeaf.objects.order_by("seq").values_list("seq", "entry__object_id"))
    assert leaves == [(n, str(n)) for n in range(6)]
    assert sequencer.sequence() == 0
    size, root = verifier.verify(exported(tmp_path))
    last = AuditCheckpoint.objects.order_by("-size").first()
    assert (size, root) == (6, bytes(last.root).hex())
    state = queries.log_state()
    assert (state.size, state.root, state.waiting) == (6, root, 0)


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_is_put_back_changes_no_order(tmp_path, monkeypatch):
    at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    for number, moment in enumerate((at, at - timedelta(hours=1), at)):
        monkeypatch.setattr("yuchang.core.audit.timezone.now", lambda moment=moment: moment)
        act(number)
        sequence_all(number + 1)
    leaves = list(AuditLeaf.objects.order_by("seq").values_list("entry__object_id", "entry__at"))
    assert leaves == [("0", at), ("1", at - timedelta(hours=1)), ("2", at)]
    assert verifier.verify(exported(tmp_path))[0] == 3


@pytest.mark.django_db(transaction=True)
def test_entries_of_an_open_transaction_and_later_ones_wait(tmp_path):
    """The entry of a slow transaction began earlier: nothing that began later may overtake it."""
    name = connection.settings_dict["NAME"]
    act(0)
    sequence_all(1)
    with in_another_session(name) as slow:
        slow.execute(
            "INSERT INTO core_auditentry (at, actor_name, action, object_kind, object_id, body, leaf_hash)"
            " VALUES (now(), 'x', 'a', 'k', 'slow', '{}', sha256('\\x00'::bytea || '{}'))"
        )
        act(2)
        assert sequencer.sequence() == 0
        assert queries.log_state().waiting == 1
        slow.commit()
    sequence_all(3)
    assert [row.entry.object_id for row in AuditLeaf.objects.order_by("seq")] == ["0", "slow", "2"]


@pytest.mark.django_db(transaction=True)
def test_entries_of_a_transaction_that_is_rolled_back_leave_no_gap():
    act(0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        act(1)
        1 / 0  # noqa: B018
    act(2)
    sequence_all(2)
    assert list(AuditLeaf.objects.order_by("seq").values_list("entry__object_id", flat=True)) == ["0", "2"]


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_at_once_do_not_disturb_each_other():
    act(0)
    with in_another_session(connection.settings_dict["NAME"]) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sequencer.LOCK])
        assert sequencer.sequence() == 0
    sequence_all(1)


@pytest.mark.django_db(transaction=True)
def test_many_writers_are_all_ordered_once(tmp_path):
    def writer(start):
        try:
            for number in range(start, start + 10):
                act(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=writer, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        sequencer.sequence()
    for thread in threads:
        thread.join()
    sequence_all(40)
    assert verifier.verify(exported(tmp_path))[0] == 40


@pytest.mark.django_db(transaction=True)
def test_after_a_move_to_another_server_nothing_is_lost_or_ordered_twice(tmp_path):
    """Transaction numbers start anew there: stored ones may be larger than any to come for years."""
    act(0)
    act(1)
    sequence_all(2)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("UPDATE core_auditentry SET transaction_id = transaction_id + 9000000000000")
        cursor.execute("UPDATE core_auditcheckpoint SET horizon = horizon + 9000000000000, cluster = 1")
    act(2)
    with connection.cursor() as cursor:
        # Written on the old server, but not ordered there.
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("UPDATE core_auditentry SET transaction_id = 9000000000001 WHERE object_id = '2'")
        cursor.execute("SET ROLE yuchang_app")
    act(3)
    sequence_all(4)
    act(4)
    sequence_all(5)
    assert verifier.verify(exported(tmp_path))[0] == 5


@pytest.mark.django_db(transaction=True)
def test_twenty_thousand_entries_of_one_bulk_action_are_ordered_fast(tmp_path):
    with write("registry.bulk", SYSTEM) as audit:
        count = audit.add_bulk(
            "household",
            "SELECT n::text, 3::bigint, jsonb_build_object('n', n) FROM generate_series(1, 20000) n",
        )
    assert count == 20_000
    started = time.process_time()
    sequence_all(20_000)
    assert time.process_time() - started < 10
    first = AuditLeaf.objects.select_related("entry").get(seq=0)
    assert json.loads(first.entry.body)["details"] == {"n": 1}
    sizes = list(AuditCheckpoint.objects.order_by("size").values_list("size", flat=True))
    assert sizes[:2] == [1024, 2048]
    assert sizes[-1] == 20_000
    assert verifier.verify(exported(tmp_path))[0] == 20_000


OWNER_ATTACKS = {
    "edit": "UPDATE core_auditentry SET body = replace(body, '王专员', '李村干'),"
    " leaf_hash = sha256('\\x00'::bytea || convert_to(replace(body, '王专员', '李村干'), 'UTF8'))"
    " WHERE id = (SELECT entry_id FROM core_auditleaf WHERE seq = 2)",
    "edit with its leaf": "WITH e AS (UPDATE core_auditentry SET body = replace(body, '王专员', '李村干'),"
    " leaf_hash = sha256('\\x00'::bytea || convert_to(replace(body, '王专员', '李村干'), 'UTF8'))"
    " WHERE id = (SELECT entry_id FROM core_auditleaf WHERE seq = 2) RETURNING id, leaf_hash)"
    " UPDATE core_auditleaf l SET leaf_hash = e.leaf_hash FROM e WHERE l.entry_id = e.id",
    "change a search column": "UPDATE core_auditentry SET actor_name = '李村干'"
    " WHERE id = (SELECT entry_id FROM core_auditleaf WHERE seq = 2)",
    "delete": "ALTER TABLE core_auditleaf DROP CONSTRAINT {foreign_key};"
    " DELETE FROM core_auditentry WHERE id = (SELECT entry_id FROM core_auditleaf WHERE seq = 2)",
    "delete with its leaf": "WITH gone AS (DELETE FROM core_auditleaf WHERE seq = 2 RETURNING entry_id)"
    " DELETE FROM core_auditentry WHERE id IN (SELECT entry_id FROM gone)",
    "swap": "UPDATE core_auditleaf SET seq = -seq WHERE false;"
    " ALTER TABLE core_auditleaf DROP CONSTRAINT core_auditleaf_seq;"
    " UPDATE core_auditleaf SET seq = -1 WHERE seq = 2; UPDATE core_auditleaf SET seq = 2 WHERE seq = 4;"
    " UPDATE core_auditleaf SET seq = 4 WHERE seq = -1",
    "truncate": "DELETE FROM core_auditleaf WHERE seq >= 2",
}


@pytest.mark.parametrize("name", OWNER_ATTACKS)
def test_what_the_owner_of_the_tables_changes_is_named(db, tmp_path, as_role, monkeypatch, name):
    """In one transaction, so that even the attacks on constraints are undone afterwards."""
    monkeypatch.setattr(sequencer, "_from_horizon", lambda last, cluster: None)
    for number in range(6):
        act(number)
    with as_role("owner"), connection.cursor() as cursor:
        # Make the entries look finished: this test's own transaction is still open.
        cursor.execute("UPDATE core_auditentry SET transaction_id = 9000000000000")
    assert sequencer.sequence() == 6
    assert verifier.verify(exported_here(tmp_path / "before", monkeypatch))[0] == 6
    with as_role("owner"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'core_auditleaf'::regclass"
        )
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; " + OWNER_ATTACKS[name].format(foreign_key=cursor.fetchone()[0])
        )
    assert Export.read(exported_here(tmp_path / "after", monkeypatch)).first_bad(tmp_path / "again") == 2


def exported_here(folder, monkeypatch):
    """Export inside the test's own transaction, which cannot change its isolation any more."""
    from yuchang.core import export

    monkeypatch.setattr(export, "_freeze", lambda: None)
    return exported(folder)


@pytest.mark.parametrize("table", ["core_auditentry", "core_auditleaf", "core_auditcheckpoint"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}={}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_cannot_change_or_remove_what_is_logged(db, table, statement):
    column = {"core_auditentry": "id", "core_auditleaf": "seq", "core_auditcheckpoint": "size"}[table]
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table, column, column))


@pytest.mark.parametrize("column", ["id", "transaction_id"])
def test_the_application_cannot_choose_where_an_entry_stands(db, column):
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT INTO core_auditentry ({column}, at, actor_name, action, object_kind, object_id, body, leaf_hash)"
            " VALUES (1, now(), 'x', 'a', 'k', 'o', '{}', sha256('\\x00'::bytea || '{}'))"
        )


def test_an_entry_whose_hash_is_not_that_of_its_text_is_refused(db):
    with (
        pytest.raises(Exception, match="core_auditentry_hash_of_body"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO core_auditentry (at, actor_name, action, object_kind, object_id, body, leaf_hash)"
            " VALUES (now(), 'x', 'a', 'k', 'o', '{}', sha256('other'))"
        )


def test_the_portal_sees_nothing_of_the_log(db, as_role):
    act(1)
    with as_role("portal"), pytest.raises(Exception, match="permission denied"), transaction.atomic():
        AuditEntry.objects.count()
