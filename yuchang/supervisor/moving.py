"""``move``: copy the embedded database to a server, and compare what arrived."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import sql

from yuchang.supervisor.binaries import program_folder
from yuchang.supervisor.fingerprints import of_database, table_names
from yuchang.supervisor.provision import (
    APP,
    OWNER,
    PORTAL,
    fresh_passwords,
    prepare_schema,
    provision,
    replace_url,
)
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.words import Trouble, say

# A dump of a newer server sets this; an older one does not know it.
NEWER_SETTINGS = (b"SET transaction_timeout = 0;\n",)


def move_to(server: EmbeddedServer, admin_url: str, database: str) -> dict[str, str]:
    """Copy everything to ``database`` on the server of ``admin_url``. Returns the new addresses.

    The target must be empty: nothing there is overwritten. Stop the web servers first, so that
    nothing is written meanwhile; the embedded database itself stays as it is. Raises Trouble.
    """
    server.start()
    source = server.urls()["admin"]
    if _exists(admin_url, database) and _tables(replace_url(admin_url, database)):
        raise Trouble(
            f"目标数据库 {database} 已有数据表，未做任何改动。",
            f"The target database {database} already has tables: nothing was changed.",
        )
    urls = provision(admin_url, fresh_passwords(), database)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "yuchang.dump"
        _call([*_program("pg_dump"), "--format=custom", f"--file={dump}"], source)
        clear_defaults(urls["admin"])
        _restore(dump, urls["admin"])
    with psycopg.connect(urls["admin"], autocommit=True) as target:
        prepare_schema(target)
    before, after = of_database(source), of_database(urls["admin"])
    _compare("内容", "Contents", before, after)
    _compare("权限", "Rights", _rights(source), _rights(urls["admin"]))
    rows = sum(count for count, _hash in before.values())
    say(f"已迁移 {len(before)} 张表，共 {rows:,} 行，逐行核对一致。", f"{len(before)} tables were moved.")
    say(
        "密钥与文件不在数据库中：若程序也换机器，请一并带走 secrets、files、media、snapshots、maps。",
        "Keys and files are not in the database: take them along if the program moves, too.",
    )
    return urls


def clear_defaults(url: str) -> None:
    """A dump lists the rights each table has; rights that new tables get by default would come on top."""
    defaults = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public REVOKE ALL ON {} FROM {}")
    with psycopg.connect(url, autocommit=True) as target:
        for kind in ("TABLES", "SEQUENCES"):
            target.execute(defaults.format(sql.Identifier(OWNER), sql.SQL(kind), sql.Identifier(APP)))


def _compare(zh: str, en: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    wrong = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if wrong:
        raise Trouble(f"迁移后{zh}不一致：{wrong}", f"{en} differ after the move: {wrong}")


def _rights(url: str) -> dict[str, list[bool]]:
    """What application and portal may do with each table."""
    question = """
        SELECT c.relname || ' ' || r.rolname, array_agg(
                   has_table_privilege(r.oid, c.oid, p.kind)
                   OR (p.kind <> 'DELETE' AND p.kind <> 'TRUNCATE'
                       AND has_any_column_privilege(r.oid, c.oid, p.kind)) ORDER BY p.kind)
        FROM pg_class c, pg_roles r,
             unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p(kind)
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
          AND r.rolname IN (%s, %s)
        GROUP BY 1
    """
    with psycopg.connect(url) as connection:
        return dict(connection.execute(question, [APP, PORTAL]).fetchall())


def _program(name: str) -> list[str]:
    return [str(program_folder() / name)]


def _restore(dump: Path, url: str) -> None:
    """Restore as one transaction. Tables become the owner's; grants come with the dump."""
    sheet = dump.with_suffix(".sql")
    _call([*_program("pg_restore"), "--no-owner", f"--role={OWNER}", f"--file={sheet}", str(dump)], None)
    text = sheet.with_suffix(".old.sql")
    with sheet.open("rb") as source, text.open("wb") as target:
        is_head = True
        for line in source:
            is_head = is_head and not line.startswith(b"COPY ")
            if not (is_head and line in NEWER_SETTINGS):
                target.write(line)
    _call(
        [*_program("psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", str(text)], url
    )


def _call(command: list[str], url: str | None) -> None:
    done = subprocess.run(
        command, env=os.environ | _environment(url), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        name, said = Path(command[0]).name, done.stderr.strip()[-1500:]
        raise Trouble(f"{name} 失败，目标数据库未改动。", f"{name} failed, the target is unchanged:\n{said}")


def _environment(url: str | None) -> dict[str, str]:
    """The address as libpq's variables, so that no password shows in a process list."""
    if url is None:
        return {}
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    found = {
        "PGHOST": query.get("host") or parts.hostname or "",
        "PGPORT": str(query.get("port") or parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGSSLMODE": query.get("sslmode", ""),
        "PGSSLROOTCERT": query.get("sslrootcert", ""),
    }
    return {name: value for name, value in found.items() if value}


def _exists(admin_url: str, database: str) -> bool:
    with psycopg.connect(admin_url) as admin:
        found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        return found.fetchone() is not None


def _tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return table_names(connection)
