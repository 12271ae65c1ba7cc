"""The commands that keep data: ``backup``, ``backups``, ``restore``, ``drill``."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path

from config.environment import VAR, uses_own_server
from yuchang.supervisor import backups as store
from yuchang.supervisor import drill as proof
from yuchang.supervisor.processes import brought_up
from yuchang.supervisor.restoring import restore as bring_back
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.words import Trouble, say


def backup(options: argparse.Namespace) -> int:
    """Copy database, files and keys while everything runs; from then on keep the log, too."""
    _only_embedded()
    server = EmbeddedServer()
    passphrase = passphrase_of(options)
    with brought_up(server):
        made = store.make_backup(server, _folder(options), keep=options.keep, passphrase=passphrase)
    size = (made.database_bytes + made.file_bytes) / 2**20
    say(
        f"备份 {made.name} 已完成并核对：{size:,.0f} MB，{made.seconds:.0f} 秒，位于 {_folder(options)}",
        f"The backup {made.name} is made and verified.",
        "✓",
    )
    return 0


def backups(options: argparse.Namespace) -> int:
    """List the backups. Exit code 3 when there is none."""
    there = store.backups_in(_folder(options))
    for made in there:
        size = (made.database_bytes + made.file_bytes) / 2**20
        print(
            f"{made.name}  {made.when}  {size:>9,.0f} MB  {made.seconds:>7.1f} s  {made.release}  {made.keys}"
        )
    if not there:
        say(f"{_folder(options)} 中没有备份。", "There is no backup.", "✕")
    return 0 if there else 3


def restore(options: argparse.Namespace) -> int:
    """Bring everything back as it was at a moment, into another data folder."""
    into = Path(options.into).absolute()
    server = bring_back(
        _folder(options),
        into,
        name=options.name,
        to=moment(options.to) if options.to else None,
        passphrase=passphrase_of(options),
    )
    server.stop()
    say(
        f"已恢复到 {into}。核对后以 YUCHANG_VAR={into} 启动，或把它移到原数据目录的位置。",
        "The data are back. Look at them, then start with that YUCHANG_VAR, or move the folder.",
        "✓",
    )
    return 0


def drill(options: argparse.Namespace) -> int:
    """Restore this very moment into a second place, compare everything, print RPO and RTO."""
    _only_embedded()
    into = Path(options.into).absolute() if options.into else VAR.absolute() / "drill"
    if into.exists():
        raise Trouble(f"{into} 已存在，请先移走。", f"{into} exists: move it away first.")
    server, passphrase = EmbeddedServer(), passphrase_of(options)
    try:
        with brought_up(server):
            report = proof.drill(
                server, _folder(options), into, fresh=not options.newest, passphrase=passphrase
            )
    finally:
        if not options.keep_copy:
            proof.remove(into)
    print("\n".join(report.lines()))
    return 0 if report.is_good else 1


def _only_embedded() -> None:
    """Raises Trouble with a server of one's own: a copy of an embedded database left behind would deceive."""
    if uses_own_server():
        raise Trouble(
            "平台使用 DATABASE_URL 指定的数据库，本命令只备份内嵌数据库：请用数据库服务器自己的工具备份，"
            "并停用定时备份（systemctl disable --now yuchang-backup.timer），见 docs/howto/operate.md。",
            "This copies an embedded database only, and DATABASE_URL names another: use that server's tools.",
        )


def moment(text: str) -> datetime:
    """``2026-11-21 15:04:05`` in Beijing time, unless it names another zone. Raises Trouble."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Trouble(
            f"无法识别的时间：{text}，请写成 2026-11-21 15:04:05。",
            f"Not a time: {text}. Write it like 2026-11-21 15:04:05.",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=store.HERE)


def _folder(options: argparse.Namespace) -> Path:
    return Path(options.folder).absolute() if options.folder else store.folder_for(VAR)


def passphrase_of(options: argparse.Namespace) -> str | None:
    """What seals the keys: ``--passphrase-file``, else ``YUCHANG_BACKUP_PASSPHRASE_FILE``, else nothing.

    Raises Trouble where the file cannot be read or says nothing.
    """
    given = options.passphrase_file or os.environ.get("YUCHANG_BACKUP_PASSPHRASE_FILE", "")
    if not given:
        return None
    try:
        found = Path(given).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Trouble(f"无法读取口令文件：{error}", f"The passphrase cannot be read: {error}") from None
    if not found:
        raise Trouble(f"口令文件 {given} 是空的。", f"The file {given} holds no passphrase.")
    return found


def add_passphrase(command: argparse.ArgumentParser) -> None:
    """The option that names the file."""
    command.add_argument(
        "--passphrase-file",
        help="a file with the passphrase that seals the keys; else YUCHANG_BACKUP_PASSPHRASE_FILE",
    )


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands and their options."""
    for action in (backup, backups, restore, drill):
        command = commands.add_parser(action.__name__, help=action.__doc__)
        command.set_defaults(action=action)
        command.add_argument("--folder", help="where backups lie; else YUCHANG_BACKUPS, else var/backups")
        add_passphrase(command)
        if action is backup:
            command.add_argument("--keep", type=int, default=store.KEPT, help="how many copies to keep")
        if action is restore:
            command.add_argument("--into", required=True, help="a data folder without a database")
            command.add_argument(
                "--to", default="", help="the last moment that counts, in Beijing time, 2026-11-21 15:04:05"
            )
            command.add_argument("--name", default="", help="the copy to start from; else the fitting newest")
        if action is drill:
            command.add_argument("--into", default="", help="the second place; else var/drill")
            command.add_argument("--newest", action="store_true", help="start from the newest copy there is")
            command.add_argument("--keep-copy", action="store_true", help="leave the second place there")
