"""Django's ``migrate``, with light states (``core.migrating``)."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from yuchang.core.migrating import light_states


class Command(migrate.Command):
    """Updates the database's tables."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        """As Django's."""
        with light_states():
            super().handle(*arguments, **options)
