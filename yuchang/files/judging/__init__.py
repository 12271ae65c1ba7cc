"""Judging an upload before anybody keeps it: what it really is, and that nothing in it acts.

``judge`` takes bytes and gives bytes: a picture is drawn anew, everything else is kept as it came once it has
been looked through. Raises Invalid that says what is wrong and what to do (``docs/rules/uploads.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import puremagic
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, invalid
from yuchang.files.judging import images, office, pdf, texts
from yuchang.files.rules import EXTENSIONS, IMAGES, MEGABYTE, OFFICE, Purpose, extension_of

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_LOOKED_AT = 4096
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
_OTHER_OFFICE = {".doc", ".xls", ".ppt", ".wps", ".et", ".dps", ".odt", ".ods", ".odp", ".rtf"}


@dataclass(frozen=True)
class Judged:
    """What may be kept: its kind, its bytes, and a small picture of it where there is one."""

    kind: str
    content: bytes
    thumbnail: bytes | None = None


def judge(name: str, content: bytes, purpose: Purpose) -> Judged:
    """What may be kept of an upload. Raises Invalid."""
    if not content:
        raise invalid("file", _("文件是空的。"), _("请重新选择文件。"))
    require_size(len(content), purpose)
    kind = EXTENSIONS.get(extension_of(name).lower(), "")
    if not kind:
        raise _unknown_extension(name, purpose)
    true_kind = detect(content)
    if true_kind != kind and not (true_kind == "txt" and kind == "csv"):
        raise invalid(
            "file",
            _("文件名说是“%(named)s”，内容却是“%(true)s”。")
            % {"named": extension_of(name), "true": true_kind},
            _("请用原来的程序打开并另存，不要改扩展名。"),
        )
    if kind not in purpose.kinds:
        raise _unknown_extension(name, purpose)
    return _inspect(kind, content, purpose)


def require_size(size: int, purpose: Purpose) -> None:
    """Raises Invalid for more bytes than the purpose allows."""
    if size > purpose.max_bytes:
        limit = purpose.max_bytes // MEGABYTE
        raise invalid(
            "file",
            _("文件超过 %(limit)s MB。") % {"limit": limit},
            _("请压缩或拆分后再上传。"),
        )


def _unknown_extension(name: str, purpose: Purpose) -> Invalid:
    ending = extension_of(name)
    message = _("这里不接受“%(ending)s”文件。") % {"ending": ending or _("无扩展名")}
    return invalid("file", message, _advice(ending.lower(), purpose))


def _advice(ending: str, purpose: Purpose) -> str:
    """What to do instead, by what somebody wanted to send."""
    if ending in {".heic", ".heif"}:
        return _heic_advice()
    allowed = " ".join(sorted(e for e, kind in EXTENSIONS.items() if kind in purpose.kinds))
    if ending in _OTHER_OFFICE and purpose.kinds & OFFICE:
        words = _("可以上传：%(allowed)s。旧版 .doc/.xls/.wps/.et 请另存为 .docx/.xlsx。")
    else:
        words = _("可以上传：%(allowed)s。")
    return words % {"allowed": allowed}


def _heic_advice() -> str:
    return _("请在手机的“设置、相机、格式”里选“兼容性最好”后重拍，或把照片另存为 .jpg。")


def detect(content: bytes) -> str:
    """The kind by content alone, by strict signatures at the first byte. Raises Invalid for none."""
    head = content[:16]
    if head[:3] == b"\xff\xd8\xff":
        return _confirmed("jpeg", content)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _confirmed("png", content)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:5] == b"%PDF-":
        return _confirmed("pdf", content)
    if head[:4] == b"PK\x03\x04":
        return office.kind_of(content)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        raise invalid("file", _("这是手机的 HEIC 照片，只改了扩展名。"), _heic_advice())
    if head[:8] == _OLE:
        raise invalid(
            "file",
            _("这是旧版 Office/WPS 文件或加了密码的文件，无法检查。"),
            _("请去掉密码，另存为 .docx、.xlsx 或 .pdf。"),
        )
    if texts.is_text(content):
        return "txt"
    raise invalid(
        "file",
        _("内容不是可以接受的文件（像是 %(name)s）。") % {"name": _guess(content)},
        _("请上传照片、PDF 或 Office 文件。"),
    )


def _candidates(content: bytes) -> list[puremagic.main.PureMagicWithConfidence]:
    try:
        return list(puremagic.magic_string(content[:_LOOKED_AT]))
    except (puremagic.PureError, ValueError):
        return []


def _confirmed(kind: str, content: bytes) -> str:
    """The kind, if the catalogue of signatures sees it the same way. Raises Invalid."""
    endings = {EXTENSIONS.get(c.extension) for c in _candidates(content)}
    if kind not in endings:
        raise invalid("file", _("文件已损坏。"), _("请用原来的程序打开并另存后再上传。"))
    return kind


def _guess(content: bytes) -> str:
    found = [c.name or c.extension for c in _candidates(content)]
    return found[0][:60] if found else _("未知类型")


def _inspect(kind: str, content: bytes, purpose: Purpose) -> Judged:
    if kind in IMAGES:
        kept_kind, kept, thumbnail = images.redraw(content, kind, purpose.max_side)
        return Judged(kept_kind, kept, thumbnail)
    if kind in OFFICE:
        office.inspect(content)
    elif kind == "pdf":
        pdf.inspect(content)
    else:
        texts.inspect(content, is_table=kind == "csv")
    return Judged(kind, content)
