"""What is wrong with a request's fields, in words for people; pydantic's own messages are for programmers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

_CHOICES = re.compile(r"\^\(([\w|]*)\)\$")
_WORDS = {
    "missing": later("缺少这一项。"),
    "extra_forbidden": later("没有这一项,请删去。"),
    "json_invalid": later("不是合法的 JSON。"),
    "greater_than_equal": later("不能小于 %(ge)s。"),
    "less_than_equal": later("不能大于 %(le)s。"),
    "greater_than": later("须大于 %(gt)s。"),
    "less_than": later("须小于 %(lt)s。"),
    "string_too_short": later("至少 %(min_length)s 个字。"),
    "string_too_long": later("最多 %(max_length)s 个字。"),
    "too_short": later("至少 %(min_length)s 项,现有 %(actual_length)s 项。"),
    "too_long": later("最多 %(max_length)s 项,现有 %(actual_length)s 项。"),
    "string_pattern_mismatch": later("格式不对,须符合:%(pattern)s"),
    "string_unicode": later("含有不能保存的字符。"),
    "finite_number": later("须是有限的数。"),
    "enum": later("只能是:%(expected)s。"),
    "literal_error": later("只能是:%(expected)s。"),
}
_KINDS = {
    "int": later("须是整数。"),
    "float": later("须是数。"),
    "decimal": later("须是数。"),
    "bool": later("须是 true 或 false。"),
    "string": later("须是文字。"),
    "datetime": later("须是时间,例如 2026-01-05T08:30:00+08:00。"),
    "date": later("须是日期,例如 2026-01-05。"),
    "uuid": later("须是 UUID。"),
    "list": later("须是列表。"),
    "model": later("须是一个对象。"),
    "dict": later("须是一个对象。"),
}
"""By how the type of pydantic's error begins: ``int_parsing``, ``int_type``, ``date_parsing``."""


def told(error: Mapping[str, Any]) -> str:
    """One error of pydantic (its ``type``, ``msg`` and ``ctx``) in the reader's language."""
    kind, details = str(error["type"]), dict(error.get("ctx") or {})
    choices = _CHOICES.fullmatch(str(details.get("pattern", "")))
    if choices:
        return _("只能是:%(expected)s。") % {"expected": ", ".join(filter(None, choices[1].split("|")))}
    word = _WORDS.get(kind) or _KINDS.get(kind.split("_")[0])
    if word is None:
        return _("不符合要求:%(message)s") % {"message": error.get("msg", kind)}
    return str(word) % details if "%" in str(word) else str(word)


def place(error: Mapping[str, Any]) -> str:
    """Where it stands: ``body.payload.lines.0.quantity``."""
    return ".".join(str(step) for step in error["loc"])
