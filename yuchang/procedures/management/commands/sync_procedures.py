"""``manage.py sync_procedures``: bring the shipped procedures into the database (safe to repeat)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yuchang.procedures.actions import sync_definitions


class Command(BaseCommand):
    help = "Bring the procedures shipped with this release into the database; stored ones stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--noinput", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        count = sync_definitions()
        if options["verbosity"]:
            self.stdout.write(f"{count} new definitions")
