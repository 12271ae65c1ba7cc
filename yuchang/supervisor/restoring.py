"""``restore``: a database as it was at any moment since a backup, in a data folder of its own."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from yuchang.supervisor.account import account_for, open_way, own_folder
from yuchang.supervisor.backups import MIRRORED, Backup, backups_in
from yuchang.supervisor.sealing import unseal
from yuchang.supervisor.server import EmbeddedServer, write_private
from yuchang.supervisor.words import Trouble

_MARK = "# restoring: removed afterwards\n"
KEY_FOLDERS = ("secrets", "postgres")


def restore(
    folder: Path, var: Path, *, name: str = "", to: datetime | None = None, passphrase: str | None = None
) -> EmbeddedServer:
    """Bring the data back below ``var`` and start its server. Returns it, running and open for writes.

    ``to``: the last moment whose commits count (with a time zone); without it, everything archived.
    ``name``: which copy to start from; without it, the newest finished before ``to``. Data that exist are
    never overwritten. Raises Trouble, among others for a moment that the archive does not reach.
    """
    backup = choose(folder, name, to)
    if (var / "postgres" / "data").exists():
        raise Trouble(
            f"{var} 中已有数据库，未做任何改动。请恢复到另一个目录（--into）。",
            f"There is a database in {var} already: nothing was changed. Restore elsewhere (--into).",
        )
    var.mkdir(parents=True, exist_ok=True, mode=0o711)
    _bring_keys(folder / "base" / backup.name, var, passphrase)
    _bring_files(folder, var)
    server = EmbeddedServer(var)
    _bring_database(folder, backup, server, to)
    try:
        server.start()
    except Trouble:
        shutil.rmtree(server.data, ignore_errors=True)
        raise
    _clear(server)
    return server


def choose(folder: Path, name: str, to: datetime | None) -> Backup:
    """The copy to start from. Raises Trouble when there is none."""
    there = backups_in(folder)
    fitting = [b for b in there if (not name or b.name == name) and (to is None or b.finished <= to)]
    if not fitting:
        names = ", ".join(f"{b.name} ({b.when})" for b in there) or "–"
        raise Trouble(
            f"{folder} 中没有合适的备份（现有，括号内为完成时的北京时间：{names}）。",
            f"There is no fitting backup in {folder} (there are, finished in Beijing time: {names}).",
        )
    return fitting[-1]


def _bring_keys(copy: Path, var: Path, passphrase: str | None) -> None:
    packed = copy / "keys.tar"
    if packed.exists():
        content = packed.read_bytes()
    elif passphrase:
        content = unseal((copy / "keys.sealed").read_bytes(), passphrase)
    else:
        raise Trouble(
            "备份中的密钥已加密，请用 --passphrase-file 给出口令。",
            "The keys in this backup are sealed: name the passphrase with --passphrase-file.",
        )
    unpack_keys(content, var)
    if (var / "secrets").exists():
        (var / "secrets").chmod(0o700)


def unpack_keys(content: bytes, var: Path) -> None:
    """Lay the keys of a backup into ``var``: plain files right in the folders they were packed from.

    Written out because ``extractall(filter=…)`` came with Python 3.11.4, and Debian 12 has 3.11.2.
    Raises Trouble when the archive holds anything else.
    """
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
        for member in members:
            folder, _, name = member.name.partition("/")
            if not member.isreg() or folder not in KEY_FOLDERS or "/" in name or name in ("", "..", "."):
                raise Trouble(
                    f"备份中的密钥包含不应有的内容：{member.name}",
                    f"The keys of this backup hold something that does not belong there: {member.name}",
                )
        for member in members:
            packed = archive.extractfile(member)
            assert packed is not None  # a plain file
            (var / member.name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(var / member.name, packed.read().decode())


def _bring_files(folder: Path, var: Path) -> None:
    for part in MIRRORED:
        if (folder / "files" / part).exists():
            shutil.copytree(folder / "files" / part, var / part, dirs_exist_ok=True)


def _bring_database(folder: Path, backup: Backup, server: EmbeddedServer, to: datetime | None) -> None:
    """Copy the data, and say up to which moment the log is to be replayed."""
    source, wal = folder / "base" / backup.name / "data", folder / "wal"
    account = account_for(source)
    server.root.chmod(0o700 if account.is_self else 0o711)
    draft = server.root / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    settings = [f'restore_command = \'gzip -dc "{wal}/%f.gz" > "%p"\'']
    if to is not None:
        moment = to.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        settings += [f"recovery_target_time = '{moment}'", "recovery_target_action = 'promote'"]
    with (draft / "postgresql.auto.conf").open("a") as handle:
        handle.write(_MARK + "".join(line + "\n" for line in settings))
    (draft / "recovery.signal").touch()
    open_way(account, wal)
    if not account.is_self:
        for path in (draft, *draft.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    own_folder(draft, account)
    draft.rename(server.data)


def _clear(server: EmbeddedServer) -> None:
    """The restored server is a server like any other from now on."""
    path = server.data / "postgresql.auto.conf"
    kept = path.read_text().split(_MARK, 1)[0]
    state = path.stat()
    path.write_text(kept)
    os.chown(path, state.st_uid, state.st_gid)
