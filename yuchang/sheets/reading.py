"""Reading what people upload, safely. Pure: bytes in, tables out.

An upload is judged before anything parses it: size, true type by content, the zip directory (number of
parts, unpacked size, ratio), every part actually unpacked in pieces, entity definitions, and the
extent of the sheet (one far cell would make a dense table of billions). Refused within two seconds.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from posixpath import normpath
from typing import IO, Any

from django.utils.translation import gettext as _
from openpyxl.xml.functions import fromstring
from python_calamine import CalamineError, CalamineWorkbook, SheetMetadata, SheetVisibleEnum

from yuchang.core.errors import Invalid, invalid

MAX_FILE = 40 * 1024 * 1024
MAX_PARTS = 2_000
MAX_UNPACKED = 600 * 1024 * 1024
MAX_RATIO = 150
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_SHEETS = 50
HEAD_ROWS = 100
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PIECE = 1 << 20
_ENTITIES = (b"<!DOCTYPE", b"<!ENTITY")
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 text begins, Excel's "Unicode text"
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|meta|\?xml)", re.I)
# Cell references beyond column FZ or row 99,999 as every program writes them (found fast), and in any
# other spelling that a reader would accept: those are looked at one by one.
_FAR = re.compile(rb'r="(?:[G-Zg-z][A-Za-z]|[A-Za-z]{3}|[A-Za-z]{0,2}\d{6})')
_ODD = tuple(
    sign.join(pair) for sign in (b" ", b"\t", b"\n", b"\r", b"'") for pair in ((b"=", b""), (b"", b"="))
)
_REFERENCE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{0,3})(\d*)[\"']", re.I)
_ROW = re.compile(rb"<row(?=[\s/>])([^>]*)>")
_PREFIXED_ROW = re.compile(rb"<\w+:row(?=[\s/>])([^>]*)>")
_ROW_NUMBER = re.compile(rb"""\br\s*=\s*["'](\d+)""")
_IS_HIDDEN = re.compile(rb"""\bhidden\s*=\s*["'](?:1|true|on)["']""")
_HAS_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)[\s>]")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Sheet:
    """One sheet as a table: ``rows[0]`` is row 1 of the sheet. ``merged`` are (r1, c1, r2, c2), from 0.

    Of a sheet whose head alone was read ``rows`` are the first ``HEAD_ROWS``; ``height`` counts them all.
    """

    name: str
    rows: Sequence[Sequence[Any]]
    merged: Sequence[tuple[int, int, int, int]] = ()
    height: int = 0
    is_hidden: bool = False


def read_sheets(name: str, content: bytes) -> list[Sheet]:
    """The non-empty sheets of an upload. Raises Invalid with a remedy for anything unsafe or unreadable."""
    judge(name, content)
    return read_judged(content)


def read_heads(name: str, content: bytes) -> list[Sheet]:
    """The same, but only the first ``HEAD_ROWS`` of each sheet: enough to find its headers."""
    judge(name, content)
    return read_judged(content, HEAD_ROWS)


def read_judged(content: bytes, most: int | None = None) -> list[Sheet]:
    """The same, of a file that ``judge`` has let pass before; at most ``most`` rows of each sheet."""
    return _read_xlsx(content, most) if content[:2] == b"PK" else [_read_csv(content)]


def judge(name: str, content: bytes) -> None:
    """Refuse an upload that is too big, no table, encrypted, too old, or a bomb. Raises Invalid."""
    if not content:
        raise invalid("file", _("文件“%(name)s”是空的。") % {"name": name}, _("请重新导出或另存后再上传。"))
    if len(content) > MAX_FILE:
        raise invalid(
            "file",
            _("文件有 %(size)s MB,超过 40 MB。") % {"size": len(content) >> 20},
            _("请按乡镇拆分后分别上传。"),
        )
    if content[:8] == _OLE:
        raise _ole_problem(content)
    if content[:2] == b"PK":
        _judge_zip(content)
    elif _PAGE.match(content):
        raise invalid(
            "file",
            _("这是网页格式的文件:有的系统把网页存作 .xls,看上去像工作簿。"),
            _("请在 Excel 或 WPS 中打开,另存为“Excel 工作簿 (.xlsx)”后再上传。"),
        )
    elif content[:5] == b"%PDF-" or (b"\x00" in content and content[:2] not in _WIDE):
        raise invalid("file", _("这不是表格文件。"), _("请上传 .xlsx 或 .csv 文件。"))


def _ole_problem(content: bytes) -> Invalid:
    if _ENCRYPTED in content:
        return invalid("file", _("工作簿设有打开密码,无法读取。"), _("请在 Excel 或 WPS 中去掉密码后另存。"))
    return invalid(
        "file",
        _("这是旧版 .xls(或 .et)文件,无法保证读出全部内容。"),
        _("请在 Excel 或 WPS 中打开,另存为“Excel 工作簿 (.xlsx)”后再上传。"),
    )


def _judge_zip(content: bytes) -> None:
    damaged = invalid(
        "file", _("文件已损坏或不是 .xlsx 工作簿。"), _("请在 Excel 或 WPS 中打开并另存后再上传。")
    )
    bomb = invalid("file", _("文件展开后过大,已拒绝读取。"), _("请只保留要导入的工作表,另存后再上传。"))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(p.file_size for p in parts)
            if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
                raise bomb
            if unpacked > 20 << 20 and unpacked > MAX_RATIO * len(content):
                raise bomb
            if any(p.flag_bits & 1 for p in parts):
                raise _ole_problem(_ENCRYPTED)
            if "xl/workbook.xml" not in archive.namelist():
                raise damaged
            for part in parts:
                _judge_part(archive, part)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError) as error:
        raise damaged from error


def _judge_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Unpack a part piece by piece: the directory may lie about its size, then its checksum fails."""
    is_sheet = part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")
    is_text = part.filename.endswith((".xml", ".rels", ".vml"))
    tail = b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            if not is_text:
                continue
            text = tail + piece
            if any(sign in text for sign in _ENTITIES):
                raise invalid("file", _("工作簿中含有实体定义,已拒绝读取。"), _("请另存为新的 .xlsx 文件。"))
            if is_sheet:
                _judge_extent(text, part.filename)
            tail = piece[-64:]


def _judge_extent(text: bytes, sheet: str) -> None:
    if not _FAR.search(text) and not any(sign in text for sign in _ODD):
        return
    for found in _REFERENCE.finditer(text):
        letters, digits = found.groups()
        if _column(letters) > MAX_COLUMNS or int(digits or 0) > MAX_ROWS:
            raise invalid(
                "file",
                _("工作表 %(sheet)s 的内容延伸到第 %(rows)s 行或第 %(columns)s 列以外。")
                % {"sheet": sheet, "rows": f"{MAX_ROWS:,}", "columns": MAX_COLUMNS},
                _("请删除表格右侧和下方的空白行列(含格式),或分批上传。"),
            )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _read_xlsx(content: bytes, most: int | None) -> list[Sheet]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [_read_sheet(book, each, most) for each in book.sheets_metadata[:MAX_SHEETS]]
    except (CalamineError, ValueError) as error:
        raise invalid(
            "file", _("无法读取这个工作簿。"), _("请在 Excel 或 WPS 中打开并另存后再上传。")
        ) from error
    found = [s for s in sheets if s.rows]
    if not found:
        raise invalid("file", _("工作簿中没有任何内容。"), _("请确认上传的是填好的工作簿。"))
    return found


def _read_sheet(book: CalamineWorkbook, said: SheetMetadata, most: int | None) -> Sheet:
    sheet = book.get_sheet_by_name(said.name)
    rows = sheet.to_python(skip_empty_area=False, nrows=most)
    merged = [(a[0], a[1], b[0], b[1]) for a, b in (sheet.merged_cell_ranges or [])]
    return Sheet(said.name, rows, merged, sheet.total_height, said.visible != SheetVisibleEnum.Visible)


def _read_csv(content: bytes) -> Sheet:
    for encoding in ("utf-16",) if content[:2] in _WIDE else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise invalid(
            "file", _("无法识别文件的编码。"), _("请另存为 UTF-8 或 GB 18030 编码的 CSV,或 .xlsx。")
        )
    try:
        delimiter = "\t" if text[:2000].count("\t") > text[:2000].count(",") else ","
        rows = [*islice(csv.reader(io.StringIO(text), delimiter=delimiter), MAX_ROWS + 1)]
    except csv.Error as error:
        raise invalid(
            "file", _("CSV 文件格式有误。"), _("请用 Excel 或 WPS 另存为 .xlsx 后上传。")
        ) from error
    if len(rows) > MAX_ROWS:
        raise invalid("file", _("CSV 超过 %(rows)s 行。") % {"rows": f"{MAX_ROWS:,}"}, _("请分批上传。"))
    return Sheet("CSV", rows, height=len(rows))


# --- hidden rows ----------------------------------------------------------------------------------


def hidden_rows(content: bytes) -> dict[str, list[int]]:
    """Sheet → the filled rows that nobody sees: hidden by hand or filtered out. Of a judged upload.

    Excel, WPS and LibreOffice mark both in the same way.
    """
    if content[:2] != b"PK":
        return {}
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name, part in _sheet_parts(archive):
            with archive.open(part) as stream:
                if rows := list(_hidden_in(stream)):
                    found[name] = rows
    return found


def _sheet_parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """The name of each sheet and the part of the archive that holds it."""
    known = set(archive.namelist())
    if "xl/_rels/workbook.xml.rels" not in known:
        return
    links = fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): str(link.get("Target", "")) for link in links}
    for sheet in fromstring(archive.read("xl/workbook.xml")).iter():
        target = targets.get(sheet.get(_RELATION)) if str(sheet.tag).endswith("}sheet") else None
        if target:
            part = target[1:] if target.startswith("/") else normpath(f"xl/{target}")
            if part in known:
                yield str(sheet.get("name")), part


def _hidden_in(stream: IO[bytes]) -> Iterator[int]:
    """The hidden rows with a value in one sheet, read piece by piece."""
    number, is_hidden, tail = 0, False, b""
    while True:
        piece = stream.read(_PIECE)
        text, start = tail + piece, 0
        if is_hidden or b"hidden" in text:
            for row in (_PREFIXED_ROW if b":row" in text else _ROW).finditer(text):
                if is_hidden and _HAS_VALUE.search(text, start, row.start()):
                    yield number
                said = _ROW_NUMBER.search(row[1])
                number, start = int(said[1]) if said else number + 1, row.end()
                is_hidden = _IS_HIDDEN.search(row[1]) is not None
        else:  # as nearly everywhere, and far faster than a look at each row
            number += sum(text.count(tag) for tag in (b"<row ", b"<row>", b":row ", b":row>"))
        if is_hidden and _HAS_VALUE.search(text, start):
            yield number
            is_hidden = False
        if not piece:
            return
        tail = text[max(start, text.rfind(b"<")) :]
        tail = b"" if b">" in tail else tail  # only a tag cut in two
