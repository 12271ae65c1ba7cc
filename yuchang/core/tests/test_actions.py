"""An action writes and leaves its audit entries in one transaction, or does neither."""

import json

import pytest
from django.db import connection

from yuchang.accounts.rules import Actor
from yuchang.core import queries
from yuchang.core.actions import check_version, write
from yuchang.core.errors import Stale
from yuchang.core.models import AuditEntry, Instance

OFFICER = Actor(user_id=7, name="王专员")


def test_an_action_leaves_who_did_what_to_which_object(db):
    with write("registry.verify", OFFICER) as audit:
        audit.add("household", 12, place_id=3, state="verified")
        audit.add("household", 13, place_id=3)
    entry = AuditEntry.objects.order_by("id").first()
    assert (entry.actor_id, entry.actor_name, entry.action) == (7, "王专员", "registry.verify")
    assert (entry.object_kind, entry.object_id, entry.place_id) == ("household", "12", 3)
    assert json.loads(entry.body)["details"] == {"state": "verified"}
    assert AuditEntry.objects.count() == 2


def test_an_action_that_fails_leaves_nothing(db):
    with pytest.raises(ZeroDivisionError), write("registry.verify", OFFICER) as audit:
        Instance.objects.update_or_create(pk=1, defaults={"name": "changed"})
        audit.add("household", 12)
        1 / 0  # noqa: B018
    assert not AuditEntry.objects.exists()
    assert not Instance.objects.filter(name="changed").exists()


def test_an_action_that_forgets_its_entry_is_rolled_back(db):
    with pytest.raises(RuntimeError, match="no audit entry"), write("registry.verify", OFFICER):
        Instance.objects.update_or_create(pk=1, defaults={"name": "changed"})
    assert not Instance.objects.filter(name="changed").exists()


def test_a_set_wise_action_leaves_one_entry_per_object(db):
    with write("registry.verify_many", OFFICER) as audit:
        rows = "SELECT n::text, 3::bigint, jsonb_build_object('word', %s::text) FROM generate_series(1, 3) n"
        assert audit.add_bulk("household", rows, ["'甲%%"]) == 3
    entries = AuditEntry.objects.order_by("id")
    assert [entry.object_id for entry in entries] == ["1", "2", "3"]
    said = json.loads(entries[0].body)
    assert said["details"] == {"word": "'甲%%"}
    assert set(said) == {"at", "actor_id", "actor", "action", "kind", "object_id", "place_id", "details"}


def test_a_set_wise_entry_reads_as_the_database_would_write_it(db):
    odd = Actor(user_id=None, name='王"专}\\员')
    with write("registry.verify_many", odd) as audit:
        audit.add_bulk(
            "household", """SELECT E'"x}\\n', NULL::bigint, NULL::jsonb UNION SELECT '2', 3, '{"b": 1}'"""
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT bool_and(body::jsonb::text = body) FROM core_auditentry")
        assert cursor.fetchone() == (True,)
    said = [json.loads(entry.body) for entry in AuditEntry.objects.order_by("place_id")]
    assert [(one["object_id"], one["place_id"], one["details"]) for one in said] == [
        ("2", 3, {"b": 1}),
        ('"x}\n', None, None),
    ]
    assert said[0]["actor"] == odd.name and said[0]["actor_id"] is None


@pytest.mark.parametrize("given", [None, 1, 3])
def test_a_write_that_read_another_version_is_refused(given):
    class Row:
        version = 2

    with pytest.raises(Stale) as refusal:
        check_version(Row(), given)
    assert refusal.value.status == 409
    assert refusal.value.remedy
    check_version(Row(), 2)


@pytest.fixture
def some_entries(db):
    for number in range(120):
        action = ("registry.verify", "registry.register", "market.order")[number % 3]
        with write(action, OFFICER if number % 2 else Actor(user_id=8, name="李村干")) as audit:
            audit.add("household" if number % 3 else "order", number % 10)


def walk(**filters):
    found, cursor = [], ""
    while True:
        page = queries.entries_page(cursor, size=7, **filters)
        found += page.items
        cursor = page.next
        if not cursor:
            return found


@pytest.mark.parametrize(
    ("filters", "test"),
    [
        ({}, lambda e: True),
        ({"action": "market.order"}, lambda e: e.action == "market.order"),
        ({"action": "registry."}, lambda e: e.action.startswith("registry.")),
        (
            {"kind": "household", "object_id": "4"},
            lambda e: (e.object_kind, e.object_id) == ("household", "4"),
        ),
        ({"actor": "7"}, lambda e: e.actor_id == 7),
        ({"actor": "李村干"}, lambda e: e.actor_name == "李村干"),
        ({"actor": "nobody"}, lambda e: False),
    ],
)
def test_an_auditor_finds_entries_newest_first(some_entries, filters, test):
    expected = [e.pk for e in AuditEntry.objects.order_by("-id") if test(e)]
    assert [e.pk for e in walk(**filters)] == expected


def test_the_history_of_one_object_is_told_in_order(some_entries):
    rows = list(queries.history_of("household", 4))
    assert [r.object_id for r in rows] == ["4"] * len(rows)
    assert rows == sorted(rows, key=lambda r: r.pk)


def test_a_list_of_entries_costs_the_same_for_few_and_many(some_entries, django_assert_num_queries):
    for size in (5, 60):
        with django_assert_num_queries(1):
            [entry.leaf for entry in queries.entries_page(size=size).items if hasattr(entry, "leaf")]
