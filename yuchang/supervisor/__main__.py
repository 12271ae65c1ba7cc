"""``python -m yuchang.supervisor``: the embedded database and the processes around it."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from urllib.parse import unquote, urlsplit

import psycopg

from config.environment import ROLES, VAR, connection_file, database_url, uses_own_server
from yuchang.supervisor import keeping
from yuchang.supervisor.certificates import ensure, fingerprint
from yuchang.supervisor.doctor import examine
from yuchang.supervisor.moving import move_to
from yuchang.supervisor.processes import Doors, Supervisor, brought_up, running_pid
from yuchang.supervisor.provision import as_shell, fresh_passwords, provision
from yuchang.supervisor.server import EmbeddedServer, write_private
from yuchang.supervisor.upgrading import upgrade
from yuchang.supervisor.words import Trouble, say


def up(options: argparse.Namespace) -> int:
    """Start the embedded server and leave it running."""
    if uses_own_server():
        say("已设置 DATABASE_URL,不启动内嵌数据库。", "DATABASE_URL is set: no embedded database is started.")
        return 0
    server = EmbeddedServer()
    is_new = server.start()
    say(
        f"内嵌 PostgreSQL {'已启动' if is_new else '正在运行'}：127.0.0.1:{server.port()}，{server.root}",
        f"The embedded PostgreSQL {'is up' if is_new else 'was up already'}.",
        "✓",
    )
    return 0


def down(options: argparse.Namespace) -> int:
    """Stop the embedded server."""
    stopped = EmbeddedServer().stop()
    say(
        "内嵌数据库已停止。" if stopped else "内嵌数据库没有运行。",
        "The embedded database is stopped." if stopped else "The embedded database was not running.",
        "✓",
    )
    return 0


def status(options: argparse.Namespace) -> int:
    """Say whether the embedded server runs. Exit code 3 when it is down."""
    server = EmbeddedServer()
    pid = server.pid()
    if pid is None or not server.is_ready():
        say("内嵌数据库没有运行。", "The embedded database is down.", "✕")
        return 3
    say(
        f"内嵌数据库正在运行（进程 {pid}，端口 {server.port()}）。",
        f"The embedded database runs (process {pid}, port {server.port()}).",
        "✓",
    )
    return 0


def url(options: argparse.Namespace) -> int:
    """Print the address for one role."""
    print(database_url(options.role))
    return 0


def provision_server(options: argparse.Namespace) -> int:
    """Make roles, database and rights on a server; print the addresses, or keep them privately."""
    urls = provision(
        options.admin_url, kept_passwords() if options.write else fresh_passwords(), options.database
    )
    if options.write:
        connection_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(connection_file(), json.dumps(urls, indent=1))
        say(
            f"地址已写入 {connection_file()}",
            "The addresses are kept there, readable by this account only.",
            "✓",
        )
    else:
        print(as_shell(urls))
    return 0


def kept_passwords() -> dict[str, str]:
    """The passwords kept from the last time, so that a repeat changes none."""
    passwords = fresh_passwords()
    if connection_file().exists():
        kept = json.loads(connection_file().read_text())
        passwords |= {r: unquote(urlsplit(kept[r]).password or "") for r in passwords if r in kept}
    return passwords


def run(options: argparse.Namespace) -> int:
    """Serve everything in the foreground until SIGTERM or Ctrl-C."""
    server = None if uses_own_server() else EmbeddedServer()
    certificate = ensure(VAR, _hosts()) if options.tls else None
    doors = Doors(options.host, options.port, options.public_port, options.metrics_port, certificate)
    return Supervisor(server, doors).run()


def certificate(options: argparse.Namespace) -> int:
    """Make or renew the certificate of a local authority, and say what to install on devices."""
    files = ensure(VAR, [*_hosts(), *options.host])
    say(
        f"证书 {files.certificate}；请在各终端安装根证书 {files.authority}，指纹 {fingerprint(files)}",
        "Install the authority on every device and compare its SHA-256.",
        "✓",
    )
    return 0


def _hosts() -> list[str]:
    """The names under which the platform is reached, from ``YUCHANG_HOSTS``."""
    return [h.strip("[]") for h in os.environ.get("YUCHANG_HOSTS", "").split(",") if h and "*" not in h]


def doctor(options: argparse.Namespace) -> int:
    """Say what is used and what is wrong. Exit code 1 when something is wrong."""
    marks = {"good": "✓", "note": "·", "bad": "✕"}
    findings = examine(EmbeddedServer(), (options.port, options.public_port))
    for finding in findings:
        say(finding.zh, finding.en, marks[finding.level])
    return int(any(finding.level == "bad" for finding in findings))


def move(options: argparse.Namespace) -> int:
    """Copy the embedded database to a server; the embedded one stays as it is."""
    if running_pid():
        raise Trouble(
            "平台正在运行，迁移期间不得写入：请先停止（systemctl stop yuchang，或结束 run）。",
            "The platform runs, and nothing may be written meanwhile: stop it first.",
        )
    server = EmbeddedServer()
    with brought_up(server):
        urls = move_to(server, options.to, options.database)
    say(
        "数据已迁移并核对。请设置以下地址后重新启动：",
        "The data are moved and compared. Set these addresses and start again:",
        "✓",
    )
    print(as_shell(urls))
    return 0


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    made = argparse.ArgumentParser(prog="python -m yuchang.supervisor", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    for action in (up, down, status, run, doctor, certificate):
        command = commands.add_parser(action.__name__, help=action.__doc__)
        command.set_defaults(action=action)
        if action in (run, doctor):
            command.add_argument("--host", default="127.0.0.1", help="the address to serve on")
            command.add_argument("--port", type=int, default=8000, help="the inside zone")
            command.add_argument("--public-port", type=int, default=8001, help="the public zone")
        if action is run:
            command.add_argument("--metrics-port", type=int, default=8002, help="for Prometheus; 0: none")
            command.add_argument("--tls", action="store_true", help="with the certificate in var/tls")
        if action is certificate:
            command.add_argument("host", nargs="*", help="a name or address under which it is reached")
    keeping.add_commands(commands)
    upgrader = commands.add_parser("upgrade", help=upgrade.__doc__)
    upgrader.set_defaults(action=upgrade)
    upgrader.add_argument("--no-backup", action="store_true", help="when another backup was just made")
    keeping.add_passphrase(upgrader)
    command = commands.add_parser("url", help=url.__doc__)
    command.add_argument("role", choices=ROLES, nargs="?", default="app")
    command.set_defaults(action=url)
    command = commands.add_parser("provision", help=provision_server.__doc__)
    command.add_argument("--admin-url", required=True)
    command.add_argument(
        "--write", action="store_true", help="keep the addresses in var/postgres/connection.json"
    )
    command.set_defaults(action=provision_server)
    mover = commands.add_parser("move", help=move.__doc__)
    mover.add_argument("--to", required=True, help="an administrator's address on the new server")
    mover.set_defaults(action=move)
    for each in (command, mover):
        each.add_argument("--database", default="yuchang")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 trouble, 3 not running."""
    options = parser().parse_args(arguments)
    try:
        return int(options.action(options))
    except (Trouble, psycopg.OperationalError, OSError) as error:
        trouble = as_trouble(error)
        say(trouble.zh, trouble.en, "✕")
        return 1


def as_trouble(error: Exception) -> Trouble:
    """What a machine refuses (a full disk, no right, no server) as a sentence instead of a traceback."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, psycopg.OperationalError):
        return Trouble(
            f"无法连接数据库服务器，请检查地址、端口、密码，以及服务器是否在运行：{str(error).strip()}",
            "The database server does not let us in: see address, port, password, and whether it runs.",
        )
    place = getattr(error, "filename", None) or ""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Trouble(
            f"磁盘已满：{place}。请腾出空间后重试。",
            f"The disk is full: {place}. Free space, then try again.",
        )
    if isinstance(error, PermissionError):
        return Trouble(
            f"当前账户没有 {place} 的权限：请检查属主与权限，或以服务的账户运行（yuchang 命令）。",
            f"This account has no right to {place}: see its owner and mode, or run as the service's account.",
        )
    return Trouble(f"未能完成：{error}", f"It could not be done: {error}")


if __name__ == "__main__":
    sys.exit(main())
