"""Carry publications out and intake in, between the two zones (``docs/howto/two-zones.md``)."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from config.environment import database_url, parse_database_url
from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import YuchangError
from yuchang.portal import keys, queries
from yuchang.portal.actions import publish_receipts
from yuchang.portal.actions.carrying import apply_bundle, make_bundle, trust_peer
from yuchang.portal.folder import Carried, carry, write_all


class Command(BaseCommand):
    help = (
        "Bundles between the zones. card: show this zone's card; trust FILE: accept the other's; "
        "export FOLDER: make and write bundles; import FILE: apply one; carry FOLDER: both; state."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("step", choices=["card", "trust", "export", "import", "carry", "state"])
        parser.add_argument("path", type=Path, nargs="?", help="a file or folder")
        parser.add_argument("--complete", action="store_true", help="export everything, not only changes")
        parser.add_argument("--forever", action="store_true", help="carry: again and again until SIGTERM")
        parser.add_argument("--every", type=int, default=60, help="carry --forever: seconds between rounds")
        parser.add_argument("--yes", action="store_true", help="trust: the fingerprint was compared")

    def handle(self, *args: Any, **options: Any) -> None:
        use_application_role()
        step, path = options["step"], options["path"]
        if path is None and step not in ("card", "state"):
            raise CommandError("请写明文件或文件夹。 Name a file or folder.")
        try:
            getattr(self, f"_{step}")(path, options)
        except YuchangError as error:
            raise CommandError(f"✕ {error}\n  {getattr(error, 'remedy', '')}") from error
        except OSError as error:
            raise CommandError(
                f"✕ 无法读写 {error.filename or path}：{error.strerror}。请写完整路径，且本账户能读写该处。\n"
                "  Write the full path, to a place that this account can read and write."
            ) from error

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")

    def _card(self, path: Path | None, options: dict[str, Any]) -> None:
        sign, seal = keys.signer().public_raw.hex(), keys.seal_key()
        text = json.dumps({"zone": settings.ZONE, "sign": sign, "seal": seal}, indent=1)
        if path:
            path.write_text(text + "\n")
            self._say(f"✓ {path}")
        else:
            self.stdout.write(text)
        self._say(f"指纹 fingerprint: {keys.fingerprint(sign, seal)}")

    def _trust(self, path: Path, options: dict[str, Any]) -> None:
        try:
            card = path.read_text()
            said = json.loads(card)
            shown = keys.fingerprint(str(said["sign"]), str(said["seal"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError("✕ 这不是身份卡。 This is no card.") from error
        self._say(f"指纹 fingerprint: {shown}")
        if not options["yes"]:
            raise CommandError("请与另一侧电话核对指纹，一致后加 --yes 再运行。 Compare it, then add --yes.")
        trust_peer(actor=SYSTEM, card=card)
        self._say("✓ 已确认另一侧。 The other side is trusted.")

    def _export(self, path: Path, options: dict[str, Any]) -> None:
        _say_what_became()
        row = make_bundle(actor=SYSTEM, is_complete=options["complete"])
        if row:
            self._say(f"第 {row.number} 包：{row.lines} 行，{row.size} 字节")
        done = Carried()
        write_all(path, done)
        self._report(done)

    def _import(self, path: Path, options: dict[str, Any]) -> None:
        done = apply_bundle(actor=SYSTEM, content=path.read_bytes(), tell=self._say)
        words = "已写入" if done.is_new else "以前已写入，没有变化"
        self._say(f"✓ 第 {done.number} 包（{done.lines} 行）{words}。")

    def _carry(self, path: Path, options: dict[str, Any]) -> None:
        stop = threading.Event()
        if options["forever"]:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while True:
            _say_what_became()
            self._report(carry(path, self._say), is_quiet=options["forever"])
            if not options["forever"] or stop.wait(options["every"]):
                return

    def _state(self, path: Path | None, options: dict[str, Any]) -> None:
        other = queries.peer()
        self._say(f"本侧 this zone: {settings.ZONE}")
        shown = keys.fingerprint(other.sign_key, other.seal_key) if other else "—"
        self._say(f"另一侧指纹 the other's fingerprint: {shown}")
        self._say(f"待带出 waiting: {queries.waiting_for_bundle()}")
        for row in queries.bundles()[:10]:
            way = "→" if row.is_sent else "←"
            state = "✓" if row.confirmed_at or not row.is_sent else "…"
            at = timezone.localtime(row.at)
            self._say(f"{way} {row.stream} {row.number} {state} {row.lines} 行 {at:%Y-%m-%d %H:%M}")

    def _report(self, done: Carried, *, is_quiet: bool = False) -> None:
        for name in done.applied:
            self._say(f"✓ 已收入 applied {name}")
        for name in done.written:
            self._say(f"✓ 已写出 written {name}")
        for text in done.refused:
            self.stderr.write(f"✕ {text}")
        if not (is_quiet or done.applied or done.written or done.refused):
            self._say("没有新的内容。 Nothing new.")


def _say_what_became() -> None:
    """Inside: what was decided a moment ago goes along."""
    if settings.ZONE != "public":
        publish_receipts(actor=SYSTEM)


def use_application_role() -> None:
    """Bundles are the application's: the public zone's own role could neither read nor apply them."""
    if settings.DB_ROLE == "portal":
        connection.close()
        connection.settings_dict.update(parse_database_url(database_url("app")))
