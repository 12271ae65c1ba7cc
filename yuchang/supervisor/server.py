"""The embedded PostgreSQL server: made once, started, found again after a crash, stopped.

Everything lies in one private folder (``var/postgres``): ``data``, ``socket``, ``log``, the passwords,
and ``connection.json`` from which ``config.environment`` reads the addresses. Nobody signs in without a
password (SCRAM), not even over the socket: under trust the separate roles would prove nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from config.environment import VAR
from yuchang.supervisor.account import Account, account_for, open_way, own_folder, run_as
from yuchang.supervisor.binaries import usable_programs
from yuchang.supervisor.provision import DATABASE, MAX_CONNECTIONS, provision, random_passwords
from yuchang.supervisor.words import Trouble

FIRST_PORT, LAST_PORT = 54_320, 54_420
# A crash in the middle of a county's import may leave gigabytes of log to replay.
RECOVERY_SECONDS = 900
SILENT_SECONDS = 10
SOCKET_PATH_BYTES = 107
# What a server that could not start says last reaches its log a moment after pg_ctl gave up.
LAST_WORDS_SECONDS = 1
# A commit is in the archive at the latest this long after, once archiving has begun (``backups``).
ARCHIVE_SECONDS = 30
# Statements slower than this are written to the server's log; its folder is private to the account.
SLOW_STATEMENT = "5s"
ARCHIVE_SCRIPT = """\
#!/bin/sh
# Written by yuchang.supervisor. archive.sh PATH NAME: keep one finished log segment, whole or not at all.
set -eu
folder='{folder}'
if [ -f "$folder/$2.gz" ]; then
    gzip -dc "$folder/$2.gz" | cmp -s - "$1"
    exit $?
fi
gzip -1 -c "$1" > "$folder/$2.new"
sync "$folder/$2.new" 2>/dev/null || sync
mv "$folder/$2.new" "$folder/$2.gz"
"""
HBA = """\
# Written by yuchang.supervisor at every start. No sign-in without a password.
local  all          all                scram-sha-256
host   all          all  127.0.0.1/32  scram-sha-256
host   all          all  ::1/128       scram-sha-256
local  replication  all                scram-sha-256
"""


class EmbeddedServer:
    """The one embedded server below a data folder."""

    def __init__(self, var: Path = VAR) -> None:
        self.root = var.absolute() / "postgres"
        self.data = self.root / "data"
        self.log = self.root / "log"
        self.connection_file = self.root / "connection.json"
        self.password_file = self.root / "passwords.json"
        self.archive_script = self.data.parent / "archive.sh"

    # -- what is there ------------------------------------------------------------------

    def pid(self) -> int | None:
        """The process number of our running server, None when it is down.

        A leftover ``postmaster.pid`` that names nobody, or a stranger, counts as down.
        """
        try:
            number = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = psutil.Process(number).cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return number if str(self.data) in command else None

    def port(self) -> int:
        """The port in use, or used last."""
        with suppress(OSError, IndexError, ValueError):
            return int((self.data / "postmaster.pid").read_text().split("\n")[3])
        with suppress(OSError, ValueError):
            return int((self.root / "port").read_text())
        return FIRST_PORT

    def socket_folder(self) -> Path:
        """Beside the data if the path is short enough for a socket, else a private folder in /tmp."""
        beside = self.root / "socket"
        if len(os.fsencode(beside / f".s.PGSQL.{LAST_PORT}")) <= SOCKET_PATH_BYTES:
            return beside
        return Path("/tmp") / f"yuchang-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}"

    def urls(self) -> dict[str, str]:
        """The addresses for each role. Raises Trouble when the server was never started."""
        try:
            urls: dict[str, str] = json.loads(self.connection_file.read_text())
        except FileNotFoundError:
            raise Trouble(
                "内嵌数据库还没有启动过。", "The embedded database has not been started yet."
            ) from None
        return urls

    def is_ready(self) -> bool:
        """Whether the administrator can sign in."""
        return self._refusal() == ""

    def _refusal(self) -> str:
        """Why the server does not let the administrator in; empty when it does."""
        try:
            with psycopg.connect(self._admin_url("postgres"), connect_timeout=5):
                return ""
        except (psycopg.Error, OSError) as error:
            return str(error) or type(error).__name__

    def _wait_while_busy(self) -> None:
        """Wait for a server that somebody started and that still recovers, or is shutting down.

        One that says nothing may have been killed an instant ago: it gets a moment to go away or to answer.
        """
        begun = time.monotonic()
        while self.pid() is not None and (said := self._refusal()):
            is_busy = any(word in said for word in ("starting up", "shutting down", "recovery"))
            if time.monotonic() - begun > (RECOVERY_SECONDS if is_busy else SILENT_SECONDS):
                return
            time.sleep(0.2)

    # -- starting and stopping ----------------------------------------------------------

    def start(self) -> bool:
        """Bring the server up, whatever state the last run left. Returns False when it already ran.

        Raises Trouble with the reason when it cannot.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        account = account_for(self.data)
        self.root.chmod(0o700 if account.is_self else 0o711)
        with self._alone():
            self._wait_while_busy()
            was_running = self.pid() is not None and self.is_ready()
            if not was_running:
                self._start(account)
                self._wait_for_restore()
            urls = provision(self._admin_url("postgres"), self._passwords())
            write_private(self.connection_file, json.dumps(urls, indent=1))
        return not was_running

    def _wait_for_restore(self) -> None:
        """A restored copy answers readers while it replays its log; wait until it takes writes."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self._admin_url("postgres"), autocommit=True) as admin:
                    if admin.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                        return
            except psycopg.OperationalError:
                if self.pid() is None:
                    raise self._reason(self._newest_log()) from None
            time.sleep(0.1)

    def _newest_log(self) -> str:
        logs = sorted(self.log.glob("postgresql-*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text(errors="replace") if logs else ""

    def archive_to(self, folder: Path) -> None:
        """From now on keep every finished log segment in ``folder``, which the server's account can write."""
        text = ARCHIVE_SCRIPT.format(folder=folder)
        if self.archive_script.exists() and self.archive_script.read_text() == text:
            return
        self._replace(f"../{self.archive_script.name}", text, account_for(self.data))
        self._reload()

    def archive_nowhere(self) -> None:
        """Finished log segments are let go again, as before the first backup."""
        self.archive_script.unlink(missing_ok=True)
        self._reload()

    def _reload(self) -> None:
        account = account_for(self.data)
        with self._alone():
            self._configure(account, self.port(), is_running=True)
            with psycopg.connect(self._admin_url("postgres"), autocommit=True) as admin:
                admin.execute("SELECT pg_reload_conf()")

    def archive_folder(self) -> Path | None:
        """Where log segments are kept; None when archiving has not begun."""
        with suppress(OSError):
            for line in self.archive_script.read_text().splitlines():
                if line.startswith("folder='"):
                    return Path(line[8:-1])
        return None

    def stop(self, how: str = "fast") -> bool:
        """Stop the server and wait for it. Returns False when it was not running."""
        if self.pid() is None:
            return False
        account = account_for(self.data)
        programs = usable_programs(account)
        command = [str(programs / "pg_ctl"), "-D", str(self.data), "-w", "-t", "120", "-m", how, "stop"]
        if run_as(account, command).returncode != 0 and self.pid() is not None:
            command[command.index(how)] = "immediate"
            run_as(account, command)
        return True

    def _start(self, account: Account) -> None:
        programs = usable_programs(account)
        open_way(account, self.data)
        own_folder(self.log, account)
        own_folder(self.socket_folder(), account)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(programs, account)
        self._clear_leftovers()
        for port in self._ports():
            self._configure(account, port)
            said = self._launch(programs, account)
            if self.is_ready():
                (self.root / "port").write_text(str(port))
                return
            if "already in use" not in said:
                break
        raise self._reason(said)

    def _launch(self, programs: Path, account: Account) -> str:
        """Start the server and wait through crash recovery. Returns what it said."""
        start_log = self.log / "start.log"
        start_log.unlink(missing_ok=True)
        before = {path: path.stat().st_size for path in self.log.glob("*.log")}
        wait = ["-w", "-t", str(RECOVERY_SECONDS)]
        command = [str(programs / "pg_ctl"), "-D", str(self.data), "-l", str(start_log), *wait, "start"]
        done = run_as(account, command)
        said = done.stdout
        if done.returncode != 0:
            time.sleep(LAST_WORDS_SECONDS)
        for path in sorted(self.log.glob("*.log")):
            with path.open(errors="replace") as handle:
                size = before.get(path, 0)
                handle.seek(size if size <= path.stat().st_size else 0)
                said += handle.read()
        return said

    def _initialise(self, programs: Path, account: Account) -> None:
        """A new cluster, made beside and moved into place, so that a kill leaves no half one."""
        draft = self.root / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        own_folder(draft, account)
        pass_file = self.log / "initial"
        write_private(pass_file, self._passwords()["admin"] + "\n")
        if not account.is_self:
            os.chown(pass_file, account.uid, account.gid)
        options = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={pass_file}", "--encoding=UTF8"]
        options += ["--locale=C", "--data-checksums"]
        if programs.parent.name.endswith("18"):
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            done = run_as(account, [str(programs / "initdb"), "-D", str(draft), *options])
        finally:
            pass_file.unlink()
        if done.returncode != 0:
            raise self._reason(done.stdout)
        draft.rename(self.data)

    def _configure(self, account: Account, port: int, *, is_running: bool = False) -> None:
        is_open = is_running or _is_free(port)
        settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1" if is_open else "",
            "unix_socket_directories": str(self.socket_folder()),
            "unix_socket_permissions": "0700",
            "max_connections": str(MAX_CONNECTIONS),
            "password_encryption": "scram-sha-256",
            "shared_buffers": f"{_buffers_mb()}MB",
            "maintenance_work_mem": "128MB",
            "work_mem": "16MB",
            "max_wal_size": "2GB",
            "wal_compression": "on",
            "random_page_cost": "1.1",
            "jit": "off",
            "timezone": "Asia/Shanghai",
            "log_timezone": "Asia/Shanghai",
            "lc_messages": "C",
            "logging_collector": "on",
            "log_directory": str(self.log),
            "log_filename": "postgresql-%a.log",
            "log_rotation_age": "1d",
            "log_truncate_on_rotation": "on",
            "log_min_duration_statement": SLOW_STATEMENT,
            "log_parameter_max_length": "0",
            "archive_mode": "on",
            **self._archiving(),
        }
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        self._replace("yuchang.conf", "\n".join(lines) + "\n", account)
        self._replace("pg_hba.conf", HBA, account)
        main = self.data / "postgresql.conf"
        if "include 'yuchang.conf'" not in main.read_text():
            self._replace("postgresql.conf", main.read_text() + "\ninclude 'yuchang.conf'\n", account)

    def _archiving(self) -> dict[str, str]:
        """Before the first backup finished segments are let go; afterwards each is kept."""
        if self.archive_folder() is None:
            return {"archive_command": "true", "archive_timeout": "0"}
        command = f'sh "{self.archive_script}" "%p" "%f"'
        return {"archive_command": command, "archive_timeout": f"{ARCHIVE_SECONDS}s"}

    def _replace(self, name: str, text: str, account: Account) -> None:
        write_private(self.data / name, text)
        if not account.is_self:
            os.chown(self.data / name, account.uid, account.gid)

    def _ports(self) -> Iterator[int]:
        """The port used last, then free ones."""
        last = self.port()
        yield from [last] if _is_free(last) else []
        yield from (port for port in range(FIRST_PORT, LAST_PORT) if port != last and _is_free(port))
        yield last

    def _clear_leftovers(self) -> None:
        """After a kill: wait for orphans of the old server, then remove its leftover pid file.

        A new server must not start while an orphan still has the old shared memory.
        """
        if self.pid() is not None:
            raise Trouble(
                "数据库进程仍在运行但没有应答，请查看日志或先执行 down。",
                "The server process runs but does not answer: see its log, or run down first.",
            )
        deadline = time.monotonic() + 10
        while self._orphans() and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in self._orphans():
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
                process.wait(5)
        # The socket folder is ours alone, so its lock files are the dead server's, too.
        for path in (self.data / "postmaster.pid", *self.socket_folder().glob(".s.PGSQL.*.lock")):
            path.unlink(missing_ok=True)

    def _orphans(self) -> list[psutil.Process]:
        """PostgreSQL processes at work in our data folder: backends keep it as their working folder."""
        found = []
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.Error, OSError):
                if (process.info["name"] or "").startswith("postgres") and process.cwd() == str(self.data):
                    found.append(process)
        return found

    def _reason(self, said: str) -> Trouble:
        tail = "\n".join(said.strip().splitlines()[-15:])
        if "No space left" in said:
            return Trouble(f"磁盘已满：{self.root}", f"The disk is full: {self.root}\n{tail}")
        if "recovery ended before configured recovery target" in said:
            return Trouble(
                "归档的日志没有到达所要的时刻：请写早一些的时刻，或不写 --to，恢复到归档的最后一刻。",
                "The archived log does not reach that moment: name an earlier one, or none for all there is.",
            )
        if "incompatible with server" in said:
            return Trouble(
                "数据目录由另一个 PostgreSQL 主版本创建，请用 pg_upgrade 升级或恢复备份。",
                f"The data folder belongs to another major version of PostgreSQL.\n{tail}",
            )
        return Trouble(f"数据库没有启动。日志在 {self.log}", f"The database did not start:\n{tail}")

    # -- passwords ----------------------------------------------------------------------

    def _passwords(self) -> dict[str, str]:
        """The passwords of all roles, made at the first start and kept privately."""
        if not self.password_file.exists():
            made = random_passwords() | {"admin": secrets.token_urlsafe(24)}
            write_private(self.password_file, json.dumps(made))
        kept: dict[str, str] = json.loads(self.password_file.read_text())
        return kept

    def admin_password(self) -> str:
        """For the server's own programs, through their environment."""
        return self._passwords()["admin"]

    def _admin_url(self, database: str = DATABASE) -> str:
        place = f"host={quote(str(self.socket_folder()))}&port={self.port()}"
        return f"postgresql://postgres:{self._passwords()['admin']}@/{database}?{place}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands at once wait for each other."""
        with (self.root / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _buffers_mb() -> int:
    """An eighth of the memory, between 64 and 512 MB."""
    return int(max(64, min(512, psutil.virtual_memory().total // 8 // 2**20)))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
