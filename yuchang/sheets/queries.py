"""Reads of batches: counts, findings with their words, the stored file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock, secrets
from yuchang.core.errors import Hidden
from yuchang.places.models import Place
from yuchang.sheets.annotated import Note, Words, annotate
from yuchang.sheets.headers import Wanted, column_letter
from yuchang.sheets.kinds import Kind, kind_named
from yuchang.sheets.models import BatchFile, Finding, ImportBatch, StagedRow
from yuchang.sheets.parts import Part, part_at, parts_of, row_word
from yuchang.sheets.reading import read_judged
from yuchang.sheets.refused import refused_rows


def task_app() -> Any:
    """The queue."""
    return app


def wanted(kind: Kind) -> list[Wanted]:
    """A kind's columns as the header matcher sees them."""
    return [Wanted(c.name, (c.header, *c.aliases), c.required) for c in kind.columns]


def batches_for(actor: Actor, kind: str) -> QuerySet[ImportBatch]:
    """The imports of one kind in the actor's area."""
    rows = ImportBatch.objects.filter(place_filter(actor, kind_named(kind).permission), kind=kind)
    return rows.select_related("place", "created_by")


def batch_for(actor: Actor, kind: str, batch_id: int) -> ImportBatch:
    """One import through the door. Raises Refused or Hidden."""
    rows = ImportBatch.objects.filter(kind=kind).select_related("place", "created_by", "confirmed_by")
    return open_door(rows, actor, kind_named(kind).permission, batch_id)


def stored_content(batch: ImportBatch) -> bytes:
    """The uploaded file, unsealed. Raises Hidden when it was dropped."""
    stored = BatchFile.objects.filter(batch=batch).first()
    if stored is None:
        raise Hidden(_("上传的工作簿已不再保存。"), remedy=_("请重新上传。"))
    text = secrets.unseal(batch.county_id or batch.place_id, "import.file", batch.uid, stored.sealed)
    return base64.b64decode(text)


def earlier_import(kind: str, area: Place, content: bytes) -> dict[str, Any] | None:
    """Number and day of the last finished import of the very same file into the same area."""
    same = ImportBatch.objects.filter(kind=kind, place=area, state=ImportBatch.State.DONE)
    found = same.filter(sha256=hashlib.sha256(content).hexdigest()).order_by("-id").first()
    return {"id": found.pk, "on": localdate(found.created_at).isoformat()} if found else None


def columns_chosen(kind: str, user_id: int, found: Sequence[str]) -> dict[str, int]:
    """What somebody chose the last time for a workbook with the very same headers; nothing at first."""
    states = (ImportBatch.State.CHECKED, ImportBatch.State.DONE)
    rows = ImportBatch.objects.filter(kind=kind, created_by_id=user_id, state__in=states)
    last = rows.filter(mapping__headers=list(found)).order_by("-id").first()
    return dict(last.mapping["columns"]) if last else {}


def plan_counts(batch_id: int) -> dict[str, int]:
    """Groups and rows by what will happen to them, and groups by state."""
    rows = ImportBatch.objects.get(pk=batch_id).groups.values("state", "plan")
    return _counted(rows.annotate(n=Count("id"), r=Sum("rows")), "plan")


def outcome_counts(batch_id: int) -> dict[str, int]:
    """Groups and rows by what happened to them, and groups by state."""
    rows = ImportBatch.objects.get(pk=batch_id).groups.values("state", "outcome")
    return _counted(rows.annotate(n=Count("id"), r=Sum("rows")), "outcome")


def _counted(rows: Iterable[Any], column: str) -> dict[str, int]:
    counts: dict[str, int] = {"groups": 0, "rows": 0}
    for row in rows:
        verdict = "rejected" if row["state"] == "rejected" else row[column]
        for key, number in (
            ("groups", row["n"]),
            ("rows", row["r"]),
            (verdict, row["n"]),
            (f"{verdict}_rows", row["r"]),
            ("with_warning", row["n"] if row["state"] == "warning" else 0),
        ):
            counts[key] = counts.get(key, 0) + number
    return counts


@dataclass(frozen=True)
class FindingLine:
    """A finding in words. ``sheet`` and ``row`` say where; ``place`` is both as people write it."""

    sheet: str
    row: int
    place: str
    letter: str
    header: str
    level: str
    level_word: str
    message: str
    remedy: str


def finding_lines(batch: ImportBatch, findings: Iterable[Finding]) -> list[FindingLine]:
    """Findings with their messages in the reader's language."""
    kind = kind_named(batch.kind)
    titles = {c.name: c.header for c in kind.columns}
    found = parts_of(batch.mapping)
    lines = []
    for f in findings:
        message, remedy = kind.message(f.code, _placed(f.arguments, found))
        letter = column_letter(f.column) if f.column is not None else ""
        part, row = part_at(found, f.row)
        lines.append(
            FindingLine(
                part.sheet,
                row,
                row_word(found, f.row),
                letter,
                titles.get(f.field, ""),
                f.level,
                f.get_level_display(),
                message,
                remedy,
            )
        )
    return lines


def _placed(arguments: Mapping[str, Any], found: Sequence[Part]) -> dict[str, Any]:
    """Arguments of a message, a row among them as people name it."""
    row = arguments.get("row")
    return {**arguments, "row": row_word(found, row)} if isinstance(row, int) else dict(arguments)


def findings_by_kind(batch: ImportBatch) -> list[dict[str, Any]]:
    """How often each finding occurs, worst and most frequent first.

    The message of one that occurs again and again leaves out what differs (``“…”不是数字。``).
    """
    kind = kind_named(batch.kind)
    rows = batch.findings.values("level", "code").annotate(n=Count("id")).order_by("level", "-n")
    found = []
    for row in sorted(rows, key=lambda r: (r["level"] != "rejected", -r["n"])):
        example = batch.findings.filter(level=row["level"], code=row["code"]).order_by("row").first()
        arguments = _placed(example.arguments, parts_of(batch.mapping)) if example else {}
        if row["n"] > 1:
            arguments = dict.fromkeys(arguments, "…")
        message, remedy = kind.message(row["code"], arguments)
        found.append({**row, "message": message, "remedy": remedy})
    return found


def annotated_copy(batch: ImportBatch) -> bytes:
    """The user's own workbook with every finding at its cell."""
    notes = _notes(batch, batch.findings.order_by("row", "id"))
    headings = [_("工作表"), _("行"), _("列"), _("表头"), _("级别"), _("问题"), _("怎么办")]
    words = Words(_("检查结果"), headings)
    names = [p.sheet for p in parts_of(batch.mapping) if p.is_read]
    return annotate(batch.file_name, stored_content(batch), names, notes, words)


def _notes(batch: ImportBatch, findings: Iterable[Finding]) -> list[Note]:
    """Findings at their cells; one of a whole row stands at its first column."""
    found, lines = parts_of(batch.mapping), list(findings)
    notes = []
    for f, line in zip(lines, finding_lines(batch, lines), strict=True):
        first = min(part_at(found, f.row)[0].columns.values(), default=0)
        column = f.column if f.column is not None else first
        said = (line.level_word, line.header, line.message, line.remedy)
        notes.append(Note(line.row, column, f.level, *said, line.sheet))
    return notes


def _refused(batch: ImportBatch) -> QuerySet[StagedRow]:
    """The rows of every group that stayed out."""
    left_out = batch.groups.filter(Q(state="rejected") | Q(outcome="skipped")).values("number")
    return batch.staged.filter(group_number__in=left_out)


def has_refused(batch: ImportBatch) -> bool:
    """Whether there are rows to give back; their workbook is still kept."""
    return _refused(batch).exists() and BatchFile.objects.filter(batch=batch).exists()


def refused_copy(batch: ImportBatch) -> bytes:
    """Only the rows that stayed out, each with the reason beside it; without any the headers alone."""
    found = parts_of(batch.mapping)
    by_part: dict[str, tuple[Part, list[int]]] = {}
    for number in _refused(batch).order_by("row").values_list("row", flat=True):
        part, row = part_at(found, number)
        by_part.setdefault(part.sheet, (part, []))[1].append(row)
    if not by_part:
        by_part[found[0].sheet] = (found[0], [])
    sheets = {s.name: s for s in read_judged(stored_content(batch))}
    return refused_rows(
        sheets,
        list(by_part.values()),
        _notes(batch, batch.findings.order_by("row", "id")),
        headings=(_("原表行号"), _("未写入的原因")),
        beside=_("本行无误,随同户(同组)有误的行一并发回,请勿删除。"),
        text_columns=[c.name for c in kind_named(batch.kind).columns if c.is_text],
        mark=_("模拟数据,与任何真实个人无关。") if clock.is_simulated() else "",
    )
