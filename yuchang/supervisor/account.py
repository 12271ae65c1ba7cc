"""Under which system account the embedded server runs, and how it reaches its files.

PostgreSQL refuses to run as root. Started by root, the server gets an account of its own; started
by a plain user, it runs as that user. Data that exist already keep their owner.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yuchang.supervisor.words import Trouble, say

SERVER_ACCOUNT = "yuchang"
# As the installation guide makes it; the account of a first look is then the service's, too.
HOME = "/var/lib/yuchang"


@dataclass(frozen=True)
class Account:
    """A system account; ``is_self`` when it is the one we run as."""

    uid: int
    gid: int
    name: str
    is_self: bool


def account_for(data: Path) -> Account:
    """The account that owns the data, or the one that shall. Raises Trouble."""
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if me != 0:
        if owner not in (None, me):
            name = _name(owner or 0)
            raise Trouble(
                f"数据目录 {data} 属于账户 {name}，请用该账户或 root 运行。",
                f"The data folder {data} belongs to {name}: run as that account or as root.",
            )
        return Account(me, os.getegid(), _name(me), True)
    if owner:
        return Account(owner, data.stat().st_gid, _name(owner), False)
    entry = _own_account()
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, False)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _own_account() -> pwd.struct_passwd:
    """The server's own account, made if there is none; ``nobody`` where accounts cannot be made."""
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        command = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        options = ["--system", "--user-group", "--home-dir", HOME, "--no-create-home"]
        options += ["--shell", "/usr/sbin/nologin"]
        if command:
            subprocess.run([command, *options, SERVER_ACCOUNT], check=False, capture_output=True)
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        return pwd.getpwnam("nobody")


def run_as(account: Account, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program of the server under its account and capture what it says."""
    if not account.is_self:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C"}
    return subprocess.run(
        command,
        env=environment | options.pop("env", {}),
        cwd="/",
        check=False,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    )


def own_folder(path: Path, account: Account) -> None:
    """A private folder of the server's account."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not account.is_self:
        os.chown(path, account.uid, account.gid)
    if path.stat().st_uid != account.uid:
        raise Trouble(
            f"目录 {path} 不属于账户 {account.name}。",
            f"The folder {path} does not belong to {account.name}.",
        )
    path.chmod(0o700)


def open_way(account: Account, path: Path) -> None:
    """Let the server's account pass through the folders above ``path``: pass, not list or read."""
    if account.is_self:
        return
    for folder in reversed(path.resolve().parents):
        state = folder.stat()
        if account.uid == state.st_uid:
            may_pass = state.st_mode & stat.S_IXUSR
        elif account.gid == state.st_gid:
            may_pass = state.st_mode & stat.S_IXGRP
        else:
            may_pass = state.st_mode & stat.S_IXOTH
        if not may_pass:
            folder.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)
            say(
                f"已允许其他账户穿过目录 {folder}（不可列出内容），数据库账户 {account.name} 需要。",
                f"Other accounts may now pass through {folder} (not list it): the database account needs it.",
            )
