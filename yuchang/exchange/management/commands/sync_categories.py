"""``manage.py sync_categories``: the category tree as shipped."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from yuchang.accounts.rules import SYSTEM
from yuchang.exchange.actions import sync_categories


class Command(BaseCommand):
    """Brings the category table in line with the shipped file."""

    help = "Bring the exchange's categories in line with categories.yaml"

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the action and say what changed."""
        self.stdout.write(f"{sync_categories(actor=SYSTEM)} categories changed")
