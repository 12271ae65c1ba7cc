"""``manage.py load_places [--areas 621221 62 …]``: load the divisions, with a progress bar."""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yuchang.places.actions import load_places

STEPS = {"copy": "读入地区 places", "index": "建立索引 indexes", "done": "完成 done"}


@dataclass(frozen=True)
class Operator:
    """Whoever runs the command on the machine."""

    user_id: int | None = None
    name: str = "load_places"


class Command(BaseCommand):
    help = "Load the administrative divisions shipped in reference/ (safe to repeat)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--areas", nargs="*", help="county codes (6 digits) or province codes (2)")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        is_terminal = self.stderr.isatty()
        try:
            changed = load_places(
                actor=Operator(),
                areas=options["areas"] or None,
                progress=self.show if is_terminal else None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if is_terminal and changed:
            self.stderr.write("")
        seconds = time.monotonic() - started
        self.stdout.write(f"{changed:,} rows of places added or changed in {seconds:.1f} s")

    def show(self, step: str, done: int, total: int) -> None:
        """One line on the terminal, drawn over itself."""
        share = min(1.0, done / total) if total else 1.0
        width = max(10, min(40, shutil.get_terminal_size().columns - 40))
        bar = "█" * round(share * width)
        self.stderr.write(f"\r{STEPS[step]:<18} {bar:<{width}} {share:4.0%}", ending="")
        self.stderr.flush()
