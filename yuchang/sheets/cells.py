"""Cells written for people: text stays text, whatever it starts with. Pure.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab, a return or a full-width form of them could
run as a formula when somebody edits it or saves it as CSV. Such text is written as a string with
Excel's own quote prefix: it shows unchanged, reads back unchanged and never runs.
"""

from __future__ import annotations

import re
from typing import Any

RISKY = tuple("=+-@\t\r＝＋－＠﹢﹣﹦")
_LONG_NUMBER = re.compile(r"[0-9Xx]{7,}")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def is_risky(text: str) -> bool:
    """Whether a spreadsheet might take this text for a formula."""
    return text.lstrip(" \u3000\xa0").startswith(RISKY) or text.startswith(RISKY)


def printable(value: Any) -> str:
    """A value as the text of a cell, without signs that XML cannot hold."""
    return _FORBIDDEN.sub("", "" if value is None else str(value))


def hide_numbers(text: str) -> str:
    """Text for a preview: runs of seven and more digits are replaced by their length."""
    return _LONG_NUMBER.sub(lambda m: f"●●●({len(m.group())})", text)


def as_text(value: Any) -> str:
    """A cell as read, as text: whole floats without ``.0``, dates as ISO, spaces trimmed."""
    if type(value) is str:
        return value.strip(" \t\r\n\u3000\xa0")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()
