"""Reading back what the superior's system holds: compare, list, and let a person decide each difference."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require, require_proof
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor
from yuchang.core import clock, secrets
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, YuchangError, invalid
from yuchang.places.models import Place, keys_of
from yuchang.sheets import headers, parts, reading, reads
from yuchang.sheets.catalogue import Ask, source_named
from yuchang.sheets.cells import as_text
from yuchang.sheets.headers import Wanted
from yuchang.sheets.models import Difference, ReadBack
from yuchang.sheets.outputs.making import words_of
from yuchang.sheets.queries import task_app

State, Kind, Decision = ReadBack.State, Difference.Kind, Difference.Decision
PORTION = 1_000


@dataclass(frozen=True)
class Outcome:
    """How many differences were decided, and the households that refused theirs, in words."""

    decided: int
    refused: list[str]


def start_readback(
    *,
    actor: Actor,
    source: str,
    area_id: int,
    file_name: str,
    content: bytes,
    observed_on: date,
    is_whole: bool,
) -> ReadBack:
    """Take in the other system's workbook and compare it in the background.

    ``is_whole``: it should hold every object of the area, so that what it lacks is a difference, too.
    Raises Invalid when it cannot be read or lacks the two columns that tell rows apart.
    """
    mirror: Any = source_named(source)
    with write("sheets.start_readback", actor) as audit:
        require(actor, "sheets.make")
        area = open_door(Place.objects.all(), actor, mirror.permission, area_id)
        if observed_on > clock.today():
            raise invalid("observed_on", _("数据日期在将来。"), _("请填写数据实际截止的日期。"))
        if actor.user_id is None:
            raise invalid("file", _("须由具名人员办理。"))
        _parts(mirror, reading.read_sheets(file_name, content))
        row = ReadBack(
            source=source,
            place=area,
            **keys_of(area),
            file_name=file_name[-200:],
            sha256=hashlib.sha256(content).hexdigest(),
            observed_on=observed_on,
            counts={"is_whole": is_whole},
            made_by_id=actor.user_id,
        )
        text = base64.b64encode(content).decode()
        row.sealed = secrets.seal(area.county_id or area.pk, "readback.file", row.uid, text)
        row.save()
        audit.add("readback", row.pk, place_id=area.pk, sha256=row.sha256, file=row.file_name)
        task_app().configure_task("sheets.compare").defer(readback_id=row.pk)
    return row


def _parts(mirror: Any, sheets: Sequence[reading.Sheet]) -> list[parts.Part]:
    """The sheets of the best layout found. Raises Invalid without rows, or a way to tell them apart."""
    wanted = [Wanted(c.name, (c.header, *c.aliases), c.required) for c in mirror.columns]
    found = headers.find_headers(sheets, wanted)
    titles = {c.name: c.header for c in mirror.columns}
    missing = [titles[n] for n in (mirror.object_field, mirror.row_field) if n not in found.columns]
    if missing:
        raise invalid(
            "file",
            _("工作表“%(sheet)s”前 10 行的表头中缺少:%(missing)s。")
            % {"sheet": found.sheet, "missing": "、".join(missing)},
            _("请上传对方系统原样导出的工作簿。"),
        )
    sheet = next(s for s in sheets if s.name == found.sheet)
    if not any(as_text(value) for line in sheet.rows[found.header_row :] for value in line):
        raise invalid(
            "file",
            _("工作表“%(sheet)s”第 %(row)s 行的表头下没有数据。")
            % {"sheet": found.sheet, "row": found.header_row},
            _("请上传对方系统原样导出的工作簿。"),
        )
    return parts.find_parts(sheets, wanted, found, {})[0]


# --- compare ---------------------------------------------------------------------------------------


def compare_readback(readback_id: int) -> None:
    """List every difference of a waiting read-back; the work of a task, and safe to run again."""
    states = [State.WAITING, State.COMPARING]
    row = ReadBack.objects.select_related("made_by", "place").filter(pk=readback_id, state__in=states).first()
    if row is None:
        return
    actor = actor_for(row.made_by_id, row.made_by.display_name, clock.today())
    try:
        with write("sheets.compare_readback", actor) as audit:
            locked = ReadBack.objects.select_for_update(of=("self",)).select_related("place").get(pk=row.pk)
            if locked.state in states:
                _compare(actor, locked)
            audit.add("readback", locked.pk, place_id=locked.place_id, counts=locked.counts)
    except YuchangError as error:
        _fail(actor, readback_id, error)


def _compare(actor: Actor, row: ReadBack) -> None:
    mirror: Any = source_named(row.source)
    open_door(Place.objects.all(), actor, mirror.permission, row.place_id)
    theirs = _theirs(mirror, row)
    clear = actor.may(mirror.secret_permission)
    secret = {f.name for f in mirror.fields if f.secret}
    names = [n for n in mirror.compared if clear or n not in secret]
    row.differences.all().delete()
    numbers = _Numbers(row)
    for found in _ours(actor, mirror, row, clear):
        keyed = {str(r[0]): dict(zip(mirror.compared, r[1], strict=True)) for r in found[2]}
        other = theirs.pop(found[1], None)
        if other is None:
            if row.counts["is_whole"]:
                numbers.add(Kind.ONLY_OURS, found[0], found[1], "", None, "", "", "")
            continue
        _compare_rows(numbers, mirror, names, found, keyed, other)
    for key, rows in theirs.items():
        numbers.add(Kind.ONLY_THEIRS, None, key, "", min(n for n, _c in rows.values()), "", "", "")
    numbers.flush()
    row.counts |= {**numbers.counts, "total": numbers.last}
    row.state = State.READY if numbers.last else State.CLOSED
    save(row)


class _Numbers:
    """Differences on their way into the table, numbered and sealed, a thousand at a time."""

    def __init__(self, row: ReadBack) -> None:
        self.row, self.last, self.counts = row, 0, dict.fromkeys(Kind.values, 0)
        self._waiting: list[Difference] = []

    def add(
        self, kind: str, object_id: int | None, key: str, row_key: str, row: int | None, field: str,
        ours: str, theirs: str,
    ) -> None:  # fmt: skip
        """Note one difference."""
        self.last += 1
        self.counts[kind] += 1
        county = self.row.county_id or self.row.place_id
        text = json.dumps({"ours": ours, "theirs": theirs}, ensure_ascii=False)
        self._waiting.append(
            Difference(
                readback=self.row,
                number=self.last,
                kind=kind,
                object_id=object_id,
                object_key=key[:60],
                row_key=row_key[:60],
                row=row,
                field=field,
                sealed=secrets.seal(county, "difference", f"{self.row.uid}:{self.last}", text),
            )
        )
        if len(self._waiting) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        Difference.objects.bulk_create(self._waiting)
        self._waiting = []


def _compare_rows(
    numbers: _Numbers,
    mirror: Any,
    names: Sequence[str],
    found: tuple[int, str, Any],
    ours: Mapping[str, Mapping[str, Any]],
    theirs: Mapping[str, tuple[int, Mapping[str, Any]]],
) -> None:
    object_id, key, _rows = found
    said: set[tuple[str, str, str]] = set()
    for row_key, (number, cells) in theirs.items():
        mine = ours.get(row_key)
        if mine is None:
            numbers.add(Kind.ONLY_THEIRS, object_id, key, row_key, number, "", "", "")
            continue
        for name in names:
            if name not in cells:
                continue
            a, b = mirror.plain(name, mine[name]), mirror.plain(name, cells[name])
            shared = (name, a, b) if name in mirror.shared else (name, row_key, "")
            if a != b and shared not in said:
                said.add(shared)
                numbers.add(Kind.VALUE, object_id, key, row_key, number, name, a, b)
    for row_key in ours.keys() - theirs.keys():
        numbers.add(Kind.ONLY_OURS, object_id, key, row_key, None, "", "", "")


def _theirs(mirror: Any, row: ReadBack) -> dict[str, dict[str, tuple[int, dict[str, Any]]]]:
    """Object key → row key → (row number, cells)."""
    county = row.county_id or row.place_id
    content = base64.b64decode(secrets.unseal(county, "readback.file", row.uid, row.sealed))
    sheets = reading.read_judged(content)
    by_name = {s.name: s for s in sheets}
    read = _parts(mirror, sheets)
    row.counts["sheets"] = [p.sheet for p in read]
    found: dict[str, dict[str, tuple[int, dict[str, Any]]]] = {}
    for index, part in enumerate(read):
        first = index * parts.STRIDE + part.header_row + 1
        for number, line in enumerate(by_name[part.sheet].rows[part.header_row :], start=first):
            cells = {n: line[c] if c < len(line) else "" for n, c in part.columns.items()}
            key = mirror.plain(mirror.object_field, cells[mirror.object_field])
            row_key = mirror.plain(mirror.row_field, cells[mirror.row_field])
            if key and row_key:
                found.setdefault(key, {})[row_key] = (number, cells)
    return found


def _ours(actor: Actor, mirror: Any, row: ReadBack, clear: bool) -> Iterator[tuple[int, str, Any]]:
    """(object id, key, [(row key, values of the compared fields)])."""
    names = (mirror.row_field, *mirror.compared)
    ask = Ask(actor, row.place, {}, names, clock.today(), clear)
    after = 0
    while found := mirror.read(ask, after, PORTION):
        for each in found:
            yield each.object_id, each.key, [(r[0], r[1:]) for r in each.rows]
        after = found[-1].object_id


def _fail(actor: Actor, readback_id: int, error: YuchangError) -> None:
    with write("sheets.fail_readback", actor) as audit:
        row = ReadBack.objects.select_for_update().get(pk=readback_id)
        row.state, row.message = State.FAILED, words_of(error)
        save(row)
        audit.add("readback", row.pk, place_id=row.place_id, message=row.message)


# --- decide ----------------------------------------------------------------------------------------


def decide_differences(
    *, actor: Actor, readback_id: int, version: int | None, numbers: Sequence[int], decision: str
) -> Outcome:
    """Keep ours or take theirs for the differences named; theirs is written through the domain's action.

    A household whose new values are refused stays open and is named; the others are decided.
    Decision and write commit together.
    """
    if decision not in (Decision.OURS, Decision.THEIRS):
        raise invalid("decision", _("请选择保留本系统或采用对方。"))
    with write("sheets.decide_differences", actor) as audit:
        row = open_door(ReadBack.objects.all(), actor, "sheets.make", readback_id, lock=True)
        check_version(row, version)
        if row.state != State.READY:
            raise Conflict(_("这次比对没有待处理的差异。"))
        chosen = list(row.differences.filter(number__in=list(numbers), decision="").order_by("number"))
        if not chosen:
            raise Conflict(_("没有选择待处理的差异。"), remedy=_("请勾选后再提交。"))
        refused: list[str] = []
        if decision == Decision.THEIRS:
            chosen = _take(actor, row, chosen, refused)
        _mark(actor, row, chosen, decision)
        if not row.differences.filter(decision="").exists():
            row.state = State.CLOSED
        save(row)
        audit.add(
            "readback", row.pk, place_id=row.place_id, decision=decision, numbers=[d.number for d in chosen]
        )
    return Outcome(len(chosen), refused)


def _take(actor: Actor, row: ReadBack, chosen: Sequence[Difference], refused: list[str]) -> list[Difference]:
    """Write their values household by household; returns what was taken."""
    mirror: Any = source_named(row.source)
    by_object: dict[int, list[Difference]] = {}
    for each in chosen:
        if each.kind == Kind.VALUE and each.object_id is not None:
            by_object.setdefault(each.object_id, []).append(each)
        else:
            refused.append(
                _("%(key)s:整户或整人的增减请在登记中办理(导入、更正或注销)。")
                % {"key": each.row_key or each.object_key}
            )
    taken: list[Difference] = []
    for object_id, found in by_object.items():
        changes: dict[str, dict[str, str]] = {}
        for each in found:
            changes.setdefault(each.row_key, {})[each.field] = reads.unsealed(row, each)["theirs"]
        try:
            with transaction.atomic():
                mirror.take_theirs(actor=actor, object_id=object_id, on=row.observed_on, changes=changes)
            taken += found
        except YuchangError as error:
            refused.append(f"{found[0].object_key}:{words_of(error)}")
    return taken


def _mark(actor: Actor, row: ReadBack, chosen: Sequence[Difference], decision: str) -> None:
    row.differences.filter(pk__in=[d.pk for d in chosen]).update(
        decision=decision, decided_by_id=actor.user_id, decided_at=clock.now()
    )


def show_differences(*, actor: Actor, readback_id: int, proven_at: datetime | None) -> ReadBack:
    """Note that somebody is about to see sealed values of both sides in the clear.

    Only soon after the actor has proven who it is (``proven_at``, a real instant). Raises Hidden, Refused
    without the right to such fields, ProofDue.
    """
    with write("sheets.show_differences", actor) as audit:
        row = reads.readback_for(actor, readback_id)
        require(actor, source_named(row.source).secret_permission)
        require_proof(proven_at)
        audit.add("readback", row.pk, place_id=row.place_id)
    return row


def close_readback(*, actor: Actor, readback_id: int, version: int | None) -> ReadBack:
    """Keep ours in everything that is still open."""
    with write("sheets.close_readback", actor) as audit:
        row = open_door(ReadBack.objects.all(), actor, "sheets.make", readback_id, lock=True)
        check_version(row, version)
        if row.state != State.READY:
            raise Conflict(_("这次比对没有待处理的差异。"))
        left = row.differences.filter(decision="")
        count = left.update(decision=Decision.OURS, decided_by_id=actor.user_id, decided_at=clock.now())
        row.state = State.CLOSED
        save(row)
        audit.add("readback", row.pk, place_id=row.place_id, kept=count)
    return row
