"""``backup`` and ``backups``: whole copies of the embedded database, its log archive, files and keys.

The folder (``YUCHANG_BACKUPS``, ``var/backups`` by default; better another disk) holds

- ``base/<name>/``: a copy of the database (``data``), ``keys.tar`` or ``keys.sealed``, ``manifest.json``;
- ``wal/``: every log segment since the oldest copy, sent at the latest ``ARCHIVE_SECONDS`` after a commit;
- ``files/``: uploads and frozen snapshots, mirrored while ``run`` runs.

From a copy and the log any moment since can be restored. Archiving begins with the first backup.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from config.environment import ROOT
from yuchang.supervisor.account import Account, account_for, open_way, own_folder, run_as
from yuchang.supervisor.binaries import usable_programs
from yuchang.supervisor.fingerprints import audit_root
from yuchang.supervisor.sealing import seal
from yuchang.supervisor.server import EmbeddedServer, write_private
from yuchang.supervisor.words import Trouble, say

KEPT = 7
HERE = ZoneInfo("Asia/Shanghai")
MIRRORED = ("media", "files", "snapshots", "maps")
NAME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Backup:
    """One whole copy. Times in ISO 8601, UTC; ``seconds`` the copying took."""

    name: str
    began_at: str
    finished_at: str
    seconds: float
    database_bytes: int
    file_count: int
    file_bytes: int
    server_version: str
    release: str
    timeline: int
    first_segment: str
    audit_root: str
    keys: str

    @property
    def finished(self) -> datetime:
        return datetime.fromisoformat(self.finished_at)

    @property
    def when(self) -> str:
        """When it was finished, as people read it: in Beijing time."""
        return self.finished.astimezone(HERE).strftime("%Y-%m-%d %H:%M:%S")


def folder_for(var: Path) -> Path:
    """Where backups go: ``YUCHANG_BACKUPS``, else beside the data."""
    given = os.environ.get("YUCHANG_BACKUPS")
    return Path(given).absolute() if given else var.absolute() / "backups"


def backups_in(folder: Path) -> list[Backup]:
    """The finished copies, oldest first."""
    found = []
    for path in sorted((folder / "base").glob("*/manifest.json")):
        if not path.parent.name.endswith(".new"):
            found.append(Backup(**json.loads(path.read_text())))
    return found


def make_backup(
    server: EmbeddedServer, folder: Path, *, keep: int = KEPT, passphrase: str | None = None
) -> Backup:
    """Copy database, files and keys, verify the copy, and drop copies beyond ``keep`` with their log.

    Nothing stops meanwhile. Raises Trouble when the copy cannot be made or does not verify.
    """
    server.start()
    account = account_for(server.data)
    programs = usable_programs(account)
    _prepare_folders(folder, account)
    archived_before = server.archive_folder()
    _archive(server, folder)
    began, started = datetime.now(UTC), time.monotonic()
    name = began.strftime(NAME)
    draft = folder / "base" / f"{name}.new"
    shutil.rmtree(draft, ignore_errors=True)
    own_folder(draft, account)
    try:
        _copy_database(server, account, programs, draft / "data")
        count, size = mirror(server.root.parent, folder)
        keys = _keep_keys(server, draft, passphrase)
        made = Backup(
            name=name,
            began_at=began.isoformat(timespec="microseconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            seconds=round(time.monotonic() - started, 1),
            database_bytes=size_of(draft / "data"),
            file_count=count,
            file_bytes=size,
            release=release(),
            keys=keys,
            **_facts(server, draft / "data"),
        )
        write_private(draft / "manifest.json", json.dumps(asdict(made), indent=1))
        draft.rename(folder / "base" / name)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        _archive_as_before(server, archived_before)
        raise
    prune(folder, account, programs, keep)
    return made


def _prepare_folders(folder: Path, account: Account) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    if not account.is_self:
        folder.chmod(0o711)
    open_way(account, folder / "base")
    for part in ("base", "wal"):
        own_folder(folder / part, account)
    (folder / "files").mkdir(exist_ok=True, mode=0o700)


def _archive(server: EmbeddedServer, folder: Path) -> None:
    """Begin to archive the log there. Raises Trouble for a server started by an older release."""
    server.archive_to(folder / "wal")
    with psycopg.connect(server.urls()["admin"], autocommit=True) as admin:
        if admin.execute("SHOW archive_mode").fetchone() != ("on",):
            raise Trouble(
                "数据库由旧版本启动，尚不能归档日志：请先停止并重新启动（down，然后 up 或 run）。",
                "The database was started by an older release and cannot archive: run down, then up or run.",
            )


def _archive_as_before(server: EmbeddedServer, before: Path | None) -> None:
    """After a failed backup the log goes where the last good one wants it, not to a folder that failed."""
    if before:
        server.archive_to(before)
    else:
        server.archive_nowhere()


def _copy_database(server: EmbeddedServer, account: Account, programs: Path, target: Path) -> None:
    place = ["-h", str(server.socket_folder()), "-p", str(server.port()), "-U", "postgres", "-w"]
    options = ["-D", str(target), "--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256"]
    command = [str(programs / "pg_basebackup"), *place, *options]
    done = run_as(account, command, env={"PGPASSWORD": server.admin_password()})
    wrong = [done.stdout.strip()[-1500:]] if done.returncode else verify_copy(target)
    if wrong:
        shutil.rmtree(target.parent, ignore_errors=True)
        said = "\n".join(wrong[:20])
        raise Trouble(
            f"备份失败，没有留下半份备份：{said}", f"The backup failed, none was left half:\n{said}"
        )


def verify_copy(data: Path) -> list[str]:
    """What does not agree with ``backup_manifest``: its own checksum, each file's size and SHA-256.

    What ``pg_verifybackup`` does; the one in the wheel of PostgreSQL 18.4 ends with a segmentation fault.
    """
    text = (data / "backup_manifest").read_bytes()
    manifest = json.loads(text)
    head = text[: text.rindex(b'"Manifest-Checksum"')]
    if hashlib.sha256(head).hexdigest() != manifest["Manifest-Checksum"]:
        return ["backup_manifest was changed"]
    wrong = [f"{f['Path']} differs" for f in manifest["Files"] if "Path" in f and not _is_whole(data, f)]
    for span in manifest["WAL-Ranges"]:
        segment = segment_of(span["Timeline"], span["Start-LSN"])
        wrong += [] if (data / "pg_wal" / segment).exists() else [f"pg_wal/{segment} is missing"]
    return wrong


def _is_whole(data: Path, entry: dict[str, Any]) -> bool:
    path = data / entry["Path"]
    if not path.exists() or path.stat().st_size != entry["Size"]:
        return False
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == str(entry["Checksum"])


def _facts(server: EmbeddedServer, data: Path) -> dict[str, Any]:
    """What the copy says about itself."""
    ranges = json.loads((data / "backup_manifest").read_text())["WAL-Ranges"][0]
    with psycopg.connect(server.urls()["admin"]) as admin:
        version = str(admin.info.server_version)
        root = audit_root(admin)
    return {
        "server_version": version,
        "timeline": ranges["Timeline"],
        "first_segment": segment_of(ranges["Timeline"], ranges["Start-LSN"]),
        "audit_root": root,
    }


def segment_of(timeline: int, position: str, size: int = 16 * 2**20) -> str:
    """The name of the log segment (16 MB each) in which a position such as ``0/3000028`` lies."""
    high, low = (int(part, 16) for part in position.split("/"))
    number = (high << 32 | low) // size
    return f"{timeline:08X}{number // (2**32 // size):08X}{number % (2**32 // size):08X}"


def release() -> str:
    """The version of this program, as ``pyproject.toml`` says."""
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    return "?"


def size_of(folder: Path) -> int:
    """Bytes in all files below."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


# -- files and keys -------------------------------------------------------------------------


def mirror(var: Path, folder: Path) -> tuple[int, int]:
    """Copy new and changed uploads and snapshots, forget deleted ones. Returns their number and bytes."""
    count = size = 0
    for part in MIRRORED:
        source, target = var / part, folder / "files" / part
        wanted = set()
        for path in sorted(source.rglob("*")) if source.exists() else []:
            state = path.lstat()
            if path.is_file() and not path.is_symlink():
                wanted.add(path.relative_to(source))
                count, size = count + 1, size + state.st_size
                _copy_if_changed(path, target / path.relative_to(source), state)
        for path in sorted(target.rglob("*"), reverse=True) if target.exists() else []:
            if path.is_file() and path.relative_to(target) not in wanted:
                path.unlink()
    return count, size


def _copy_if_changed(source: Path, target: Path, state: os.stat_result) -> None:
    if target.exists():
        old = target.stat()
        if (old.st_size, old.st_mtime_ns) == (state.st_size, state.st_mtime_ns):
            return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(target.name + ".new~")
    shutil.copy2(source, draft)
    draft.replace(target)


def _keep_keys(server: EmbeddedServer, draft: Path, passphrase: str | None) -> str:
    """The secrets and the database's passwords, sealed when there is a passphrase."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted((server.root.parent / "secrets").glob("*")):
            archive.add(path, f"secrets/{path.name}")
        archive.add(server.password_file, f"postgres/{server.password_file.name}")
    name = "keys.sealed" if passphrase else "keys.tar"
    content = seal(packed.getvalue(), passphrase) if passphrase else packed.getvalue()
    with os.fdopen(os.open(draft / name, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    if not passphrase:
        say(
            "密钥未加密存入备份：请像保护数据一样保护备份目录，或使用 --passphrase-file。",
            "The keys lie in the backup unsealed: guard it like the data, or use --passphrase-file.",
            "!",
        )
    return name


# -- retention ------------------------------------------------------------------------------


def prune(folder: Path, account: Account, programs: Path, keep: int) -> list[str]:
    """Drop the oldest copies beyond ``keep`` (at least one stays) and the log that only they need."""
    there = backups_in(folder)
    gone = there[: -max(keep, 1)]
    for backup in gone:
        shutil.rmtree(folder / "base" / backup.name)
    for draft in (folder / "base").glob("*.new"):
        shutil.rmtree(draft)
    oldest = backups_in(folder)[0]
    command = [str(programs / "pg_archivecleanup"), "-x", ".gz", str(folder / "wal"), oldest.first_segment]
    run_as(account, command)
    return [backup.name for backup in gone]
