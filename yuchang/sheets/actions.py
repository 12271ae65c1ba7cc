"""The steps of an import: upload → mapping → check → confirm → write → (undo).

Each may be killed at any time and run again.

Checking and writing run as tasks. Checking stages its rows as they are judged and starts anew when it
was killed; one worker at a time checks a batch. Writing goes in
portions of whole groups; a portion's facts, its outcome and its progress commit together, so a killed
task goes on with the next portion: nothing is lost and nothing is written twice.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor
from yuchang.core import clock, secrets
from yuchang.core.actions import check_version, save, write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Invalid, Problem, YuchangError, invalid
from yuchang.places.models import Place, keys_of
from yuchang.sheets import headers, parts, queries, reading
from yuchang.sheets.cells import as_text, hide_numbers
from yuchang.sheets.kinds import FindingDraft, Group, Kind, Report, Row, kind_named
from yuchang.sheets.models import BatchFile, Finding, ImportBatch, StagedGroup, StagedRow

State = ImportBatch.State
PORTION = 4_000
WRITERS = 2
STAGED_AT_ONCE = 2_000
_CHECKING = 7_410_312  # the first half of the advisory lock of a batch being checked
SAMPLES = 3
_EMPTY = (None, "")


# --- upload -----------------------------------------------------------------------------------


def start_import(
    *, actor: Actor, kind: str, area_id: int, file_name: str, content: bytes, observed_on: date
) -> ImportBatch:
    """Take in a workbook for an area of the actor's. ``observed_on`` is the day its facts hold for.

    Raises Invalid when it cannot be read safely or has hardly any of the expected headers.
    """
    rules = kind_named(kind)
    area = open_door(Place.objects.all(), actor, rules.permission, area_id)
    if observed_on > clock.today():
        raise invalid("observed_on", _("数据日期在将来。"), _("请填写数据实际截止的日期。"))
    if actor.user_id is None:
        raise invalid("file", _("导入须由具名人员办理。"))
    sheets = reading.read_heads(file_name, content)
    wanted = queries.wanted(rules)
    mapping = headers.find_headers(sheets, wanted)
    if len(mapping.columns) * 3 < len(rules.columns):
        raise _unknown_headers(mapping, rules)
    if mapping.missing(wanted):
        learnt = queries.columns_chosen(kind, actor.user_id, mapping.headers)
        mapping = replace(mapping, columns=learnt or mapping.columns)
    sheet = next(s for s in sheets if s.name == mapping.sheet)
    if sheet.height <= len(sheet.rows) and not _filled(sheet.rows[mapping.header_row :]):
        raise _no_rows(sheet.name, mapping.header_row)
    found, others = parts.find_parts(sheets, wanted, mapping, reading.hidden_rows(content))
    notes = {
        "parts": [p.as_json() for p in found],
        "others": others,
        "earlier": queries.earlier_import(kind, area, content),
    }
    heights = {s.name: s.height for s in sheets}
    with write("sheets.start_import", actor) as audit:
        batch = ImportBatch.objects.create(
            kind=kind,
            place=area,
            **keys_of(area),
            file_name=file_name[-200:],
            file_size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            observed_on=observed_on,
            mapping=_as_json(mapping) | notes,
            preview=_preview(sheet, mapping),
            progress_total=sum(max(heights[p.sheet] - p.header_row, 0) for p in found),
            created_by_id=actor.user_id,
        )
        BatchFile.objects.create(batch=batch, sealed=_seal(batch, content))
        audit.add("import", batch.pk, place_id=area.pk, file=batch.file_name, sha256=batch.sha256)
    return batch


def _unknown_headers(mapping: headers.Mapping, kind: Kind) -> Invalid:
    missing = "、".join(c.header for c in kind.columns if c.required and c.name not in mapping.columns)
    message = _("工作表“%(sheet)s”前 10 行没有找到%(title)s的表头,缺少:%(missing)s。") % {
        "sheet": mapping.sheet,
        "title": kind.title,
        "missing": missing,
    }
    return invalid("file", message, _("请使用模板中的表头名称(次序不限),或下载空白模板填写。"))


def _filled(lines: Sequence[Sequence[Any]]) -> bool:
    return any(as_text(value) for line in lines for value in line)


def _no_rows(sheet: str, header_row: int) -> Invalid:
    message = _("工作表“%(sheet)s”第 %(row)s 行的表头下没有数据。") % {"sheet": sheet, "row": header_row}
    return invalid("file", message, _("请填写后重新上传。"))


def _as_json(mapping: headers.Mapping) -> dict[str, Any]:
    return {
        "sheet": mapping.sheet,
        "header_row": mapping.header_row,
        "columns": mapping.columns,
        "headers": mapping.headers,
        "doubled": mapping.doubled,
        "merged": mapping.merged,
    }


def _preview(sheet: reading.Sheet, mapping: headers.Mapping) -> list[dict[str, Any]]:
    """Every source column with its header and a few samples, long numbers hidden."""
    rows = [r for r in sheet.rows[mapping.header_row : mapping.header_row + 50] if any(r)]
    width = max([len(mapping.headers), *(len(r) for r in rows)], default=0)
    preview = []
    for column in range(width):
        values = [as_text(r[column]) for r in rows if column < len(r)]
        samples = [hide_numbers(v)[:30] for v in values if v][:SAMPLES]
        header = mapping.headers[column] if column < len(mapping.headers) else ""
        preview.append({"letter": headers.column_letter(column), "header": header, "samples": samples})
    return preview


def _seal(batch: ImportBatch, content: bytes) -> bytes:
    text = base64.b64encode(content).decode()
    return secrets.seal(batch.county_id or batch.place_id, "import.file", batch.uid, text)


# --- mapping ----------------------------------------------------------------------------------


def confirm_mapping(
    *,
    actor: Actor,
    batch_id: int,
    version: int | None,
    columns: Mapping[str, int | None] | None = None,
    sheets: Collection[int] | None = None,
    with_hidden: bool | None = None,
) -> ImportBatch:
    """Accept the found columns, or the corrected ones (name → column from 0), and have the rows checked.

    ``sheets``: which of the sheets of one layout are read, by their place; None keeps the choice.
    ``with_hidden``: whether rows that are hidden or filtered out are read.
    Raises Invalid that names every required header without a column, and hidden rows nobody decided on.
    """
    with write("sheets.confirm_mapping", actor) as audit:
        batch = _batch(actor, batch_id, version, State.UPLOADED, State.CHECKED, State.FAILED)
        choose_parts(batch, columns, sheets, with_hidden)
        _require_mapped(batch)
        batch.state, batch.message, batch.progress_done = State.CHECKING, "", 0
        save(batch)
        audit.add(
            "import",
            batch.pk,
            place_id=batch.place_id,
            columns=batch.mapping["columns"],
            sheets=[p.sheet for p in parts.parts_of(batch.mapping) if p.is_read],
            with_hidden=batch.mapping.get("with_hidden"),
        )
        _defer("sheets.check", batch)
    return batch


def choose_parts(
    batch: ImportBatch,
    columns: Mapping[str, int | None] | None,
    sheets: Collection[int] | None,
    with_hidden: bool | None,
) -> None:
    """Put into the mapping of a batch what somebody chose; saves nothing."""
    mapping, found = batch.mapping, parts.parts_of(batch.mapping)
    if columns is not None:
        chosen = {n: c for n, c in columns.items() if c is not None}
        found = parts.corrected(found, mapping["sheet"], chosen)
        mapping["columns"], mapping["doubled"] = chosen, {}
    if sheets is not None:
        found = [replace(p, is_read=i in sheets) for i, p in enumerate(found)]
    if with_hidden is not None:
        mapping["with_hidden"] = with_hidden
    mapping["parts"] = [p.as_json() for p in found]


def _require_mapped(batch: ImportBatch) -> None:
    """Raise Invalid that names everything which keeps the rows from being read."""
    found = [p for p in parts.parts_of(batch.mapping) if p.is_read]
    problems = [p for part in found for p in _unmapped(part, kind_named(batch.kind))]
    if not found:
        problems = [Problem("sheets", _("没有选择工作表。"), _("请至少勾选一张。"))]
    hidden = [p for p in found if p.hidden]
    if hidden and batch.mapping.get("with_hidden") is None:
        problems += [
            Problem(
                "hidden",
                _("工作表“%(sheet)s”有 %(count)s 行隐藏或被筛选掉:第 %(rows)s 行。")
                % {"sheet": p.sheet, "count": p.hidden, "rows": p.hidden_where},
                _("请选择这些行是否读取。"),
            )
            for p in hidden
        ]
    if problems:
        raise Invalid(problems)


def _unmapped(part: parts.Part, kind: Kind) -> Iterator[Problem]:
    """What is wrong with the columns of one sheet."""
    where = {"sheet": part.sheet, "row": part.header_row}
    remedy = _("请在下方为它选择对应的列,或在工作簿中补上这一列后重新上传。")
    if part.merged:
        remedy = _(
            "表头有合并单元格(%(ranges)s),请取消合并、每列一个表头后重新上传,或在下方选择对应的列。"
        ) % {"ranges": "、".join(part.merged[:5])}
    for column in kind.columns:
        if column.required and column.name not in part.columns:
            message = _("工作表“%(sheet)s”第 %(row)s 行表头中缺少“%(header)s”。")
            yield Problem(column.name, message % {**where, "header": column.header}, remedy)
    for header, found in part.doubled.items():
        letters = "、".join(headers.column_letter(c) for c in found)
        message = _("工作表“%(sheet)s”中表头“%(header)s”出现在多列:%(letters)s。")
        yield Problem(
            "columns",
            message % {**where, "header": header, "letters": letters},
            _("请删除多余的列,或在下方选定应读取的一列。"),
        )
    yield from _in_other_units(part)
    taken = list(part.columns.values())
    if len(taken) != len(set(taken)):
        yield Problem("columns", _("同一列被选作两项内容。"), _("请为每一项选择不同的列。"))


def _in_other_units(part: parts.Part) -> Iterator[Problem]:
    """Columns of money in ten thousands: read as yuan they would say a ten-thousandth."""
    for name, column in part.columns.items():
        header = part.headers[column] if column < len(part.headers) else ""
        unit = headers.split_unit(header)[1]
        if headers.MONEY.get(unit, 1) != 1:
            message = _(
                "工作表“%(sheet)s”%(letter)s 列的表头“%(header)s”以%(unit)s为单位,本系统按元读取。"
            ) % {
                "sheet": part.sheet,
                "letter": headers.column_letter(column),
                "header": header,
                "unit": unit,
            }
            yield Problem(name, message, _("请把这一列换算成元,并改表头后重新上传。"))


# --- check ------------------------------------------------------------------------------------


def check_import(batch_id: int) -> None:
    """Read, judge and stage every row of a batch in state ``checking``; otherwise nothing happens.

    The work of a task: it may be killed at any time and run again.
    """
    with _alone(batch_id) as is_alone:
        batch = ImportBatch.objects.filter(pk=batch_id, state=State.CHECKING).first()
        if batch is None or not is_alone:
            return
        actor = _actor(batch.created_by)
        try:
            with _no_collections():
                rows = read_rows(batch)
                report = _reporter(batch.pk, len(rows))
                groups = kind_named(batch.kind).check(actor=actor, batch=batch, rows=rows, report=report)
                _stage(actor, batch.pk, groups, len(rows))
        except YuchangError as error:
            _fail(actor, batch_id, error)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of cells without cycles: the collector would walk them again and again for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_rows(batch: ImportBatch) -> list[Row]:
    """The filled rows below the headers of every sheet chosen, merged cells read as repeated values."""
    content = queries.stored_content(batch)
    sheets = {s.name: s for s in reading.read_judged(content)}
    found = parts.parts_of(batch.mapping)
    hidden = {} if batch.mapping.get("with_hidden", True) else reading.hidden_rows(content)
    rows: list[Row] = []
    for index, part in enumerate(found):
        if not part.is_read:
            continue
        if part.sheet not in sheets:
            raise invalid("file", _("工作簿中找不到原来的工作表。"), _("请重新上传。"))
        rows += _rows_of(sheets[part.sheet], part, index * parts.STRIDE, set(hidden.get(part.sheet, ())))
    if not rows:
        first = next(p for p in found if p.is_read)
        raise _no_rows(first.sheet, first.header_row)
    if len(rows) > reading.MAX_ROWS:
        message = _("勾选的工作表共 %(count)s 行,一次最多 %(rows)s 行。")
        given = {"count": f"{len(rows):,}", "rows": f"{reading.MAX_ROWS:,}"}
        raise invalid("file", message % given, _("请分批上传。"))
    return rows


def _rows_of(sheet: reading.Sheet, part: parts.Part, before: int, left_out: Collection[int]) -> Iterator[Row]:
    start, columns = part.header_row, list(part.columns.items())
    for number, line in enumerate(_spread_merged(sheet, start), start=start + 1):
        if number in left_out:
            continue
        width = len(line)
        cells = {name: line[c] if c < width else "" for name, c in columns}
        if any(value not in _EMPTY and as_text(value) for value in cells.values()):
            yield Row(before + number, cells)


def _spread_merged(sheet: reading.Sheet, start: int) -> Sequence[Sequence[Any]]:
    lines = sheet.rows[start:]
    below = [m for m in sheet.merged if m[0] >= start]
    if not below:
        return lines
    copies = [list(line) for line in lines]
    for r1, c1, r2, c2 in below:
        value = copies[r1 - start][c1]
        for r in range(r1 - start, min(r2 - start + 1, len(copies))):
            for c in range(c1, min(c2 + 1, len(copies[r]))):
                copies[r][c] = value
    return copies


def _reporter(batch_id: int, total: int) -> Report:
    """Writes progress at most twice a second, outside the transactions of the step."""
    last = 0.0

    def report(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.5 and not connection.in_atomic_block:
            last = time.monotonic()
            share = min(total, total * done // max(of, 1))
            ImportBatch.objects.filter(pk=batch_id).update(
                progress_done=share, progress_total=total, updated_at=Now()
            )

    return report


def _stage(actor: Actor, batch_id: int, groups: Iterator[Group], total: int) -> None:
    """Stage the judged groups as they come, then call the batch checked."""
    with transaction.atomic():
        for table in (StagedRow, Finding, StagedGroup):
            table.objects.filter(batch_id=batch_id).delete()
    places = parts.parts_of(ImportBatch.objects.get(pk=batch_id).mapping)
    first = 1
    while portion := list(islice(groups, STAGED_AT_ONCE)):
        with transaction.atomic():
            _copy(batch_id, first, portion, places)
        first += len(portion)
    with write("sheets.check_import", actor) as audit:
        batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
        batch.counts = queries.plan_counts(batch_id)
        batch.state, batch.progress_done, batch.progress_total = State.CHECKED, total, total
        save(batch)
        audit.add("import", batch.pk, place_id=batch.place_id, counts=batch.counts)


@contextmanager
def _alone(batch_id: int) -> Iterator[bool]:
    """Whether no other worker is checking this batch; a killed worker's lock ends with its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_CHECKING, batch_id % 2**31])
        is_alone = bool(cursor.fetchone()[0])
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_CHECKING, batch_id % 2**31])


_GROUP = (
    *("batch_id", "number", "key", "rows", "state", "plan", "outcome"),
    *("place_id", "object_id", "object_version", "content_hash"),
)
_FINDING = ("batch_id", "group_number", '"row"', '"column"', "field", "level", "code", "arguments")


def _copy(batch_id: int, first: int, groups: Sequence[Group], places: Sequence[parts.Part]) -> None:
    """Store judged groups. Of a rejected one only the numbers of its rows are kept."""
    numbered = list(enumerate(groups, start=first))
    kept = (
        (n, [(r, "{}") for r in group.numbers] if group.state == "rejected" else group.contents)
        for n, group in numbered
    )
    rows = ((batch_id, n, row, content) for n, contents in kept for row, content in contents)
    found = ((batch_id, n, *_finding_line(f, places)) for n, group in numbered for f in group.findings)
    copy_rows("sheets_stagedgroup", _GROUP, ((batch_id, n, *_group_line(group)) for n, group in numbered))
    copy_rows("sheets_stagedrow", ("batch_id", "group_number", '"row"', "content"), rows)
    copy_rows("sheets_finding", _FINDING, found)


def _group_line(g: Group) -> tuple[Any, ...]:
    plan = "" if g.state == "rejected" else g.plan
    return (g.key[:100], g.rows, g.state, plan, "", g.place_id, g.object_id, g.object_version, g.content_hash)


def _finding_line(f: FindingDraft, places: Sequence[parts.Part]) -> tuple[Any, ...]:
    arguments = json.dumps(f.arguments, ensure_ascii=False, default=str)
    column = parts.part_at(places, f.row)[0].columns.get(f.field)
    return (f.row, column, f.field, f.level, f.code, arguments)


def _fail(actor: Actor, batch_id: int, error: YuchangError) -> None:
    with write("sheets.fail_import", actor) as audit:
        batch = ImportBatch.objects.select_for_update().get(pk=batch_id)
        batch.state = State.FAILED
        batch.message = f"{error.message} {error.remedy}".strip()
        if isinstance(error, Invalid):
            batch.message = " ".join(f"{p.message}{p.remedy}" for p in error.problems)
        save(batch)
        audit.add("import", batch.pk, place_id=batch.place_id, message=batch.message)


# --- write ------------------------------------------------------------------------------------


def confirm_import(*, actor: Actor, batch_id: int, version: int | None) -> ImportBatch:
    """Have the checked groups written; rejected ones stay out. Raises Conflict when none is left."""
    with write("sheets.confirm_import", actor) as audit:
        batch = _batch(actor, batch_id, version, State.CHECKED)
        good = batch.groups.exclude(state=StagedGroup.State.REJECTED).aggregate(
            n=Count("id"), rows=Sum("rows")
        )
        if not good["n"]:
            raise Conflict(_("没有可以写入的内容。"), remedy=_("请按检查结果更正工作簿后重新上传。"))
        batch.state, batch.confirmed_by_id = State.WRITING, actor.user_id
        batch.confirmed_at = clock.now()
        batch.progress_done, batch.progress_total = 0, good["rows"]
        save(batch)
        audit.add("import", batch.pk, place_id=batch.place_id, groups=good["n"], rows=good["rows"])
        _defer("sheets.write", batch)
    return batch


def write_import(batch_id: int) -> None:
    """Write what is left of a batch in state ``writing``, portion by portion; otherwise nothing happens.

    The work of a task: it may be killed at any time, also right after a commit, and run again. Several
    connections write side by side, for the work is the database's and no group depends on another.
    """
    if connection.in_atomic_block:
        _write_portions(batch_id)
    else:
        with ThreadPoolExecutor(WRITERS) as pool:
            for writer in [pool.submit(_write_apart, batch_id) for _n in range(WRITERS)]:
                writer.result()
    _finish(batch_id)


def _write_apart(batch_id: int) -> None:
    try:
        _write_portions(batch_id)
    finally:
        connection.close()


def _write_portions(batch_id: int) -> None:
    batch = (
        ImportBatch.objects.filter(pk=batch_id, state=State.WRITING).select_related("confirmed_by").first()
    )
    if batch is None or batch.confirmed_by is None:
        return
    actor = _actor(batch.confirmed_by)
    while _write_portion(actor, batch):
        pass


def _write_portion(actor: Actor, batch: ImportBatch) -> bool:
    """Write the next portion that nobody else is writing. Returns whether there was one."""
    with transaction.atomic():
        span = _claim(batch)
        if span is None:
            return False
        with write("sheets.write_portion", actor) as audit:
            rows = _pending(batch).filter(number__range=span).aggregate(n=Sum("rows"))["n"]
            kind_named(batch.kind).write(actor=actor, batch=batch, first=span[0], last=span[1])
            _require_outcomes(batch, *span)
            audit.add("import", batch.pk, place_id=batch.place_id, first=span[0], last=span[1])
        _count(batch, rows)
    return True


def _claim(batch: ImportBatch) -> tuple[int, int] | None:
    """The first and last group number of a portion with something left to write, ours until the commit."""
    left = _pending(batch).annotate(portion=(F("number") - 1) / PORTION).order_by("portion")
    with connection.cursor() as cursor:
        for portion in list(left.values_list("portion", flat=True).distinct()):
            name = f"sheets.write {batch.pk} {portion}"
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
            span = (portion * PORTION + 1, (portion + 1) * PORTION)
            # Whoever wrote it may have committed between the two questions.
            if cursor.fetchone()[0] and _pending(batch).filter(number__range=span).exists():
                return span
    return None


def _count(batch: ImportBatch, rows: int) -> None:
    """Add to the progress. Constraints first: whoever waits for this row should not wait for them, too.

    A check by row is planned once per connection. After a first portion of a few rows it would go on reading
    the whole table, however large the next portions make it: by index, from the start.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL enable_seqscan = on")
    ImportBatch.objects.filter(pk=batch.pk).update(progress_done=F("progress_done") + rows, updated_at=Now())


def _pending(batch: ImportBatch) -> QuerySet[StagedGroup]:
    return batch.groups.filter(outcome="").exclude(state=StagedGroup.State.REJECTED)


def _require_outcomes(batch: ImportBatch, first: int, last: int) -> None:
    if _pending(batch).filter(number__range=(first, last)).exists():
        raise RuntimeError(f"import {batch.pk}: groups {first}-{last} were left without an outcome")


def _finish(batch_id: int) -> None:
    """Call a batch done when every group has its outcome; before that, and after it, nothing happens."""
    with transaction.atomic():
        batch = ImportBatch.objects.select_for_update().filter(pk=batch_id, state=State.WRITING).first()
        if batch is None or batch.confirmed_by_id is None or _pending(batch).exists():
            return
        with write("sheets.finish_import", _actor(User.objects.get(pk=batch.confirmed_by_id))) as audit:
            batch.counts = queries.outcome_counts(batch.pk)
            batch.state, batch.finished_at = State.DONE, clock.now()
            batch.progress_done = batch.progress_total
            save(batch)
            _forget_staged(batch)
            audit.add("import", batch.pk, place_id=batch.place_id, counts=batch.counts)


def _forget_staged(batch: ImportBatch) -> None:
    """Drop what was staged; of groups that stayed out the numbers of their rows remain."""
    skipped = batch.groups.filter(outcome=StagedGroup.Outcome.SKIPPED).values("number")
    left_out = batch.groups.filter(Q(state=StagedGroup.State.REJECTED) | Q(outcome="skipped"))
    batch.staged.exclude(group_number__in=left_out.values("number")).delete()
    batch.staged.filter(group_number__in=skipped).update(content={})


# --- undo, cancel -----------------------------------------------------------------------------


def undo_import(*, actor: Actor, batch_id: int, version: int | None) -> ImportBatch:
    """Retire what a finished batch wrote, while nothing was built on it. History stays.

    Raises Conflict that names the first object on which something was built.
    """
    with write("sheets.undo_import", actor) as audit:
        batch = _batch(actor, batch_id, version, State.DONE)
        retired = kind_named(batch.kind).undo(actor=actor, batch=batch)
        batch.groups.filter(outcome__in=["created", "changed"]).update(outcome="retired")
        batch.state = State.UNDONE
        batch.counts = {**batch.counts, "retired": retired}
        save(batch)
        audit.add("import", batch.pk, place_id=batch.place_id, retired=retired)
    return batch


def cancel_import(*, actor: Actor, batch_id: int, version: int | None) -> ImportBatch:
    """Give up a batch that was not confirmed; its file and staged rows are dropped."""
    with write("sheets.cancel_import", actor) as audit:
        batch = _batch(actor, batch_id, version, State.UPLOADED, State.CHECKED, State.FAILED)
        batch.state = State.CANCELLED
        save(batch)
        StagedRow.objects.filter(batch=batch).delete()
        BatchFile.objects.filter(batch=batch).delete()
        audit.add("import", batch.pk, place_id=batch.place_id)
    return batch


def import_workbook(
    *, actor: Actor, kind: str, area_id: int, file_name: str, content: bytes, observed_on: date
) -> ImportBatch:
    """All steps at once, in this process: upload, accept the mapping, check, confirm, write.

    Stops before confirming when no group can be written; the batch returned says why.
    """
    batch = start_import(
        actor=actor,
        kind=kind,
        area_id=area_id,
        file_name=file_name,
        content=content,
        observed_on=observed_on,
    )
    confirm_mapping(actor=actor, batch_id=batch.pk, version=batch.version, with_hidden=True)
    check_import(batch.pk)
    batch.refresh_from_db()
    if batch.state == State.CHECKED and any(batch.counts.get(p) for p in ("created", "changed", "unchanged")):
        confirm_import(actor=actor, batch_id=batch.pk, version=batch.version)
        write_import(batch.pk)
        batch.refresh_from_db()
    return batch


# --- shared -----------------------------------------------------------------------------------


def _batch(actor: Actor, batch_id: int, version: int | None, *states: str) -> ImportBatch:
    """The batch through the door, locked, of the expected version and in one of the states."""
    permissions = {b.kind for b in ImportBatch.objects.filter(pk=batch_id)}
    permission = kind_named(permissions.pop()).permission if permissions else "registry.import"
    require(actor, permission)
    batch = open_door(ImportBatch.objects.all(), actor, permission, batch_id, lock=True)
    check_version(batch, version)
    if batch.state not in states:
        raise Conflict(
            _("这次导入%(state)s,不能再做这一步。") % {"state": batch.get_state_display()},
            remedy=_("请刷新页面查看当前状态。"),
        )
    return batch


def _actor(user: User) -> Actor:
    return actor_for(user.pk, user.display_name, clock.today())


def _defer(task: str, batch: ImportBatch) -> None:
    queries.task_app().configure_task(task).defer(batch_id=batch.pk)
