"""Letters: a Word template with placeholders, merged once per household. Pure.

A template may name placeholders, loop over 成员列表 and ask whether something is filled; it may not
calculate or call anything, so a letter can neither read what it was not given nor run for ever.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docxtpl import DocxTemplate
from jinja2 import TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from yuchang.core.errors import Invalid, Problem, invalid
from yuchang.sheets.blanks import settled
from yuchang.sheets.joining import Joined
from yuchang.sheets.reading import MAX_PARTS

MAX_FILE = 5 << 20
MAX_UNPACKED = 60 << 20
MEMBERS = "成员列表"
EXAMPLES = ("{{ 户主 }}", "{%tr for m in 成员列表 %}", "{{ m.姓名 }}", "{%tr endfor %}")
FONT = "Noto Serif CJK SC"
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.For, nodes.If, nodes.Getattr,
    nodes.Not, nodes.And, nodes.Or, nodes.Const, nodes.Compare, nodes.Operand,
)  # fmt: skip
_FIXED = datetime(2000, 1, 1, tzinfo=UTC)
_SAME = {"单位", "日期", "填表人"}


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=True)
    environment.globals.clear()
    environment.filters.clear()
    return environment


def judge_letter(content: bytes) -> None:
    """Refuse what is no ordinary .docx. Raises Invalid with what to save it as."""
    damaged = invalid(
        "file", _("这不是 .docx 文档,或文件已损坏。"), _("请在 Word 或 WPS 文字中另存为 .docx 后上传。")
    )
    if not content or len(content) > MAX_FILE:
        raise invalid("file", _("信函模板不能为空或超过 5 MB。"), _("请删去大图片后另存。"))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = {p.filename for p in parts}
            if "word/document.xml" not in names or len(parts) > MAX_PARTS:
                raise damaged
            if sum(p.file_size for p in parts) > MAX_UNPACKED or any(p.flag_bits & 1 for p in parts):
                raise damaged
            if any("vbaProject" in name for name in names):
                raise invalid("file", _("文档带有宏。"), _("请另存为不带宏的 .docx。"))
            for part in parts:
                _judge_part(archive, part)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError) as error:
        raise damaged from error


def _judge_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    with archive.open(part) as stream:
        text = stream.read(part.file_size + 1)
    if part.filename.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in text or b"<!ENTITY" in text):
        raise invalid("file", _("文档中含有实体定义,已拒绝读取。"), _("请另存为新的 .docx 文件。"))


def check_letter(content: bytes, words: Mapping[str, str]) -> list[str]:
    """The placeholders used. Raises Invalid that names every unknown one, and anything that calculates."""
    judge_letter(content)
    known = {w for w in words if "." not in w} | _SAME | {MEMBERS}
    member_words = {w.split(".", 1)[1] for w in words if "." in w}
    used: set[str] = set()
    problems: list[Problem] = []
    for text in _texts(content):
        try:
            tree = _environment().parse(text)
        except TemplateError as error:
            raise invalid(
                "file",
                _("占位符写法有误:%(error)s") % {"error": str(error)[:120]},
                _("请写作 {{ 户主 }};成对的括号须在同一段落内。"),
            ) from error
        problems += _unsafe(tree, member_words)
        used |= meta.find_undeclared_variables(tree)
    remedy = _("可用:%(words)s。") % {"words": "、".join(sorted(known))}
    problems += [
        Problem("file", _("占位符“%(word)s”无法识别。") % {"word": word}, remedy)
        for word in sorted(used - known)
    ]
    if problems:
        raise Invalid(problems[:20])
    return sorted(used)


def _texts(content: bytes) -> Iterator[str]:
    """Body, headers and footers as docxtpl sees them."""
    template = DocxTemplate(io.BytesIO(content))
    template.init_docx()
    yield template.patch_xml(template.get_xml())
    for uri in (template.HEADER_URI, template.FOOTER_URI):
        for _key, part in template.get_headers_footers(uri):
            yield template.patch_xml(template.get_part_xml(part))


def _unsafe(tree: nodes.Template, member_words: set[str]) -> Iterator[Problem]:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            message = _("信函模板中不能使用“%(what)s”。") % {"what": type(node).__name__}
            yield Problem("file", message, _("只能使用占位符、成员循环和是否填写的判断。"))
        if isinstance(node, nodes.Getattr) and node.attr not in member_words:
            yield Problem(
                "file",
                _("成员没有“%(word)s”这一项。") % {"word": node.attr},
                _("可用:%(words)s。") % {"words": "、".join(sorted(member_words))},
            )


def in_words(record: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """A record under the words that letters use."""
    found: dict[str, Any] = {w: record.get(n) or "" for w, n in words.items() if "." not in w}
    names = {w.split(".", 1)[1]: n for w, n in words.items() if "." in w}
    found[MEMBERS] = [{w: m.get(n) or "" for w, n in names.items()} for m in record.get("members", ())]
    return found


def all_words(words: Mapping[str, str]) -> list[str]:
    """Every placeholder that a letter may name."""
    return sorted({*words, *_SAME, MEMBERS})


def merge(content: bytes, record: Mapping[str, Any], mark: str = "") -> bytes:
    """The letter of one record, every run with a Chinese font set; ``mark`` stands above each page."""
    return _saved(_rendered(content, record, mark))


def merge_all(content: bytes, records: Iterable[Mapping[str, Any]], mark: str = "") -> bytes:
    """The letters of all records in one document to print in one go, each on pages of its own from 1.

    Headers and footers are those of the first (``differing_heads`` says whether they would differ).
    """
    whole: Joined | None = None
    for record in records:
        letter = _rendered(content, record, mark)
        if whole is None:
            whole = Joined(letter.docx)
            first = letter
        else:
            whole.add(letter.docx)
    return _saved(first) if whole else content


def differing_heads(content: bytes) -> list[str]:
    """The placeholders of headers and footers that say something else in every letter."""
    _body, *heads = _texts(content)
    used = {w for text in heads for w in meta.find_undeclared_variables(_environment().parse(text))}
    return sorted(used - _SAME)


def _saved(template: DocxTemplate) -> bytes:
    target = io.BytesIO()
    template.save(target)
    return settled(target.getvalue(), _FIXED)


def _rendered(content: bytes, record: Mapping[str, Any], mark: str) -> DocxTemplate:
    template = DocxTemplate(io.BytesIO(content))
    template.render(dict(record), _environment(), autoescape=True)
    if mark:
        for section in template.docx.sections:
            section.header.is_linked_to_previous = False
            section.header.paragraphs[0].add_run(mark)
    _set_fonts(template)
    return template


def _set_fonts(template: DocxTemplate) -> None:
    """Runs without an East Asian font get one: Word would guess otherwise, and show boxes."""
    for run in template.docx.element.body.iter(qn("w:r")):
        properties = run.get_or_add_rPr()
        fonts = properties.find(qn("w:rFonts"))
        if fonts is None:
            fonts = OxmlElement("w:rFonts")
            properties.insert(0, fonts)
        if not fonts.get(qn("w:eastAsia")) and not fonts.get(qn("w:eastAsiaTheme")):
            fonts.set(qn("w:eastAsia"), FONT)


def safe_name(key: str) -> str:
    """A file name from a key."""
    return re.sub(r"[^\w\-]", "_", key)[:80] or "letter"
