"""Templates designed by users: upload a superior's blank, say what goes where, fill it for ever after."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import invalid
from yuchang.places.models import Place, keys_of
from yuchang.sheets import blanks, letters
from yuchang.sheets.catalogue import Source, source_named
from yuchang.sheets.cells import as_text
from yuchang.sheets.models import Edition, Template
from yuchang.sheets.reading import read_sheets

MAX_BLANK = 5 << 20
_PERSONAL = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")


def save_template(
    *, actor: Actor, area_id: int, name: str, kind: str, source: str, file_name: str, content: bytes
) -> Template:
    """Take in a blank workbook or letter, shared within an area; what goes where is guessed from its headers.

    Raises Invalid with sheet and cell for whatever cannot be used.
    """
    with write("sheets.save_template", actor) as audit:
        area = open_door(Place.objects.all(), actor, "sheets.design", area_id)
        declared = source_named(source)
        require(actor, declared.permission)
        if not name.strip():
            raise invalid("name", _("请填写名称。"))
        if Template.objects.filter(place=area, name=name.strip()).exists():
            raise invalid("name", _("本地区已有同名模板。"), _("请换一个名称,或在原模板上另存新版。"))
        layout = _layout(kind, declared, file_name, content)
        assert actor.user_id is not None  # noqa: S101 - the door let a person through
        template = Template.objects.create(
            place=area,
            **keys_of(area),
            name=name.strip()[:100],
            kind=kind,
            source=source,
            created_by_id=actor.user_id,
        )
        _append(actor, template, 1, file_name, content, layout, {})
        audit.add("template", template.pk, place_id=area.pk, name=template.name, source=source)
    return template


def _layout(kind: str, source: Source, file_name: str, content: bytes) -> dict[str, Any]:
    if kind == Template.Kind.LETTER:
        words: Mapping[str, str] = getattr(source, "words", {})
        if not words:
            raise invalid("source", _("这种数据不能合并到信函。"), _("请选择农户数据。"))
        letters.check_letter(content, words)
        return {}
    if len(content) > MAX_BLANK:
        raise invalid("file", _("空白模板超过 5 MB。"), _("请删去无关的工作表和图片后另存。"))
    book = blanks.open_blank(file_name, content)
    blanks.check_placeholders(book, source.fields)
    _require_blank(file_name, content)
    layout, _headings = blanks.find_layout(file_name, content, source.fields)
    return layout.as_json()


def _require_blank(file_name: str, content: bytes) -> None:
    """A template is shared: it must not carry somebody's ID number."""
    for sheet in read_sheets(file_name, content):
        for number, line in enumerate(sheet.rows, start=1):
            if any(_PERSONAL.search(as_text(v)) for v in line):
                raise invalid(
                    "file",
                    _("工作表“%(sheet)s”第 %(row)s 行有证件号码。") % {"sheet": sheet.name, "row": number},
                    _("模板会共享给本地区,请删去个人信息后上传空白表。"),
                )


def draft_edition(*, actor: Actor, template_id: int, header: int, sheet: str) -> blanks.Layout:
    """What the layout would be with the headers in another line or sheet. Writes nothing."""
    template = open_door(Template.objects.all(), actor, "sheets.design", template_id)
    edition = template.editions.get(number=template.newest)
    fields = source_named(template.source).fields
    return blanks.find_layout(edition.file_name, bytes(edition.content), fields, header, sheet)[0]


def add_edition(
    *,
    actor: Actor,
    template_id: int,
    version: int | None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    header: int | None = None,
    sheet: str = "",
    narrow: dict[str, Any] | None = None,
    file_name: str = "",
    content: bytes = b"",
) -> Template:
    """Save corrected columns, another filter or a new blank as the next edition; older ones stay.

    ``columns``: column (text, from 0) → field or ``#``; None keeps them. Raises Invalid for an unknown field.
    """
    with write("sheets.add_edition", actor) as audit:
        template = open_door(Template.objects.all(), actor, "sheets.design", template_id, lock=True)
        check_version(template, version)
        source = source_named(template.source)
        last = template.editions.get(number=template.newest)
        body = content or bytes(last.content)
        name = file_name if content else last.file_name
        layout = _layout(template.kind, source, name, content) if content else last.layout
        if template.kind == Template.Kind.WORKBOOK:
            layout = _corrected(source, name, body, layout, columns, labels, header, sheet)
        number = template.newest + 1
        kept = source.canonical(narrow) if narrow is not None else last.narrow
        _append(actor, template, number, name, body, layout, kept)
        template.newest = number
        save(template)
        audit.add("template", template.pk, place_id=template.place_id, edition=number)
    return template


def _corrected(
    source: Source,
    name: str,
    content: bytes,
    layout: dict[str, Any],
    columns: Mapping[str, str] | None,
    labels: Mapping[str, str] | None,
    header: int | None,
    sheet: str,
) -> dict[str, Any]:
    found = blanks.Layout.from_json(layout)
    if header is not None and (header != found.header or (sheet and sheet != found.sheet)):
        found = blanks.find_layout(name, content, source.fields, header, sheet)[0]
        return found.as_json()
    if columns is not None:
        known = {f.name for f in source.fields} | {blanks.NUMBER}
        chosen = {c: f for c, f in columns.items() if f}
        unknown = sorted(set(chosen.values()) - known)
        if unknown:
            raise invalid("columns", _("没有这些字段:%(names)s。") % {"names": "、".join(unknown)})
        if not set(chosen.values()) - {blanks.NUMBER}:
            raise invalid("columns", _("没有一列对应到字段。"), _("请至少为一列选择字段。"))
        found.columns = chosen
        found.units = blanks.units_of(name, content, found, source.fields)
    if labels is not None:
        found.labels = {c: p for c, p in labels.items() if p in blanks.PLACEHOLDERS}
    return found.as_json()


def _append(
    actor: Actor,
    template: Template,
    number: int,
    file_name: str,
    content: bytes,
    layout: dict[str, Any],
    narrow: dict[str, Any],
) -> None:
    assert actor.user_id is not None  # noqa: S101 - the door let a person through
    Edition.objects.create(
        template=template,
        number=number,
        file_name=file_name[-200:],
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        layout=layout,
        narrow=narrow,
        made_by_id=actor.user_id,
        made_at=clock.now(),
    )


def retire_template(*, actor: Actor, template_id: int, version: int | None) -> Template:
    """Take a template out of use; plans that were made with it go on."""
    with write("sheets.retire_template", actor) as audit:
        template = open_door(Template.objects.all(), actor, "sheets.design", template_id, lock=True)
        check_version(template, version)
        template.is_retired = True
        save(template)
        audit.add("template", template.pk, place_id=template.place_id)
    return template
