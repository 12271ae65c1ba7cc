"""What is kept, and what is refused: false types, polyglots, bombs, macros, entities, scripts, positions."""

from __future__ import annotations

import io
import re
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from yuchang.core.errors import Invalid
from yuchang.files.judging import judge
from yuchang.files.rules import DOCUMENTS, EXTENSIONS, IMAGES, Purpose, clean_name, extension_of
from yuchang.files.tests import hostile

ANY = Purpose("试", (), (), frozenset(EXTENSIONS.values()))
PICTURES = Purpose("试", (), (), IMAGES, max_side=400)
EICAR_LIKE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(range(256))


def test_a_photo_loses_its_position_camera_and_comment_and_stands_upright() -> None:
    content = hostile.photo_with_gps()
    assert b"SecretCamera" in content
    kept = judge("IMG_1.jpg", content, ANY)
    assert (kept.kind, b"SecretCamera" in kept.content, b"105.7169" in kept.content) == ("jpeg", False, False)
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert picture.size == (480, 640)
        assert not dict(picture.getexif())
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert kept.thumbnail is not None
    with Image.open(io.BytesIO(kept.thumbnail)) as small:
        assert max(small.size) == 320


def test_a_picture_is_reduced_to_what_its_purpose_needs() -> None:
    kept = judge("a.jpg", hostile.jpeg((3000, 1500)), PICTURES)
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert picture.size == (400, 200)


def test_a_transparent_png_keeps_its_transparency() -> None:
    kept = judge("seal.png", hostile.png(mode="RGBA"), ANY)
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert (kept.kind, picture.mode) == ("png", "RGBA")


@pytest.mark.parametrize(
    "extra", [b"PK\x03\x04evil", b"<script>alert(1)</script>", b"%PDF-1.4", EICAR_LIKE], ids=repr
)
def test_what_is_hung_onto_a_picture_is_left_behind(extra: bytes) -> None:
    assert extra not in judge("a.jpg", hostile.jpeg() + extra, ANY).content


def test_a_picture_that_is_also_an_archive_comes_out_as_a_picture_only() -> None:
    both = hostile.jpeg() + hostile.archive({"evil.html": "<script>"})
    assert zipfile.is_zipfile(io.BytesIO(both))
    assert not zipfile.is_zipfile(io.BytesIO(judge("a.jpg", both, ANY).content))


def entity_document(encoding: str = "utf-8") -> bytes:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    return hostile.office(word__settings_dot_xml=text.encode(encoding))


REFUSED: dict[str, tuple[str, bytes]] = {
    "empty": ("a.jpg", b""),
    "html as picture": ("a.jpg", b"<html><script>alert(1)</script></html>"),
    "html": ("a.html", b"<html></html>"),
    "svg with script": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
    "svg as png": ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>'),
    "svg as text": ("a.txt", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>'),
    "program": ("a.exe", EICAR_LIKE),
    "program as pdf": ("a.pdf", EICAR_LIKE),
    "png named jpg": ("a.jpg", hostile.png()),
    "jpg named pdf": ("a.pdf", hostile.jpeg()),
    "two endings": ("a.jpg.exe", hostile.jpeg()),
    "no ending": ("photo", hostile.jpeg()),
    "gif": ("a.gif", b"GIF89a" + bytes(50)),
    "cut jpeg": ("a.jpg", hostile.jpeg()[:300]),
    "broken png": ("a.png", hostile.png()[:60]),
    "pixel bomb": ("a.png", hostile.png_bomb()),
    "old word": ("a.docx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)),
    "plain archive": ("a.docx", hostile.archive({"a.txt": "x"})),
    "archive": ("a.zip", hostile.archive({"a.txt": "x"})),
    "zip bomb": ("a.docx", hostile.zip_bomb()),
    "lying zip": ("a.docx", hostile.lying_zip()),
    "many parts": ("a.docx", hostile.office(**{f"word__p{i}_dot_xml": "<a/>" for i in range(2_100)})),
    "macro": ("a.docx", hostile.office(word__vbaProject_dot_bin=b"x")),
    "macro type": (
        "a.docx",
        hostile.archive(
            {
                "[Content_Types].xml": hostile.TYPES.replace("</Types>", "<D C='x.macroEnabled.main+xml'/></Types>"),
                "word/document.xml": "<w/>",
            }
        ),
    ),
    "excel 4 macro": ("a.xlsx", hostile.office("xl/workbook.xml", xl__macrosheets__s1_dot_xml="<x/>")),
    "activex": ("a.docx", hostile.office(word__activeX__activeX1_dot_xml="<x/>")),
    "ole object": ("a.docx", hostile.office(word__embeddings__oleObject1_dot_bin=b"x")),
    "program inside": ("a.docx", hostile.office(word__media__run_dot_exe=EICAR_LIKE)),
    "entity": ("a.docx", entity_document()),
    "entity in utf-16": ("a.docx", entity_document("utf-16")),
    "remote template": (
        "a.docx",
        hostile.office(word___rels__settings_dot_xml_dot_rels=hostile.links(("attachedTemplate", "http://e/x"))),
    ),
    "remote picture": (
        "a.docx",
        hostile.office(word___rels__document_dot_xml_dot_rels=hostile.links(("image", "file://e/x.png"))),
    ),
    "script link": (
        "a.docx",
        hostile.office(word___rels__document_dot_xml_dot_rels=hostile.links(("hyperlink", "javascript:x"))),
    ),
    "dde in pieces": (
        "a.docx",
        hostile.office(
            word__footer1_dot_xml=f'<w:p xmlns:w="{hostile.WORD}"><w:instrText>DDE</w:instrText>'
            "<w:instrText>AUTO cmd</w:instrText></w:p>"
        ),
    ),
    "path out": ("a.docx", hostile.archive({"[Content_Types].xml": "", "word/document.xml": "", "../x.xml": ""})),
    "pdf script": ("a.pdf", hostile.pdf(catalogue="/OpenAction << /S /JavaScript /JS (x) >>")),
    "pdf escaped script": ("a.pdf", hostile.pdf(catalogue="/OpenAction << /S /J#61vaScr#69pt /JS (x) >>")),
    "pdf launch": ("a.pdf", hostile.pdf(catalogue="/OpenAction << /S /Launch /F (cmd.exe) >>")),
    "pdf attachment": ("a.pdf", hostile.pdf("<< /Type /EmbeddedFile >>")),
    "pdf packed script": ("a.pdf", hostile.pdf_with_stream(b"<< /S /JavaScript /JS (x) >>")),
    "pdf twice packed": (
        "a.pdf",
        hostile.pdf_with_stream(b"x", "/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]"),
    ),
    "pdf bomb": ("a.pdf", hostile.pdf_with_stream(bytes(70 << 20), "/Filter /FlateDecode")),
    "pdf locked": ("a.pdf", hostile.pdf(catalogue="/Encrypt 9 0 R ")),
    "pdf and archive": ("a.pdf", hostile.pdf() + hostile.archive({"a": "b"}) + b"%%EOF"),
    "pdf after html": ("a.pdf", b"<html></html>" + hostile.pdf()),
    "csv formula": ("a.csv", "户名,金额\n=cmd|' /C calc'!A0,1\n".encode()),
    "csv full-width": ("a.csv", "户名\n＝1+1\n".encode()),
    "binary text": ("a.txt", b"abc\x00def"),
}  # fmt: skip


def peak_kilobytes(*, reset: bool = False) -> int:
    """The most memory this process held since the last reset (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1))


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_quickly_in_little_memory(name: str) -> None:
    file_name, content = REFUSED[name]
    before, start = peak_kilobytes(reset=True), time.process_time()
    with pytest.raises(Invalid) as refusal:
        judge(file_name, content, ANY)
    assert time.process_time() - start < 2
    assert peak_kilobytes() - before < 200 << 10
    assert refusal.value.problems[0].field == "file"
    assert refusal.value.problems[0].remedy


KEPT: dict[str, tuple[str, bytes]] = {
    "photo": ("IMG_0001.JPG", hostile.jpeg()),
    "picture": ("a.png", hostile.png()),
    "pdf": ("决定.pdf", hostile.pdf(catalogue="/OpenAction [3 0 R /Fit] ")),
    "packed pdf": ("a.pdf", hostile.pdf_with_stream(b"<< /Type /Page >>")),
    "word": ("a.docx", hostile.office()),
    "word with a link": (
        "a.docx",
        hostile.office(word___rels__document_dot_xml_dot_rels=hostile.links(("hyperlink", "https://e/"))),
    ),
    "excel": ("a.xlsx", hostile.office("xl/workbook.xml")),
    "chart": ("a.pptx", hostile.office("ppt/presentation.xml", ppt__embeddings__m_dot_xlsx=hostile.office("xl/workbook.xml"))),
    "text": ("说明.txt", "该户 2026 年危房已改造。".encode()),
    "gb text": ("说明.txt", "该户 2026 年危房已改造。".encode("gb18030")),
    "table": ("a.csv", "户名,金额\n王某,-12.5\n".encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_what_people_send_is_kept(name: str) -> None:
    file_name, content = KEPT[name]
    kept = judge(file_name, content, ANY)
    assert kept.content
    assert kept.kind == EXTENSIONS[extension_of(file_name).lower()]


def test_a_purpose_takes_its_own_kinds_and_size_only() -> None:
    with pytest.raises(Invalid, match="不接受"):
        judge("a.pdf", hostile.pdf(), PICTURES)
    with pytest.raises(Invalid, match="超过"):
        judge("a.jpg", hostile.jpeg(), Purpose("试", (), (), IMAGES, max_bytes=100))


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("../../etc/passwd.pdf", "pdf", "passwd.pdf"),
        ("C:\\temp\\证明.pdf", "pdf", "证明.pdf"),
        ("a\u202egpj.exe.pdf", "pdf", "agpj.exe.pdf"),
        ("照片.jpeg", "jpeg", "照片.jpeg"),
        ("照片.webp", "jpeg", "照片.jpg"),
        ("con.pdf", "pdf", "文件con.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "pdf", "aSet-Cookie_ x.pdf"),
        ("...", "pdf", "文件.pdf"),
        ("𠮷野.pdf", "pdf", "𠮷野.pdf"),
    ],
)
def test_names_are_cleaned(given: str, kind: str, kept: str) -> None:
    assert clean_name(given, kind) == kept


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(DOCUMENTS)))
def test_a_cleaned_name_is_one_part_in_both_encodings(given: str, kind: str) -> None:
    name = clean_name(given, kind)
    assert 4 < len(name) <= 120
    assert not set(name) & set('/\\:*?"<>|\r\n\x00\u202e')
    assert name.encode("gb18030").decode("gb18030") == name.encode().decode() == name
    assert EXTENSIONS[extension_of(name)] in (kind, "jpeg" if kind == "webp" else kind)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KEPT)), st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_refused_or_kept_but_never_breaks(name: str, at: int, noise: bytes) -> None:
    file_name, content = KEPT[name]
    position = at % len(content)
    with suppress(Invalid):
        judge(file_name, content[:position] + noise + content[position + len(noise) :], ANY)


def test_a_picture_of_an_iphone_is_told_how_to_become_one_we_take():
    with pytest.raises(Invalid) as refused:
        judge("IMG_0001.HEIC", b"\0\0\0\x18ftypheic", PICTURES)
    assert "兼容性最好" in refused.value.problems[0].remedy


@pytest.mark.parametrize("name", ["IMG_0001.jpg", "IMG_0001.png"])
def test_a_telephone_s_photo_under_another_ending_is_told_how_to_become_a_jpg(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        judge(name, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200, PICTURES)
    problem = refused.value.problems[0]
    assert "HEIC" in problem.message and "兼容性最好" in problem.remedy


def test_what_to_do_instead_fits_what_was_sent_and_what_is_accepted() -> None:
    def said(name: str, purpose: Purpose) -> str:
        with pytest.raises(Invalid) as refused:
            judge(name, b"something", purpose)
        return refused.value.problems[0].remedy

    assert "另存为 .docx" in said("报告.wps", ANY) and "另存为 .docx" in said("report.odt", ANY)
    assert "另存为" not in said("x.svg", ANY) and ".docx" in said("x.svg", ANY)
    assert said("报告.wps", PICTURES) == "可以上传：.jpeg .jpg .png .webp。"
