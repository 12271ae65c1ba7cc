"""``manage.py check_policies``: whether every rule of ``policies/`` compiles, and what the rules say."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yuchang.core.errors import Conflict
from yuchang.policy.queries import library, pack_of
from yuchang.rulelang.render import sentence


class Command(BaseCommand):
    """Prints each rule as a sentence; fails with file, line, position and remedy at the first mistake."""

    help = "Check the rules and lines in policies/."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            texts = library()
            pack = pack_of(texts)
        except Conflict as error:
            raise CommandError(error.message) from error
        for rule in pack.rules:
            self.stdout.write(f"{rule.text.id} ({rule.text.kind}): {sentence(rule.node)}")
        self.stdout.write(
            f"{len(pack.rules)} rules, {len(texts.values)} values, {len(texts.facts)} facts: fine"
        )
