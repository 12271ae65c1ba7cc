"""Files as people send them, and as attackers make them. All made here."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image

TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns='
    '"http://schemas.openxmlformats.org/package/2006/content-types"></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def jpeg(size: tuple[int, int] = (640, 480), **more: Any) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (120, 160, 90)).save(target, "JPEG", **more)
    return target.getvalue()


def photo_with_gps() -> bytes:
    """A phone's photo: a camera's name, a place, a comment, and "turn me" in its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    exif[0x8825] = {1: "N", 2: (33.0, 44.0, 12.5), 3: "E", 4: (105.0, 43.0, 1.0)}
    picture = Image.new("RGB", (640, 480), (10, 200, 30))
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif, comment=b"33.7367,105.7169")
    return target.getvalue()


def png(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, size).save(target, "PNG")
    return target.getvalue()


def png_bomb(side: int = 30_000) -> bytes:
    """A small file that claims, and would unpack to, a gigabyte of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pdf(body: str = "", catalogue: str = "") -> bytes:
    return (
        f"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R {catalogue}>>\nendobj\n"
        f"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n{body}\n"
        "trailer\n<< /Root 1 0 R >>\n%%EOF\n"
    ).encode()


def pdf_with_stream(content: bytes, dictionary: str = "/Type /ObjStm /Filter /FlateDecode") -> bytes:
    packed = zlib.compress(content, 9)
    before = f"%PDF-1.5\n3 0 obj\n<< {dictionary} /Length {len(packed)} >>\nstream\n".encode()
    return before + packed + b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def office(main: str = "word/document.xml", **parts: str | bytes) -> bytes:
    """An Office file; ``parts`` by name, with ``__`` for ``/`` and ``_dot_`` for a dot."""
    found: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        main: f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{WORD}"/>',
    }
    found |= {name.replace("__", "/").replace("_dot_", "."): value for name, value in parts.items()}
    return archive(found)


def archive(parts: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, value in parts.items():
            made.writestr(name, value)
    return target.getvalue()


def zip_bomb(megabytes: int = 190) -> bytes:
    """Little on the wire, much in memory."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", TYPES)
        made.writestr("word/document.xml", "<w/>")
        with made.open("word/media.xml", "w") as part:
            for _ in range(megabytes):
                part.write(bytes(1 << 20))
    return target.getvalue()


def lying_zip() -> bytes:
    """A directory that says a part is small, while it unpacks to more than allowed."""
    content = bytearray(zip_bomb(210))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 1000)
    return bytes(content)


def links(*targets: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="r{i}" Type="http://x/{kind}" Target="{target}" TargetMode="External"/>'
        for i, (kind, target) in enumerate(targets)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{RELATIONS}">{inner}</Relationships>'
