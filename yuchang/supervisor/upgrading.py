"""``upgrade``: bring the data to the version of the program that lies there now.

In order: a backup, the tables (locks of milliseconds, see ``manage.py upgrade_schema``), static files,
translations, and a restart of the processes of a running ``run``. Back out: put the old program back and
``restore`` the backup that this made.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from config.environment import ROOT, VAR, uses_own_server
from yuchang.supervisor.backups import folder_for, make_backup
from yuchang.supervisor.keeping import passphrase_of
from yuchang.supervisor.processes import Supervisor, running_pid
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.words import Trouble, say


def upgrade(options: argparse.Namespace) -> int:
    """Back up, bring tables, static files and translations along, restart what runs."""
    is_embedded = not uses_own_server()
    server = EmbeddedServer() if is_embedded else None
    was_up = server is None or not server.start()
    if server and not options.no_backup:
        made = make_backup(server, folder_for(VAR), passphrase=passphrase_of(options))
        say(
            f"已备份为 {made.name}；如需退回，装回旧程序并恢复这份备份。",
            f"Backed up as {made.name}: to back out, put the old program back and restore this.",
            "✓",
        )
    elif not is_embedded:
        say("请确认数据库服务器已备份。", "Make sure that your database server was backed up.", "!")
    Supervisor.prepare()
    compile_messages()
    pid = running_pid()
    if pid:
        os.kill(pid, signal.SIGUSR1)
        say("正在重新启动各进程。", "The processes are being restarted.")
    elif server and not was_up:
        server.stop()
    say("升级完成。", "The upgrade is done.", "✓")
    return 0


def compile_messages() -> None:
    """Translations as programs read them. Raises Trouble."""
    command = [sys.executable, str(ROOT / "tools" / "compile_messages.py")]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise Trouble("翻译文件有误，见上文。", "The translations could not be compiled; see above.")
