"""The virus scanner: a command of the operator's that judges one file in the quarantine.

``YUCHANG_FILES_SCANNER`` names it, for example ``clamdscan --fdpass --no-summary``. The path is added as its
last argument. It ends with 0 for clean and 1 for infected; anything else, or no answer within 30 seconds, is
a failure, and then nothing is let in.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from yuchang.core.errors import Conflict, invalid

TIMEOUT_SECONDS = 30


def is_configured() -> bool:
    """Whether the operator named a scanner."""
    return bool(settings.FILES_SCANNER)


def scan(path: Path) -> None:
    """Have a file judged. Raises Invalid when it is infected, Conflict when the scanner fails."""
    if not is_configured():
        return
    command = [*shlex.split(settings.FILES_SCANNER), str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed() from error
    if done.returncode == 1:
        raise invalid("file", _("病毒扫描发现威胁，已拒收。"), _("请先在您的电脑上查杀后再上传。"))
    if done.returncode != 0:
        raise _failed()


def _failed() -> Conflict:
    return Conflict(_("病毒扫描暂时不可用，文件未被接收。"), remedy=_("请稍后再试，或联系系统管理员。"))
