"""PDF: kept only when nothing in it runs, starts a program, carries another file, or cannot be looked into.

The file is not rendered. Names of actions are looked for in every byte of it, after undoing ``#xx`` escapes,
and in every stream that inflates; object streams with other filters cannot be looked into and are refused.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, invalid

MAX_INFLATED = 64 << 20
MAX_STREAMS = 20_000
_PIECE, _FEED = 1 << 20, 1 << 14
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_ESCAPED_NAME = re.compile(rb"/[A-Za-z0-9]*#[A-Za-z0-9#]*")
_ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|Rendition|XFA|SubmitForm|ImportData|GoToR|GoToE|Movie)"
    rb"(?=[\s/<>\[\](){}%\x00]|$)"
)
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECT_STREAM = re.compile(rb"/ObjStm(?=[\s/<>\[\]])")
_PLAIN_FILTER = re.compile(rb"/Filter\s*(?:/FlateDecode|\[\s*/FlateDecode\s*\])(?=[\s/<>])")
_LONGEST_DICTIONARY = 4096


def inspect(content: bytes) -> None:
    """Raises Invalid for an active, encrypted, damaged or double-natured PDF."""
    tail = content[-1024:].rstrip(b"\x00 \t\r\n")
    if not re.match(rb"%PDF-[12]\.\d", content) or not tail.endswith(b"%%EOF"):
        raise invalid("file", _("PDF 不完整，或后面接有别的内容。"), _("请用“打印成 PDF”重新生成后再上传。"))
    if zipfile.is_zipfile(BytesIO(content)):
        raise invalid("file", _("这个文件同时是 PDF 和压缩包。"), _("请用“打印成 PDF”重新生成后再上传。"))
    plain = _unescaped(content)
    if re.search(rb"/Encrypt(?=[\s/<])", plain):
        raise invalid("file", _("PDF 设有密码或权限，无法检查。"), _("请去掉密码后再上传。"))
    _require_quiet(plain)
    _require_plain_object_streams(plain)
    for piece in _inflated(content):
        _require_quiet(_unescaped(piece))


def _unescaped(text: bytes) -> bytes:
    """The same with the ``#xx`` escapes in names undone."""

    def plain(name: re.Match[bytes]) -> bytes:
        return _ESCAPE.sub(lambda found: bytes([int(found.group(1), 16)]), name.group())

    return _ESCAPED_NAME.sub(plain, text)


def _require_quiet(text: bytes) -> None:
    found = _ACTIVE.search(text)
    if found:
        raise invalid(
            "file",
            _("PDF 中含有会执行的内容（%(name)s），已拒收。") % {"name": found.group(1).decode()},
            _("请用“打印成 PDF”重新生成后再上传。"),
        )


def _require_plain_object_streams(text: bytes) -> None:
    """Objects inside of streams must be readable by inflating, without predictors or further filters."""
    for found in _OBJECT_STREAM.finditer(text):
        start = text.rfind(b"obj", max(0, found.start() - _LONGEST_DICTIONARY), found.start())
        end = text.find(b"stream", found.end(), found.end() + _LONGEST_DICTIONARY)
        dictionary = text[start if start >= 0 else found.start() : end if end >= 0 else found.end()]
        if (
            start < 0
            or end < 0
            or b"/DecodeParms" in dictionary
            or (b"/Filter" in dictionary and not _PLAIN_FILTER.search(dictionary))
        ):
            raise _unreadable()


def _unreadable() -> Invalid:
    return invalid("file", _("PDF 中有无法检查的部分。"), _("请用“打印成 PDF”重新生成后再上传。"))


def _inflated(content: bytes) -> Iterator[bytes]:
    """What every compressed stream holds, in overlapping pieces. Raises Invalid beyond the limits."""
    total = 0
    for number, found in enumerate(_STREAM.finditer(content)):
        if number >= MAX_STREAMS:
            raise _too_big()
        tail = b""
        for piece in _pieces(content, found.end()):
            total += len(piece)
            if total > MAX_INFLATED:
                raise _too_big()
            yield tail + piece
            tail = piece[-64:]


def _pieces(content: bytes, position: int) -> Iterator[bytes]:
    """The stream that begins here, inflated piece by piece; nothing when it is not compressed that way."""
    engine, pending = zlib.decompressobj(), b""
    while not engine.eof:
        if not pending:
            pending = content[position : position + _FEED]
            position += _FEED
        if not pending:
            return
        try:
            piece = engine.decompress(pending, _PIECE)
        except zlib.error:
            return
        pending = engine.unconsumed_tail
        if piece:
            yield piece


def _too_big() -> Invalid:
    return invalid("file", _("PDF 展开后过大，已拒绝读取。"), _("请拆分或压缩后再上传。"))
