"""``manage.py import_holidays FILE``: add the days of a notice to the nation's calendar."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Invalid
from yuchang.procedures.actions import import_holidays


class Command(BaseCommand):
    help = "Add days off and make-up days of a notice (workbook or CSV: day, kind, name, document)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            count = import_holidays(SYSTEM, name=path.name, content=path.read_bytes(), place=None).added
        except (OSError, Invalid) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} days added")
