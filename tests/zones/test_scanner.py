"""The leak scan finds what is planted, in every container, and nothing where nothing is."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from html import escape
from urllib.parse import quote

import openpyxl
import pytest
import typst
from openpyxl.comments import Comment
from PIL import Image, PngImagePlugin

from tests.zones.leaks import Canaries, Scanner
from yuchang.portal.rules.private import findings, is_id_number, passes_luhn

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
EACH = 12


def id_number(chance: random.Random) -> str:
    """Made up, with a right check sign; the area 999999 exists nowhere."""
    body = f"999999{chance.randint(1930, 2020)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    body += f"{chance.randint(0, 999):03}"
    return body + "10X98765432"[sum(int(s) * w for s, w in zip(body, WEIGHTS, strict=True)) % 11]


def phone(chance: random.Random) -> str:
    return f"1{chance.choice('3456789')}{chance.randint(0, 999_999_999):09}"


def card(chance: random.Random) -> str:
    body = f"62{chance.randint(0, 10**16 - 1):016}"
    return next(body + str(n) for n in range(10) if passes_luhn(body + str(n)))


def masked(chance: random.Random) -> str:
    number = id_number(chance)
    return chance.choice((f"{number[:6]}********{number[14:]}", f"{phone(chance)[:3]}****{number[:4]}"))


KINDS: dict[str, Callable[[random.Random], str]] = {
    "id": id_number, "phone": phone, "card": card, "masked": masked,
}  # fmt: skip
WORDS = ("阚夙瀛", "尿毒症晚期", "槐树湾组十七号东院", "欧阳觞澜", "重度精神障碍")


def workbook(write: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = "公开"
    write(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def in_hidden_sheet(text: str) -> bytes:
    def write(book: openpyxl.Workbook) -> None:
        sheet = book.create_sheet("内部")
        sheet["C9"] = text
        sheet.sheet_state = "veryHidden"

    return workbook(write)


def in_hidden_column(text: str) -> bytes:
    def write(book: openpyxl.Workbook) -> None:
        book.active["F2"] = int(text) if text.isdigit() and len(text) < 15 else text
        book.active.column_dimensions["F"].hidden = True

    return workbook(write)


def in_comment(text: str) -> bytes:
    return workbook(lambda book: setattr(book.active["A1"], "comment", Comment(text, "录入员")))


def in_properties(text: str) -> bytes:
    return workbook(lambda book: setattr(book.properties, "description", text))


def in_letter(text: str) -> bytes:
    """Word splits a text into runs as it likes."""
    runs = "".join(f"<w:r><w:t>{escape(sign)}</w:t></w:r>" for sign in text)
    return zipped("word/document.xml", f"<w:document><w:p>{runs}</w:p></w:document>".encode())


def zipped(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def in_png(text: str) -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_itxt("Comment", text, zip=True)
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "PNG", pnginfo=said)
    return target.getvalue()


def in_jpeg(text: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = text.encode("utf-8")
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "JPEG", exif=exif)
    return target.getvalue()


def in_pdf(text: str) -> bytes:
    return pdf(f'= 公示\n户主 #text("{text}")，见附件。')


def in_pdf_properties(text: str) -> bytes:
    return pdf(f'#set document(title: "{text}")\n公示')


def pdf(source: str) -> bytes:
    made = typst.compile(source.encode(), format="pdf")
    assert isinstance(made, bytes)
    return made


CONTAINERS: dict[str, Callable[[str], bytes]] = {
    "page": lambda t: f"<html><body><p>户主{escape(t)}</p></body></html>".encode(),
    "page, tags between": lambda t: f"<td>{'<b></b>'.join(t)}</td>".encode(),
    "page, entities": lambda t: "".join(f"&#{ord(s)};" for s in t).encode(),
    "attribute": lambda t: f'<a title="{escape(t)}" href="/x">x</a>'.encode(),
    "comment": lambda t: f"<!-- {t} -->".encode(),
    "script data": lambda t: f'<script type="application/json">{json.dumps({"n": t})}</script>'.encode(),
    "json": lambda t: json.dumps({"rows": [{"note": t}]}, ensure_ascii=False).encode(),
    "json, escaped": lambda t: json.dumps([t]).encode(),
    "csv": lambda t: f"\ufeff户主,备注\n甲,{t}\n".encode(),
    "csv in gb18030": lambda t: f"户主,备注\n甲,{t}\n".encode("gb18030"),
    "utf-16": lambda t: f"备注：{t}".encode("utf-16"),
    "link": lambda t: f'<a href="/x?q={quote(t)}">x</a>'.encode(),
    "gzip": lambda t: gzip.compress(t.encode()),
    "archive": lambda t: zipped("a/b.txt", t.encode()),
    "archive in archive": lambda t: zipped("b.zip", zipped("c.txt", t.encode())),
    "name in archive": lambda t: zipped(f"{t}.txt", b""),
    "data address": lambda t: b"<img src='data:text/plain;base64," + base64.b64encode(t.encode()) + b"'>",
    "hidden sheet": in_hidden_sheet,
    "hidden column": in_hidden_column,
    "cell comment": in_comment,
    "workbook properties": in_properties,
    "letter": in_letter,
    "png": in_png,
    "jpeg": in_jpeg,
    "pdf": in_pdf,
    "pdf properties": in_pdf_properties,
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_planted_in_a_container_is_found(container: str) -> None:
    chance = random.Random(container)
    canaries = Canaries()
    each = EACH if "pdf" not in container else 3
    planted = [make(chance) for make in KINDS.values() for _i in range(each)]
    planted += [canaries.plant("words", word) for word in WORDS]
    scanner = Scanner(canaries)
    missed = [text for text in planted if not scanner.scan("x", CONTAINERS[container](text))]
    assert len(missed) <= 0.01 * len(planted), missed


def test_headers_and_cookies_are_read() -> None:
    canaries = Canaries()
    canaries.plant("name", "阚夙瀛")
    scanner = Scanner(canaries)
    assert scanner.scan_text(
        "header", f"Content-Disposition: attachment; filename*=UTF-8''{quote('阚夙瀛')}.csv"
    )
    assert scanner.scan_text("cookie", "last=13800138000; Path=/")


def test_a_piece_of_a_planted_number_is_found_and_its_area_is_not() -> None:
    canaries = Canaries()
    canaries.plant("id", "999999198003041239")
    scanner = Scanner(canaries)
    assert scanner.scan("x", "生日 19800304。".encode())
    assert scanner.scan("x", "尾号 03041239".encode())
    assert not scanner.scan("x", "区划 999999000000".encode())


def test_a_place_of_a_house_is_found() -> None:
    scanner = Scanner(Canaries())
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (33.0, 44.0, 12.5)
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "JPEG", exif=exif)
    assert scanner.scan("x", target.getvalue())
    assert scanner.scan("x", b'{"lon": 105.72814}')
    assert not scanner.scan("x", b'{"share": 33.4, "fen": 102400}')


def test_what_public_pages_say_is_no_finding() -> None:
    scanner = Scanner(Canaries())
    clean = (
        '2026-11-21 10:00 成县 621221000000 售出 1,024.00 元 data-value="102400" 12345678 fen',
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "回执 K7M2QX9RTB 欧阳某某 5 人 家庭支出负担 20261121 第 13 包 1700000000",
        "https://localhost/notices/ABCDEFGH2345 v1.2.3 1/2 100% 4111-11 ****",
    )
    for text in clean:
        assert not scanner.scan("x", text.encode()), text


def test_the_numbers_that_name_a_person_are_told_from_others() -> None:
    assert is_id_number("11010519491231002X") and not is_id_number("110105194912310021")
    assert passes_luhn("4111111111111111") and not passes_luhn("4111111111111112")
    assert not passes_luhn("0000000000000000")
    assert [f.kind for f in findings("联系 138-0013-8000")] == ["phone"]
    assert [f.kind for f in findings("联系 138.0013.8000")] == ["phone"]
    assert [f.kind for f in findings("联系 １３８００１３８０００")] == ["phone"]
    assert [f.kind for f in findings("区号 0939-6212345")] == ["phone"]
    assert [f.kind for f in findings("证件 110105 19491231 002X")] == ["id"]
    assert not list(findings("面积 13800.138000 平方米，订单 20261121000017"))
