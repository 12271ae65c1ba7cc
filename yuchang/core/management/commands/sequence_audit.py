"""Order the audit log and sign checkpoints: once, or every few seconds for ever."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from yuchang.core.queries import log_state
from yuchang.core.sequencer import sequence

logger = logging.getLogger("yuchang.sequencer")


class Command(BaseCommand):
    help = "Order finished audit entries, extend the Merkle tree, sign checkpoints."

    def add_arguments(self, parser: CommandParser) -> None:
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--once", action="store_true", help="one pass (the default)")
        way.add_argument("--forever", action="store_true", help="until SIGTERM")
        parser.add_argument("--every", type=float, default=3.0, help="seconds between passes")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["forever"]:
            count = sequence()
            state = log_state()
            self.stdout.write(f"ordered {count}; log has {state.size} entries, {state.waiting} waiting")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            self._pass()
            stop.wait(options["every"])

    def _pass(self) -> None:
        """One pass; a database that is away for a while is not the end."""
        try:
            count = sequence()
            if count:
                logger.info("ordered and signed %s audit entries", count)
        except DatabaseError:
            logger.exception("the audit log could not be ordered; trying again")
            connection.close()
