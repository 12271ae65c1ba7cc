"""``manage.py replay_clearing 12``: compute a stored clearing again and compare it byte for byte."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from yuchang.exchange.inputs import replay
from yuchang.exchange.models import Clearing


class Command(BaseCommand):
    """Compute the frozen inputs of clearings again, and check the stored answers with the checker."""

    help = "compute stored clearings again from their frozen inputs and compare the hashes"

    def add_arguments(self, parser: CommandParser) -> None:
        """The numbers of the clearings."""
        parser.add_argument("clearings", nargs="+", type=int, metavar="number")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each; exit code 1 if one differs or is not accepted."""
        bad = 0
        for run in Clearing.objects.filter(pk__in=options["clearings"]).order_by("pk"):
            found = replay(run)
            is_good = found.is_same and found.certificate.is_accepted
            bad += not is_good
            verdict = "same bytes, accepted" if is_good else f"DIFFERS or refused: {found.result_hash}"
            self.stdout.write(f"{run.pk} {run.result_hash} {verdict}")
        missing = (
            len(set(options["clearings"])) - Clearing.objects.filter(pk__in=options["clearings"]).count()
        )
        if bad or missing:
            raise CommandError(f"{bad} of them differ, {missing} do not exist")
