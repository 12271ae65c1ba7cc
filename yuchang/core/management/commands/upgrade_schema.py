"""``migrate`` that makes nobody wait: first work out the SQL of a migration, then run it in one go.

Django computes for seconds between the statements of a migration while it holds their locks. Here the SQL is
worked out without any lock; then it runs as one transaction, with ``lock_timeout``, tried again when somebody
is in the way. A migration with Python in it runs as Django runs it. Then what comes with the release goes in
(``settings.SET_UP_COMMANDS``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython, SeparateDatabaseAndState
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from yuchang.core.migrating import light_states

ATTEMPTS, PAUSE_SECONDS = 10, 2.0
LOCK_TIMEOUT = "5s"


class Command(BaseCommand):
    help = "Apply pending migrations with locks of milliseconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--noinput", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
            is_old = cursor.fetchone() == (True,)
        if is_old:
            with light_states():
                self._apply(options["verbosity"])
        call_command("migrate", interactive=False, verbosity=options["verbosity"], skip_checks=True)
        for name in settings.SET_UP_COMMANDS:
            call_command(name, verbosity=options["verbosity"])

    def _apply(self, verbosity: int) -> None:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        known: Any = executor
        state: ProjectState = known._create_project_state(with_applied_migrations=True)
        for migration, _is_backwards in plan:
            if has_python(migration.operations) or not migration.atomic or migration.replaces:
                state = executor.apply_migration(state, migration)
                continue
            state, statements = work_out(migration, state)
            seconds = run(statements, migration)
            if verbosity:
                self.stdout.write(f"  {migration}: {len(statements)} statements in {seconds * 1000:.0f} ms")


def has_python(operations: Sequence[Any]) -> bool:
    """Whether any operation is more than SQL."""
    return any(
        isinstance(one, RunPython)
        or (isinstance(one, SeparateDatabaseAndState) and has_python(one.database_operations))
        for one in operations
    )


def work_out(migration: Migration, state: ProjectState) -> tuple[ProjectState, list[str]]:
    """The state after the migration, and its SQL. Nothing is changed."""
    with connection.schema_editor(collect_sql=True, atomic=True) as editor:
        state = migration.apply(state, editor, collect_sql=True)
    return state, [text for text in map(str, editor.collected_sql) if text and not text.startswith("--")]


def run(statements: Sequence[str], migration: Migration) -> float:
    """Run them as one transaction and record the migration; the seconds it took. Raises CommandError."""
    for _attempt in range(ATTEMPTS):
        started = time.monotonic()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                for statement in statements:
                    cursor.execute(statement)
                MigrationRecorder(connection).record_applied(migration.app_label, migration.name)
            return time.monotonic() - started
        except OperationalError as error:
            if "lock timeout" not in str(error):
                raise
            time.sleep(PAUSE_SECONDS)
    raise CommandError(f"{migration}: others held locks all the time; nothing was changed. Try again later.")
