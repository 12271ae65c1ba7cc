"""Light states: the same statements, fewer classes made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from os import environ
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.core.management import get_commands
from django.db import connection, models, transaction
from django.db.migrations import operations as ops
from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import CaptureQueriesContext
from psycopg import sql

from config.environment import ROOT, database_url
from tests.databases import own_name
from yuchang.core.migrating import light_states
from yuchang.supervisor.binaries import program_folder
from yuchang.supervisor.provision import prepare_schema, replace_url

NUMBER = ("id", models.AutoField(primary_key=True))


def test_migrate_uses_light_states() -> None:
    assert get_commands()["migrate"] == "yuchang.core"


def to(model: str, **options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(model, models.CASCADE, **options)


def ask_backwards(apps: Any, _editor: Any) -> None:
    """Python in a migration sees every model, and relations from both ends."""
    farm = apps.get_model("trial", "Farm")
    assert {one.related_model.__name__ for one in farm._meta.related_objects} == {"Field", "Owner", "Note"}
    assert farm.objects.filter(field__owner__farm__isnull=False).count() == 0


def steps() -> list[Any]:
    """A circle, a model of itself, many to many; fields, indexes and constraints changed and taken away."""
    index, other = (models.Index(fields=["farm"], name=name) for name in ("field_farm", "field_farm_2"))
    return [
        ops.CreateModel("Farm", [NUMBER, ("code", models.CharField(max_length=9, unique=True))]),
        ops.CreateModel("Field", [NUMBER, ("farm", to("trial.Farm")), ("size", models.IntegerField())]),
        ops.CreateModel("Owner", [NUMBER, ("farm", to("trial.Farm")), ("boss", to("self", null=True))]),
        ops.CreateModel(
            "Note", [NUMBER, ("farm", to("trial.Farm", to_field="code")), ("n", models.IntegerField())]
        ),
        ops.AddField("Field", "owner", to("trial.Owner", null=True)),
        ops.AddField("Farm", "first", to("trial.Field", null=True, related_name="+")),
        ops.AddField("Owner", "fields", models.ManyToManyField("trial.Field")),
        ops.AddIndex("Field", index),
        ops.AddIndex("Field", other),
        ops.AddConstraint("Field", models.CheckConstraint(condition=models.Q(size__gt=0), name="field_size")),
        ops.AlterField("Field", "farm", to("trial.Farm", db_index=False)),
        ops.AlterField("Field", "size", models.BigIntegerField(default=1)),
        ops.RemoveIndex("Field", "field_farm_2"),
        ops.AddField("Owner", "name", models.CharField(max_length=20, default="", db_index=True)),
        ops.AlterField("Owner", "name", models.CharField(max_length=20, default="")),
        ops.RunPython(ask_backwards),
        ops.AlterField("Farm", "code", models.CharField(max_length=30, unique=True)),
        ops.AlterField("Farm", "id", models.BigAutoField(primary_key=True)),
        ops.RemoveConstraint("Field", "field_size"),
        ops.RenameField("Field", "size", "area"),
        ops.AddField("Note", "field", to("trial.Field", null=True)),
        ops.RemoveField("Owner", "fields"),
        ops.RunSQL("SELECT 1", state_operations=[ops.AlterModelOptions("Note", {"ordering": ["id"]})]),
        ops.DeleteModel("Note"),
    ]


@contextmanager
def counted_classes() -> Iterator[list[str]]:
    made: list[str] = []
    render = ModelState.render

    def counting(self: Any, apps: Any) -> Any:
        made.append(self.name)
        return render(self, apps)

    with mock.patch.object(ModelState, "render", counting):
        yield made


def walk(way: Any, every: list[Any]) -> tuple[list[str], list[str], ProjectState]:
    """The statements run, the classes made and the state at the end. What was made is undone."""
    state = ProjectState()
    with transaction.atomic(), way, counted_classes() as made, CaptureQueriesContext(connection) as run:
        for first in range(0, len(every), 5):
            migration = Migration(f"{first:04}", "trial")
            migration.operations = every[first : first + 5]
            with connection.schema_editor(atomic=True) as editor:
                assert state.apps is not None  # as the executor has it
                state = migration.apply(state, editor)
        transaction.set_rollback(True)
    return [one["sql"] for one in run.captured_queries if "SAVEPOINT" not in one["sql"]], made, state


def test_the_same_statements_run(db: None, as_role: Callable[[str], Any]) -> None:
    with as_role("owner"):
        plain, _many, django = walk(nullcontext(), steps())
        light, _few, ours = walk(light_states(), steps())
    assert light == plain
    assert sum("CREATE TABLE" in one for one in plain) == 5
    assert ours == django
    ours.clear_delayed_apps_cache()
    for state in (django, ours):
        farm = state.apps.get_model("trial", "Farm")
        assert {one.related_model.__name__ for one in farm._meta.related_objects} == {"Field", "Owner"}


def test_a_model_more_makes_one_class_more(db: None, as_role: Callable[[str], Any]) -> None:
    hub = ops.CreateModel("Hub", [NUMBER])
    spokes = [ops.CreateModel(f"Spoke{n}", [NUMBER, ("hub", to("trial.Hub"))]) for n in range(9)]
    with as_role("owner"):
        plain, many, _state = walk(nullcontext(), [hub, *spokes])
        light, few, _state = walk(light_states(), [hub, *spokes])
    assert light == plain
    assert len(few) == 10
    assert len(many) > 50


def test_outside_everything_is_djangos_own() -> None:
    with light_states():
        assert Migration.apply.__module__ == "yuchang.core.migrating"
    for method in (Migration.apply, ProjectState.reload_model, ModelState.clone):
        assert method.__module__.startswith("django.")


PLAIN = """
import django; django.setup()
from django.core.management.commands.migrate import Command
from django.core.management import call_command
call_command({command}, verbosity=0)
"""


@contextmanager
def migrated(name: str, command: str) -> Iterator[str]:
    """The administrator's address of a fresh database that this command has migrated."""
    with psycopg.connect(database_url("admin"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER yuchang_owner").format(sql.Identifier(name)))
        try:
            url = replace_url(database_url("admin"), name)
            with psycopg.connect(url, autocommit=True) as inside:
                prepare_schema(inside)
            owner = {
                "YUCHANG_DB_ROLE": "owner",
                "DATABASE_OWNER_URL": replace_url(database_url("owner"), name),
            }
            settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
            program = [sys.executable, "-c", PLAIN.format(command=command)]
            subprocess.run(program, cwd=ROOT, env={**environ, **owner, **settings}, check=True)
            yield url
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def dumped(url: str) -> list[str]:
    """Everything in the database as statements, but for the moments at which migrations ran."""
    dump = [str(program_folder() / "pg_dump"), "--exclude-table-data=django_migrations", url]
    done = subprocess.run(dump, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.mark.nightly
def test_a_database_is_the_same_to_the_letter_as_with_djangos_own_migrate() -> None:
    with (
        migrated(own_name("yc_plain"), "Command()") as plain,
        migrated(own_name("yc_light"), "'migrate'") as light,
    ):
        assert dumped(light) == dumped(plain)
