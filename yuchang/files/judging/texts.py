"""Plain text and CSV: readable, without markup a browser would act on, without live cells."""

from __future__ import annotations

import csv
import io
import re

from django.utils.translation import gettext as _

from yuchang.core.errors import invalid

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKUP = re.compile(
    r"<\s*(?:script|html|svg|iframe|object|embed|body|head|link|meta|img|a)\b|<!doctype|<\?xml|<\?php|javascript:",
    re.I,
)
_NUMBER = re.compile(r"[-+]?[\d,.]+%?")
_LIVE = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def decoded(content: bytes) -> str | None:
    """The text in UTF-8 or GB 18030; None when it is neither or has control signs."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if _CONTROL.search(text) else text
    return None


def is_text(content: bytes) -> bool:
    """Whether this is a text that people can read."""
    return decoded(content) is not None


def inspect(content: bytes, *, is_table: bool) -> None:
    """Raises Invalid for markup, and for cells that a spreadsheet would run as a formula."""
    text = decoded(content) or ""
    if _MARKUP.search(text):
        raise invalid("file", _("文本中含有网页代码，已拒收。"), _("请只保留文字，或另存为 PDF 后再上传。"))
    if not is_table:
        return
    try:
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                if cell.startswith(_LIVE) and not _NUMBER.fullmatch(cell):
                    raise invalid(
                        "file",
                        _("表格第一个会被当作公式执行的单元格：“%(cell)s”。") % {"cell": cell[:30]},
                        _("请删除公式，或另存为 .xlsx 后再上传。"),
                    )
    except csv.Error as error:
        raise invalid("file", _("CSV 文件格式有误。"), _("请另存为 .xlsx 后再上传。")) from error
