"""``manage.py sync_procedures``: bring the shipped procedures into the database (safe to repeat)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from yuchang.procedures.actions import sync_definitions


class Command(BaseCommand):
    help = "Bring the procedures shipped with this release into the database; stored ones stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sync_definitions()} new definitions")
