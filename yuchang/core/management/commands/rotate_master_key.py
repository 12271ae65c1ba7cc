"""Put every data key under the present master key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yuchang.core.secrets import Unreadable, rotate_master_key


class _Operator:
    """Who runs commands on the server."""

    user_id = None
    name = "system"


class Command(BaseCommand):
    help = (
        "Rewrap the data keys. First set YUCHANG_MASTER_KEY to the new key and YUCHANG_MASTER_KEY_OLD "
        "to the one before, and restart; afterwards remove the old one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rotate_master_key(actor=_Operator())
        except Unreadable as error:
            raise CommandError(f"{error}. Set YUCHANG_MASTER_KEY_OLD to the key before.") from error
        self.stdout.write(f"{count} data keys rewrapped")
