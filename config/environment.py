"""What the machine tells the application: addresses of the database, secrets, zone.

Everything comes from environment variables; what is missing falls back to the files that
the supervisor keeps in the private data folder (``var`` by default).
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("YUCHANG_VAR", ROOT / "var"))
ROLES = ("app", "owner", "portal", "admin")
_URL_NAMES = {
    "app": "DATABASE_URL",
    "owner": "DATABASE_OWNER_URL",
    "portal": "DATABASE_PORTAL_URL",
    "admin": "DATABASE_ADMIN_URL",
}
# Seconds (and for the last one milliseconds) until a database that is cut off counts as away.
_PATIENCE = {
    "connect_timeout": 4,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 4000,
}

# How statements are planned, whoever runs the server: disks without heads, and no compiling of plans. With
# the costs of a spinning disk the planner reads a million rows by their numbers to find a county's first.
PLANNING = "-c jit=off -c random_page_cost=1.1"


def flag(name: str, default: bool = False) -> bool:
    """Read a yes/no environment variable."""
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def connection_file() -> Path:
    """The file in which the supervisor leaves the addresses of the embedded server."""
    return VAR / "postgres" / "connection.json"


def uses_own_server() -> bool:
    """Whether the environment names a database server; no embedded one is started or copied then."""
    return bool(os.environ.get(_URL_NAMES["app"]))


def database_url(role: str) -> str:
    """The address for one role: the environment first, the embedded server second.

    Without either, an address that leads nowhere is returned, so that commands which need
    no database (``check``, ``makemessages``) still run.
    """
    from_environment = os.environ.get(_URL_NAMES[role])
    if from_environment:
        return from_environment
    path = connection_file()
    if path.exists():
        urls: dict[str, str] = json.loads(path.read_text())
        if role in urls:
            return urls[role]
    return "postgresql://nobody@127.0.0.1:1/yuchang"


def parse_database_url(url: str) -> dict[str, Any]:
    """Turn ``postgresql://user:password@host:port/name?host=/socket/folder`` into Django's dictionary."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "yuchang.core.database",
        "NAME": unquote(parts.path.lstrip("/")) or "yuchang",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": str(query.get("port") or parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**_PATIENCE, "options": PLANNING},
    }


def secret(name: str) -> str:
    """A secret from the environment, or one made once and kept privately in the data folder."""
    found = existing_secret(name)
    if found:
        return found
    path = _secret_file(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_hex(32))
        handle.flush()
        os.fsync(handle.fileno())
    # A link appears whole or not at all: of processes that start at once, all read the first one's secret.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def existing_secret(name: str) -> str | None:
    """A secret from the environment or the data folder, never made anew; None when there is none."""
    value = os.environ.get(name)
    if value:
        return value
    path = _secret_file(name)
    return path.read_text().strip() if path.exists() else None


def _secret_file(name: str) -> Path:
    return VAR / "secrets" / name.lower()
