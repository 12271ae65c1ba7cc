"""The public leak scan: what comes out of the public zone is taken apart and searched for private things.

``Scanner`` opens every container it meets (HTML, scripts, JSON, CSV, archives, workbooks with hidden
sheets and parts, letters, PDF with its streams, images with their metadata, data addresses) and searches
each text for numbers that name a person and for the canaries: names, numbers, addresses and words of
planted households. It knows nothing of the pages; ``tests/zones/crawl.py`` brings them.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from PIL import ExifTags, Image

from yuchang.portal.rules.private import findings

DEEPEST = 6
SHORTEST_FRAGMENT = 8
# Decimal degrees as a place of a house: at least four digits behind the point, within China.
_POINT = re.compile(
    r"(?<![\d.:])((?:7[3-9]|[89]\d|1[0-2]\d|13[0-5])\.\d{4,}|(?:1[89]|[2-4]\d|5[0-3])\.\d{4,})(?![\d.])"
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_TAG = re.compile(r"<[^>]*>")
_DATA = re.compile(r"data:[\w/+.-]*;base64,([A-Za-z0-9+/=\s]+)")
_FLOAT = re.compile(r"\b\d\.\d+[eE]\+?\d{1,2}\b")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)


@dataclass(frozen=True)
class Hit:
    """One private thing found: where (address and part), what kind, and the text."""

    where: str
    kind: str
    text: str


@dataclass
class Canaries:
    """Planted texts by kind; numbers are searched in pieces, too."""

    texts: dict[str, str] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)

    def plant(self, kind: str, text: str) -> str:
        self.texts[text] = kind
        if len(text) > SHORTEST_FRAGMENT and re.fullmatch(r"[0-9]+[0-9X]", text):
            for at in range(len(text) - SHORTEST_FRAGMENT + 1):
                self.fragments[text[at : at + SHORTEST_FRAGMENT]] = kind
        return text

    def pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.texts, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


class Scanner:
    """Searches contents for private things. ``allowed`` are texts that may stand in public as they are."""

    def __init__(self, canaries: Canaries, allowed: Iterable[str] = ()) -> None:
        self.canaries = canaries
        self.allowed = set(allowed)
        self._pattern = canaries.pattern()

    def scan(self, where: str, content: bytes, media_type: str = "") -> list[Hit]:
        """Everything found in one response or file."""
        hits: dict[tuple[str, str], Hit] = {}
        for part, text in texts_of(where, content, media_type):
            for kind, found in self._search(text):
                if found not in self.allowed:
                    hits.setdefault((kind, found), Hit(part, kind, found))
        return list(hits.values())

    def scan_text(self, where: str, text: str) -> list[Hit]:
        """A header, a cookie, an address."""
        return self.scan(where, unquote(text).encode(), "text/plain")

    def _search(self, text: str) -> Iterator[tuple[str, str]]:
        for finding in findings(text):
            yield finding.kind, finding.text
        for match in self._pattern.finditer(text):
            yield f"canary {self.canaries.texts[match.group()]}", match.group()
        for match in re.finditer(r"(?<![0-9A-Za-z])[0-9]{8,}X?(?![0-9A-Za-z])", text):
            run = match.group()
            for at in range(len(run) - SHORTEST_FRAGMENT + 1):
                if kind := self.canaries.fragments.get(run[at : at + SHORTEST_FRAGMENT]):
                    yield f"fragment of {kind}", run
                    break
        for match in _POINT.finditer(text):
            yield "coordinate", match.group()


def texts_of(where: str, content: bytes, media_type: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every readable text in the content, with the path to it."""
    if depth > DEEPEST:
        raise ValueError(f"{where} is packed too deep to be searched")
    for inner, unpacked in _unpacked(where, content):
        yield from texts_of(inner, unpacked, "", depth + 1)
    if content.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        return
    if content.startswith(b"%PDF"):
        yield from _pdf(where, content)
    with suppress(Exception):
        yield from _image(where, content)
    for encoding in _encodings(content):
        text = content.decode(encoding, errors="replace")
        yield from _views(where, text)
        for match in _DATA.finditer(text):
            with suppress(binascii.Error):
                inner_content = base64.b64decode(re.sub(r"\s", "", match.group(1)))
                yield from texts_of(f"{where}!data", inner_content, "", depth + 1)


def _encodings(content: bytes) -> list[str]:
    """UTF-8 always; others when the bytes are not plain text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16", "utf-8"]
    is_text = b"\x00" not in content[:4096]
    with suppress(UnicodeDecodeError):
        if is_text:
            content.decode("utf-8")
            return ["utf-8"]
    return ["utf-8", "gb18030"] if is_text else ["utf-8", "utf-16-le", "utf-16-be"]


def _views(where: str, text: str) -> Iterator[tuple[str, str]]:
    """The text as it stands, and as those read it who undo escapes and tags."""
    yield where, text
    plain = html.unescape(_ESCAPE.sub(lambda m: chr(int(m.group(1), 16)), text))
    if plain != text:
        yield f"{where}!unescaped", plain
    if "%" in text and (unquoted := unquote(plain)) != plain:
        yield f"{where}!unquoted", unquoted
    if "<" in plain:
        yield f"{where}!joined", _TAG.sub("", plain)
        yield f"{where}!spaced", _TAG.sub(" ", plain)
    if numbers := [f"{float(n):.0f}" for n in _FLOAT.findall(text)]:
        yield f"{where}!numbers", " ".join(numbers)
    with suppress(ValueError):
        if plain.lstrip()[:1] in "[{":
            yield f"{where}!values", " | ".join(map(str, _leaves(json.loads(text))))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _unpacked(where: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """What lies in an archive (a workbook and a letter are archives): names, comments, every part."""
    if content.startswith(b"\x1f\x8b"):
        yield f"{where}!gzip", gzip.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield f"{where}!names", "\n".join(archive.namelist()).encode()
            yield f"{where}!comment", archive.comment
            for entry in archive.infolist():
                yield f"{where}!{entry.filename}", archive.read(entry)


def _image(where: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Metadata of an image; a position in it is a finding by itself."""
    if not content.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"II*", b"MM\x00*")):
        return
    with Image.open(io.BytesIO(content)) as image:
        said = [str(value) for value in image.info.values() if not isinstance(value, bytes)]
        said += [v.decode("utf-8", "replace") for v in image.info.values() if isinstance(v, bytes)]
        exif = image.getexif()
        said += [_plain(value) for value in exif.values()]
        for block in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            said += [_plain(value) for value in exif.get_ifd(block).values()]
        yield f"{where}!metadata", " | ".join(said)
        if exif.get_ifd(ExifTags.IFD.GPSInfo):
            yield f"{where}!position", "104.0000"


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        prefix = {b"ASCII": "ascii", b"UNICODE": "utf-16-le"}.get(value[:8].rstrip(b"\x00"))
        return value[8:].decode(prefix, "replace") if prefix else value.decode("utf-8", "replace")
    return str(value)


def _pdf(where: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Texts of a PDF: its strings and streams, and glyphs through the tables that name their signs."""
    streams = [content]
    for match in _STREAM.finditer(content):
        raw = match.group(1)
        with suppress(zlib.error):
            raw = zlib.decompressobj().decompress(raw)
        streams.append(raw)
    maps = [found for stream in streams if b"beginbf" in stream and (found := _glyphs(stream))]
    for at, stream in enumerate(streams):
        # Pieces of one line stand in one array, with the gaps between letters as numbers.
        text = stream.decode("latin-1")
        yield f"{where}!{at}", text
        with suppress(UnicodeDecodeError):
            yield f"{where}!{at}!utf8", stream.decode("utf-8")
        literal = "".join(_pdf_literal(part) for part in re.findall(r"\((?:\\.|[^\\()])*\)", text))
        yield f"{where}!{at}!strings", literal
        pieces = re.findall(r"<([0-9A-Fa-f\s]{4,})>", text)
        for codes in pieces:
            with suppress(ValueError):
                packed = bytes.fromhex(re.sub(r"\s", "", codes))
                yield (
                    f"{where}!{at}!hex",
                    packed.decode("utf-16", "replace") if packed[:2] == b"\xfe\xff" else "",
                )
        for table in maps:
            shown = "".join(_read_glyphs(codes, table) for codes in pieces)
            if shown:
                yield f"{where}!{at}!glyphs", shown


def _pdf_literal(part: str) -> str:
    inner = re.sub(r"\\([0-7]{1,3})", lambda m: chr(int(m.group(1), 8) & 255), part[1:-1])
    inner = re.sub(r"\\(.)", r"\1", inner)
    raw = inner.encode("latin-1", "replace")
    return raw.decode("utf-16", "replace") if raw[:2] in (b"\xfe\xff", b"\xff\xfe") else inner


def _glyphs(stream: bytes) -> dict[str, str]:
    """A table from glyph numbers to signs (ToUnicode)."""
    text, table = stream.decode("latin-1"), {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", text, re.S):
        for code, sign in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            table[code.upper()] = bytes.fromhex(sign).decode("utf-16-be", "replace")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", text, re.S):
        for low, high, sign in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            for step in range(int(high, 16) - int(low, 16) + 1):
                table[f"{int(low, 16) + step:0{len(low)}X}"] = chr(int(sign, 16) + step)
    return table


def _read_glyphs(codes: str, table: dict[str, str]) -> str:
    packed = re.sub(r"\s", "", codes).upper()
    return "".join(table.get(packed[at : at + 4], "") for at in range(0, len(packed), 4))
