"""Write the ordered audit log to a folder, for the standalone verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yuchang.core.export import export_log
from yuchang.core.sequencer import sequence


class Command(BaseCommand):
    help = "Export the audit log (entries, checkpoints, public key). Check it with tools/verify_audit.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--as-is", action="store_true", help="do not order waiting entries first")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["as_is"]:
            sequence()
        entries, checkpoints = export_log(options["folder"])
        self.stdout.write(f"{entries} entries, {checkpoints} checkpoints in {options['folder']}")
