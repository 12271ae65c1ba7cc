"""Word, Excel and PowerPoint files: zip bombs, macros, entities, embedded programs and links that act."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, invalid

MAX_PARTS = 2_000
MAX_UNPACKED = 200 << 20
MAX_RATIO = 150
MAX_PARSED = 8 << 20
_PIECE = 1 << 20
_MAIN = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ppt/presentation.xml": "pptx"}
_TEXT = (".xml", ".rels", ".vml")
_MEDIA = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".emf",
    ".wmf",
    ".wdp",
    ".fntdata",
    ".odttf",
)
_SETTINGS = re.compile(r"xl/printersettings/[^/]+\.bin|docprops/thumbnail\.\w+", re.I)
_FORBIDDEN = (
    (re.compile(r"(vbaproject|vbadata|macrosheets|dialogsheets)", re.I), "macro"),
    (re.compile(r"(activex|oleobject|externallinks|ctrlprops|customui|webextensions)", re.I), "object"),
)
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.I)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)", re.I)
_DDE = re.compile(r"\b(?:DDEAUTO|DDE|INCLUDETEXT|INCLUDEPICTURE)\b", re.I)
_LINKS = ("http:", "https:", "mailto:", "#")


def kind_of(content: bytes) -> str:
    """``docx``, ``xlsx`` or ``pptx`` by the main part. Raises Invalid for every other archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged() from error
    found = [kind for part, kind in _MAIN.items() if part in names]
    if len(found) != 1 or "[Content_Types].xml" not in names:
        raise invalid(
            "file", _("这是压缩包或不认识的文件，已拒收。"), _("请解压后逐个上传照片、PDF 或 Office 文件。")
        )
    return found[0]


def inspect(content: bytes) -> None:
    """Raises Invalid for anything unsafe."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            _require_sane_directory(parts, len(content))
            left = MAX_UNPACKED
            for part in parts:
                left -= _inspect_part(archive, part, left)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError, ValueError) as error:
        raise _damaged() from error


def _damaged() -> Invalid:
    return invalid(
        "file", _("文件已损坏或不是 Office 文件。"), _("请在 Office 或 WPS 中打开并另存后再上传。")
    )


def _bomb() -> Invalid:
    return invalid("file", _("文件展开后过大，已拒绝读取。"), _("请删减内容或拆分后再上传。"))


def _require_sane_directory(parts: list[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(p.file_size for p in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
        raise _bomb()
    if unpacked > 10 << 20 and unpacked > MAX_RATIO * size:
        raise _bomb()
    names = [p.filename.lower() for p in parts]
    if len(names) != len(set(names)) or any(p.flag_bits & 1 for p in parts):
        raise _damaged()
    for name in names:
        if name.startswith("/") or "\\" in name or ".." in name.split("/") or "\x00" in name:
            raise invalid("file", _("压缩包里的路径不合规。"), _("请在 Office 或 WPS 中另存后再上传。"))
        for pattern, what in _FORBIDDEN:
            if pattern.search(name):
                raise _active(_("宏") if what == "macro" else _("嵌入对象或外部链接"))


def _active(what: Any) -> Invalid:
    return invalid(
        "file",
        _("文件中含有%(what)s，已拒收。") % {"what": what},
        _("请另存为不含宏、对象和外部链接的 .docx/.xlsx，或另存为 PDF。"),
    )


def _inspect_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> int:
    """Unpack a part in pieces, whatever the directory says of its size. Returns its size."""
    name, size, kept = part.filename.lower(), 0, []
    is_text = name.endswith(_TEXT)
    is_embedded = "/embeddings/" in name and name.endswith(".xlsx")
    if not (is_text or is_embedded or name.endswith((*_MEDIA, "/")) or _SETTINGS.fullmatch(name)):
        raise _active(_("未知部件（%(name)s）") % {"name": part.filename[-40:]})
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > left:
                raise _bomb()
            if is_text or is_embedded:
                kept.append(piece)
    content = b"".join(kept)
    if is_embedded:
        _inspect_embedded(content)
    elif is_text:
        _inspect_xml(name, content)
    return size


def _inspect_embedded(content: bytes) -> None:
    """The workbook behind a chart: inspected like an upload, but it holds no further one."""
    if kind_of(content) != "xlsx":
        raise _active(_("嵌入对象或外部链接"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any("/embeddings/" in n.lower() for n in archive.namelist()):
            raise _active(_("嵌入对象或外部链接"))
    inspect(content)


def _inspect_xml(name: str, content: bytes) -> None:
    encoding = _ENCODING.search(content[:200])
    if b"\x00" in content[:64] or (encoding and encoding.group(1).lower() not in (b"utf-8", b"us-ascii")):
        raise _damaged()
    if _DECLARATION.search(content):
        raise invalid("file", _("文件中含有实体定义，已拒收。"), _("请在 Office 或 WPS 中另存后再上传。"))
    if name == "[content_types].xml":
        if b"macroenabled" in content.lower():
            raise _active(_("宏"))
    elif name.endswith(".rels"):
        _inspect_links(content)
    elif b"instrText" in content or b"fldSimple" in content:
        _inspect_fields(content)


def _parsed(content: bytes) -> Any:
    if len(content) > MAX_PARSED:
        raise _bomb()
    try:
        return fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise _damaged() from error


def _inspect_links(content: bytes) -> None:
    """External targets may be links to click, nothing that is fetched on opening."""
    for link in _parsed(content):
        target, kind = link.get("Target", ""), link.get("Type", "")
        if link.get("TargetMode", "").lower() != "external":
            continue
        if not kind.endswith("/hyperlink") or not target.lower().lstrip().startswith(_LINKS):
            raise _active(_("嵌入对象或外部链接"))


def _inspect_fields(content: bytes) -> None:
    """Word's fields must not start programs or fetch files, however their text is cut into runs."""
    text = "".join(
        (node.text or "") if node.tag.endswith("}instrText") else " ".join(node.attrib.values())
        for node in _parsed(content).iter()
        if node.tag.endswith(("}instrText", "}fldSimple"))
    )
    if _DDE.search(text):
        raise _active(_("会执行的域"))
