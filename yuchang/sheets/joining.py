"""Word documents of one template put behind each other in one document. Pure.

All come from the same template, so their styles, pictures and headers are the same parts. What must be told
apart is: where a letter ends (a section of its own, on a new page, with pages counted from 1), automatic
numbers (they begin anew), and the numbers by which Word knows drawings and paragraphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from docx.document import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

_AFTER_PAGE_NUMBERS = tuple(
    qn(f"w:{name}")
    for name in (
        *("cols", "formProt", "vAlign", "noEndnote", "titlePg", "textDirection", "bidi", "rtlGutter"),
        *("docGrid", "printerSettings", "sectPrChange"),
    )
)
_PARAGRAPH_NUMBERS = tuple(
    f"{{http://schemas.microsoft.com/office/word/2010/wordml}}{name}" for name in ("paraId", "textId")
)
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"


class Joined:
    """A document that takes others of the same template behind it."""

    def __init__(self, document: Document) -> None:
        self._body: Any = document.element.body
        self._part: Any = document.part
        self._drawings = 0
        self._styles: dict[str, tuple[Any, Any]] = {}
        for section in self._body.iter(qn("w:sectPr")):
            _drop(section, "w:type")
        _count_from_one(next(self._body.iter(qn("w:sectPr"))))
        self._name_drawings(self._body)

    def add(self, document: Document) -> None:
        """Put a document behind what is there."""
        last = self._body[-1]
        letter = [deepcopy(block) for block in document.element.body][:-1]
        _end_section(self._body, last)
        renumbered: dict[str, str] = {}
        for block in letter:
            for element in block.iter(qn("w:sectPr")):
                _drop(element, "w:type")
            self._tell_apart(block, renumbered)
            last.addprevious(block)
        inner = next((s for block in letter for s in block.iter(qn("w:sectPr"))), None)
        if inner is not None:
            _count_from_one(inner)

    def _tell_apart(self, block: Any, renumbered: dict[str, str]) -> None:
        for mark in [*block.iter(qn("w:bookmarkStart"), qn("w:bookmarkEnd"))]:
            if mark.getparent() is not None:
                mark.getparent().remove(mark)
        for paragraph in block.iter(qn("w:p"), qn("w:tr")):
            for name in _PARAGRAPH_NUMBERS:
                paragraph.attrib.pop(name, None)
        for paragraph in block.iter(qn("w:p")):
            self._take_number_from_style(paragraph)
        for number in block.iter(qn("w:numId")):
            old = number.get(qn("w:val"))
            if old not in renumbered:
                renumbered[old] = self._begin_anew(old)
            number.set(qn("w:val"), renumbered[old])
        self._name_drawings(block)

    def _name_drawings(self, block: Any) -> None:
        for drawing in block.iter(_DRAWING):
            self._drawings += 1
            drawing.set("id", str(self._drawings))

    def _take_number_from_style(self, paragraph: Any) -> None:
        """Give a paragraph that is numbered by its style the number itself, so that it can begin anew."""
        own = paragraph.find(qn("w:pPr"))
        if own is None or own.find(qn("w:numPr")) is not None or own.pStyle is None:
            return
        number, indent = self._styles.get(own.pStyle.val) or self._of_style(own.pStyle.val)
        if number is None:
            return
        own._insert_numPr(deepcopy(number))
        if indent is not None and own.find(qn("w:ind")) is None:
            own._insert_ind(deepcopy(indent))

    def _of_style(self, name: str) -> tuple[Any, Any]:
        """The number and the indent of a style, its own or of one that it is based on."""
        known = {s.get(qn("w:styleId")): s for s in self._part.styles.element.iter(qn("w:style"))}
        number = indent = None
        style, seen = known.get(name), 0
        while style is not None and seen < len(known):
            said = style.find(qn("w:pPr"))
            if said is not None:
                number = said.find(qn("w:numPr")) if number is None else number
                indent = said.find(qn("w:ind")) if indent is None else indent
            based, seen = style.find(qn("w:basedOn")), seen + 1
            style = known.get(based.get(qn("w:val"))) if based is not None else None
        self._styles[name] = (number, indent)
        return number, indent

    def _begin_anew(self, old: str) -> str:
        """Another list of the same look as list ``old`` that counts from its start."""
        numbering = self._part.numbering_part.element
        known = {n.get(qn("w:numId")): n for n in numbering.iter(qn("w:num"))}
        if old not in known:
            return old  # 0 says "no number"
        copy = deepcopy(known[old])
        new = str(max(int(n) for n in known) + 1)
        copy.set(qn("w:numId"), new)
        abstract = copy.find(qn("w:abstractNumId")).get(qn("w:val"))
        overridden = {o.get(qn("w:ilvl")): o for o in copy.findall(qn("w:lvlOverride"))}
        for level, start in _levels(numbering, abstract):
            if level in overridden:
                continue
            override, begins = OxmlElement("w:lvlOverride"), OxmlElement("w:startOverride")
            override.set(qn("w:ilvl"), level)
            begins.set(qn("w:val"), start)
            override.append(begins)
            copy.append(override)
        known[max(known, key=int)].addnext(copy)
        return new


def _levels(numbering: Any, abstract: str) -> Iterator[tuple[str, str]]:
    """The levels of an abstract list with the number each starts from."""
    for found in numbering.iter(qn("w:abstractNum")):
        if found.get(qn("w:abstractNumId")) == abstract:
            for level in found.findall(qn("w:lvl")):
                start = level.find(qn("w:start"))
                yield level.get(qn("w:ilvl")), "1" if start is None else start.get(qn("w:val"))


def _drop(section: Any, name: str) -> None:
    for found in section.findall(qn(name)):
        section.remove(found)


def _count_from_one(section: Any) -> None:
    """Let the pages of a section be counted from 1."""
    numbers = section.find(qn("w:pgNumType"))
    if numbers is None:
        numbers = OxmlElement("w:pgNumType")
        behind = next((e for e in section if e.tag in _AFTER_PAGE_NUMBERS), None)
        if behind is None:
            section.append(numbers)
        else:
            behind.addprevious(numbers)
    numbers.set(qn("w:start"), "1")


def _end_section(body: Any, last: Any) -> None:
    """End the section before the body's own properties with a copy of them."""
    before = last.getprevious()
    if before is None or before.tag != qn("w:p") or before.find(f".//{qn('w:sectPr')}") is not None:
        before = OxmlElement("w:p")
        last.addprevious(before)
    properties = before.get_or_add_pPr()
    section = deepcopy(last)
    changed = properties.find(qn("w:pPrChange"))
    if changed is None:
        properties.append(section)
    else:
        changed.addprevious(section)
