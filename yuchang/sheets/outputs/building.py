"""From gathered rows to the finished file, in memory that does not grow with the rows."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from yuchang.core import clock
from yuchang.core.errors import invalid
from yuchang.sheets import blanks, letters, printing, tables
from yuchang.sheets.catalogue import Field, Source, fields_of, source_named
from yuchang.sheets.models import Output
from yuchang.sheets.outputs.pieces import lines_of

Kind = Output.Kind
STATUS = Field("status", "变动情况")
SUFFIX = {"xlsx": "xlsx", "csv": "csv", "csv-gb": "csv", "pdf": "pdf", "zip": "zip", "docx": "docx"}


def mark_of() -> str:
    """The line that simulated data carry."""
    return _("模拟数据:人员与金额均为程序生成") if clock.is_simulated() else ""


def build(output: Output, folder: Path) -> Path:
    """Write the file of an output whose rows are gathered. Sets ``rows_sha256``.

    Raises Invalid when the template cannot hold it.
    """
    target = folder / f"output.{SUFFIX[output.format]}"
    if output.kind == Kind.CARDS:
        _cards(output, target)
    elif output.kind == Kind.LETTERS:
        _letters(output, target)
    elif output.edition_id:
        _form(output, target)
    elif output.format == "xlsx":
        _workbook(output, target)
    else:
        with target.open("wb") as stream:
            rows = (row for _line, row, _marks in _rows(output))
            tables.write_csv(
                stream,
                encoding=tables.ENCODINGS[output.format],
                fields=_fields(output),
                rows=rows,
                mark=(_("数据说明"), _("模拟数据")) if clock.is_simulated() else None,
            )
    return target


def _source(output: Output) -> Source:
    return source_named(output.source)


def _fields(output: Output) -> list[Field]:
    return fields_of(_source(output), output.fields)


def _lines(output: Output) -> Iterator[list[Any]]:
    """Every gathered line, hashing what passes."""
    digest = hashlib.sha256()
    for text, lines in lines_of(output):
        digest.update(text + b"\n")
        yield from lines
    output.rows_sha256 = digest.hexdigest()


def _rows(output: Output) -> Iterator[tuple[list[Any], list[Any], list[int]]]:
    """(line, row, columns changed). A line is [object id, key, rows, marks, status]."""
    for line in _lines(output):
        marks = line[3] or [()] * len(line[2])
        for row, changed in zip(line[2], marks, strict=True):
            yield line, row, changed


def _workbook(output: Output, target: Path) -> None:
    is_sending = output.kind == Kind.CHANGES
    fields = [*_fields(output), *([STATUS] if is_sending else [])]
    words = {"new": _("新增"), "changed": _("更新"), "left": _("减少")}
    book = tables.Workbook(target, title=output.title, fields=fields, mark=mark_of())
    for line, row, changed in _rows(output):
        book.add([*row, words[line[4]]] if is_sending else row, changed)
    book.close()


def _form(output: Output, target: Path) -> None:
    assert output.edition is not None  # noqa: S101 - the caller looked
    rows = []
    for _line, row, _marks in _rows(output):
        rows.append(row)
        if len(rows) > blanks.MAX_ROWS:
            raise invalid(
                "filter",
                _("模板最多填 %(rows)s 行。") % {"rows": f"{blanks.MAX_ROWS:,}"},
                _("请缩小范围,或改用直接导出。"),
            )
    layout = blanks.Layout.from_json(output.edition.layout)
    filling = blanks.Filling(
        _fields(output), rows, _words(output, len(rows)), output.totals, output.created_at, mark_of()
    )
    target.write_bytes(blanks.fill(bytes(output.edition.content), layout, filling))


def _words(output: Output, rows: int) -> dict[str, str]:
    day = output.options["day"]
    return {
        "unit": output.options.get("unit", ""),
        "area": output.place.full_name or output.place.name,
        "person": output.made_by.display_name,
        "day": day,
        "as_of": output.as_of.isoformat(),
        "year": str(output.as_of.year),
        "month": str(output.as_of.month),
        "objects": str(output.objects_done),
        "rows": str(rows),
    }


def _cards(output: Output, target: Path) -> None:
    source: Any = _source(output)
    data = {
        "cards": [line[2] for line in _lines(output)],
        "place": output.place.full_name or output.place.name,
        "day": output.options["day"],
        "unit": output.options.get("unit", ""),
        "mark": mark_of(),
    }
    target.write_bytes(printing.render(source.card, data))


def _letters(output: Output, target: Path) -> None:
    assert output.edition is not None  # noqa: S101 - letters have a template
    source: Any = _source(output)
    content = bytes(output.edition.content)
    shared = {
        "单位": output.options.get("unit", ""),
        "日期": output.options["day"],
        "填表人": output.made_by.display_name,
    }
    if output.format == "docx":
        records = (letters.in_words(line[2], source.words) | shared for line in _lines(output))
        target.write_bytes(letters.merge_all(content, records, mark_of()))
        return
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for line in _lines(output):
            record = letters.in_words(line[2], source.words) | shared
            entry = zipfile.ZipInfo(f"{letters.safe_name(line[1])}.docx", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, letters.merge(content, record, mark_of()))


def rows_digest(output: Output) -> str:
    """The SHA-256 of the gathered rows, computed anew."""
    for _line in _lines(output):
        pass
    return output.rows_sha256
