"""An output from the wish to the file: gather rows portion by portion, build the file, store it.

Each step may be killed at any time and run again: a portion's rows and the number up to which they reach
commit together; the file and the state "done" commit together, with the record of a report or sending.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require, require_proof
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, YuchangError, invalid
from yuchang.places.models import Place, keys_of
from yuchang.sheets import letters, reads
from yuchang.sheets.catalogue import Ask, Found, fields_of, source_named
from yuchang.sheets.models import Edition, Output
from yuchang.sheets.outputs import frozen, pieces, sendings
from yuchang.sheets.outputs.building import SUFFIX, build
from yuchang.sheets.queries import task_app

State, Kind = Output.State, Output.Kind
PORTION = 1_000
KEPT_DAYS = 7
MAX_PAGES = 1_000
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f]')  # what a file's name cannot hold on Windows


@dataclass(frozen=True)
class Wish:
    """What somebody wants as a file. ``fields`` empty: all of the source (or the template's own)."""

    kind: str
    source: str
    area_id: int
    title: str = ""
    narrow: dict[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    format: str = "xlsx"
    edition_id: int | None = None
    clear: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def start_output(*, actor: Actor, wish: Wish) -> Output:
    """Take in a wish and have it made in the background.

    Raises Refused without the source's permission, Hidden for an area out of reach, Invalid for a
    wish that cannot be met.
    """
    with write("sheets.start_output", actor) as audit:
        output = prepare(actor=actor, wish=wish)
        audit.add("output", output.pk, place_id=output.place_id, **told(output))
        task_app().configure_task("sheets.make").defer(output_id=output.pk)
    return output


def told(output: Output) -> dict[str, Any]:
    """What the audit log says of an output: never what was typed into a search box."""
    narrow = {k: "●" if k == "q" else v for k, v in output.narrow.items()}
    return {
        "what": output.kind,
        "source": output.source,
        "filter": narrow,
        "fields": output.fields,
        "with_secrets": output.with_secrets,
    }


def prepare(*, actor: Actor, wish: Wish, on: Any = None) -> Output:
    """The row of a wish, in the transaction that is open."""
    require(actor, "sheets.make")
    source = _source(wish.source)
    require(actor, source.permission)
    if actor.user_id is None:
        raise invalid("source", _("导出须由具名人员办理。"))
    area = open_door(Place.objects.all(), actor, source.permission, wish.area_id)
    edition = _edition(actor, wish)
    names = wish.fields or tuple(f.name for f in source.fields)
    if edition is not None and edition.layout:
        names = tuple(n for n in edition.layout["columns"].values() if n != "#")
    fields = [f.name for f in fields_of(source, names)]
    if not fields:
        raise invalid("fields", _("没有选择任何字段。"), _("请至少选择一项。"))
    secret = any(f.secret for f in fields_of(source, fields))
    clear = wish.clear and (secret or wish.kind == Kind.CARDS)
    if clear:
        require(actor, source.secret_permission)
    _require_format(wish, edition)
    uid = uuid.uuid4()
    options = {"day": clock.today().isoformat(), "unit": area.name, **wish.options}
    if wish.kind == Kind.CHANGES:
        options["number"] = sendings.next_number(area.pk, source.name)
    return Output.objects.create(
        uid=uid,
        kind=wish.kind,
        title=(wish.title or source.title)[:200],
        source=source.name,
        permission=source.permission,
        secret_permission=source.secret_permission,
        with_secrets=clear,
        narrow=source.canonical(wish.narrow),
        fields=fields,
        options=options,
        format=wish.format,
        edition=edition,
        as_of=on or clock.today(),
        sealed_key=pieces.new_key(area, uid),
        made_by_id=actor.user_id,
        expires_on=clock.today() + timedelta(days=KEPT_DAYS),
        place=area,
        **keys_of(area),
    )


def _require_format(wish: Wish, edition: Edition | None) -> None:
    """Raise Invalid for a format that does not exist, or one document of letters whose headers differ."""
    if wish.format not in SUFFIX or (wish.format == "docx") > (wish.kind == Kind.LETTERS):
        raise invalid("format", _("没有这种格式。"))
    heads = letters.differing_heads(bytes(edition.content)) if edition and wish.format == "docx" else []
    if heads:
        raise invalid(
            "format",
            _("页眉页脚中的占位符(%(words)s)每户不同,合成一个文档后只能显示一户的。")
            % {"words": "、".join(heads)},
            _("请把它们移到正文后上传新版,或选择每户一个文件。"),
        )


def _source(name: str) -> Any:
    try:
        return source_named(name)
    except KeyError as error:
        raise Hidden(_("没有这种数据。")) from error


def _edition(actor: Actor, wish: Wish) -> Edition | None:
    if wish.edition_id is None:
        if wish.kind in (Kind.FORM, Kind.LETTERS):
            raise invalid("template", _("请选择模板。"))
        return None
    found = Edition.objects.select_related("template").filter(pk=wish.edition_id).first()
    if found is None or not reads.templates_for(actor).filter(pk=found.template_id).exists():
        raise Hidden(_("没有找到模板,或不在您的使用范围内。"))
    return found


# --- making ----------------------------------------------------------------------------------------


def make_output(output_id: int) -> None:
    """Gather, build and store; the work of a task. It may be killed at any time and run again."""
    output = _under_way(output_id)
    if output is None:
        return
    actor = maker_of(output)
    try:
        if output.state == State.WAITING:
            _begin(actor, output_id)
        gather = _gather_at_once if output.kind == Kind.REPORT else _gather_portion
        while gather(actor, output_id):
            pass
        _finish(actor, output_id)
    except YuchangError as error:
        _fail(actor, output_id, error)


def _under_way(output_id: int) -> Output | None:
    states = [State.WAITING, State.READING, State.WRITING]
    return Output.objects.select_related("made_by").filter(pk=output_id, state__in=states).first()


def maker_of(output: Output) -> Actor:
    """Who asked for it, with what he or she may do now."""
    return actor_for(output.made_by_id, output.made_by.display_name, clock.today())


def ask_of(actor: Actor, output: Output) -> Ask:
    """The question that an output asks its source. Raises Refused or Hidden when a right was lost."""
    area = open_door(Place.objects.all(), actor, source_named(output.source).permission, output.place_id)
    if output.with_secrets:
        require(actor, output.secret_permission)
    return Ask(actor, area, output.narrow, tuple(output.fields), output.as_of, output.with_secrets)


def _begin(actor: Actor, output_id: int) -> None:
    with write("sheets.begin_output", actor) as audit:
        output = Output.objects.select_for_update().get(pk=output_id)
        if output.state == State.WAITING:
            total = source_named(output.source).total(ask_of(actor, output))
            if output.kind in (Kind.CARDS, Kind.LETTERS) and total > MAX_PAGES:
                raise invalid(
                    "area",
                    _("共 %(total)s 户,一次最多打印 %(most)s 户。") % {"total": total, "most": MAX_PAGES},
                    _("请按村打印。"),
                )
            output.objects_total, output.state = total, State.READING
            save(output)
        audit.add("output", output.pk, place_id=output.place_id, objects=output.objects_total)


def _gather_portion(actor: Actor, output_id: int) -> bool:
    """Store the next portion of rows; returns whether there may be more."""
    with write("sheets.gather_output", actor) as audit:
        output = Output.objects.select_for_update().get(pk=output_id)
        if output.state != State.READING:
            audit.add("output", output.pk, place_id=output.place_id, note="already gathered")
            return False
        more = gather_into(actor, output)
        if not more:
            output.state = State.WRITING
        save(output)
        audit.add("output", output.pk, place_id=output.place_id, objects=output.objects_done)
    return more


def _gather_at_once(actor: Actor, output_id: int) -> bool:
    """All rows of a report as of one moment, in one transaction."""
    with write("sheets.gather_output", actor) as audit:
        in_own_snapshot()
        output = Output.objects.select_for_update().get(pk=output_id)
        if output.state == State.READING:
            while gather_into(actor, output):
                pass
            output.state = State.WRITING
            save(output)
        audit.add("output", output.pk, place_id=output.place_id, objects=output.objects_done)
    return False


def gather_into(actor: Actor, output: Output) -> bool:
    """Add the next portion to a locked output; returns whether there may be more."""
    ask = ask_of(actor, output)
    source = source_named(output.source)
    found = source.read(ask, output.after, PORTION)
    lines = _lines(source, ask, output, found)
    if lines:
        pieces.add_lines(output, output.objects_done, lines)
    _sum(output, lines)
    output.objects_done += len(found)
    output.objects_total = max(output.objects_total, output.objects_done)
    has_pages = output.kind in (Kind.CARDS, Kind.LETTERS)
    output.rows_done += len(lines) if has_pages else sum(len(line[2]) for line in lines)
    if found:
        output.after = found[-1].object_id
    return len(found) == PORTION


def _lines(source: Any, ask: Ask, output: Output, found: Sequence[Found]) -> list[Any]:
    if output.kind == Kind.CHANGES:
        return sendings.changed_lines(output, source, found, is_last=len(found) < PORTION)
    if output.kind in (Kind.CARDS, Kind.LETTERS):
        records = source.records(ask, [f.object_id for f in found])
        return [[f.object_id, f.key, r, None, ""] for f, r in zip(found, records, strict=True)]
    return [[f.object_id, f.key, f.rows, None, ""] for f in found if f.rows]


def _sum(output: Output, lines: Sequence[Any]) -> None:
    if output.kind in (Kind.CARDS, Kind.LETTERS):
        return
    summed = [
        (i, f.name)
        for i, f in enumerate(fields_of(source_named(output.source), output.fields))
        if f.is_summed
    ]
    for line in lines:
        for row in line[2]:
            for i, name in summed:
                output.totals[name] = output.totals.get(name, 0) + (row[i] or 0)


def _finish(actor: Actor, output_id: int) -> None:
    output = Output.objects.select_related("edition", "made_by", "place").get(pk=output_id)
    if output.state != State.WRITING:
        return
    if output.kind == Kind.CHANGES and not any(output.options.get("counts", {}).values()):
        _leave(actor, output_id)
        return
    with tempfile.TemporaryDirectory() as name:
        path = build(output, Path(name))
        with write("sheets.finish_output", actor) as audit:
            locked = Output.objects.select_for_update().get(pk=output_id)
            if locked.state == State.WRITING:
                locked.rows_sha256 = output.rows_sha256
                settle(actor, locked, path)
            audit.add(
                "output",
                locked.pk,
                place_id=locked.place_id,
                objects=locked.objects_done,
                rows=locked.rows_done,
                sha256=locked.sha256,
                **told(locked),
            )


def _leave(actor: Actor, output_id: int) -> None:
    """End an export of changes that found none: no file and no sending, the mark stays where it was."""
    with write("sheets.leave_output", actor) as audit:
        output = Output.objects.select_for_update(of=("self",)).select_related("place").get(pk=output_id)
        if output.state == State.WRITING:
            output.state, output.message = State.CANCELLED, sendings.nothing_since(output)
            output.options["nothing"] = True
            output.pieces.all().delete()
            sendings.forget(output)
            save(output)
        audit.add("output", output.pk, place_id=output.place_id, message=output.message)


def settle(actor: Actor, output: Output, path: Path) -> None:
    """Store the file of a locked output, and record the sending it is."""
    output.file_size, output.sha256 = pieces.store_file(output, path)
    first = _("模拟数据-") if clock.is_simulated() else ""
    said = _UNFIT.sub("", f"{first}{output.title}-{output.place.name}").strip()[:120]
    output.file_name = f"{said}-{output.as_of}-{output.pk}.{path.suffix[1:]}"
    output.state, output.finished_at, output.message = State.DONE, clock.now(), ""
    if output.kind == Kind.CHANGES:
        sendings.record(actor, output)
    if output.kind != Kind.REPORT:
        output.pieces.filter(part=pieces.ROWS).delete()
    save(output)
    if output.kind == Kind.REPORT:
        frozen.record(actor, output)


def _fail(actor: Actor, output_id: int, error: YuchangError) -> None:
    with write("sheets.fail_output", actor) as audit:
        output = Output.objects.select_for_update().get(pk=output_id)
        output.state, output.message = State.FAILED, words_of(error)
        output.pieces.all().delete()
        sendings.forget(output)
        save(output)
        audit.add("output", output.pk, place_id=output.place_id, message=output.message)


def give_up(output_id: int) -> None:
    """Call an output failed that stopped for a fault of the program; the log has what happened."""
    output = _under_way(output_id)
    if output is not None:
        message = _("程序出错,未能生成。") + _("请稍后重新导出;仍不行时请把编号 %(number)s 告诉管理员。")
        _fail(maker_of(output), output_id, Conflict(message % {"number": output_id}))


def words_of(error: YuchangError) -> str:
    """What to tell people of an error, with its remedy."""
    if isinstance(error, Invalid):
        return " ".join(f"{p.message}{p.remedy}" for p in error.problems)
    return f"{error.message} {error.remedy}".strip()


# --- after -----------------------------------------------------------------------------------------


def cancel_output(*, actor: Actor, output_id: int, version: int | None) -> Output:
    """Give up an output that is not finished; what was gathered is dropped."""
    with write("sheets.cancel_output", actor) as audit:
        mine = reads.mine(actor)
        output = open_door(Output.objects.all(), actor, "sheets.make", output_id, within=mine, lock=True)
        # The maker works on it: its version moves with every portion. The state is what counts here.
        if version is None:
            check_version(output, version)
        if output.state not in (State.WAITING, State.READING, State.WRITING, State.FAILED):
            raise Conflict(_("已生成,不能取消。"), remedy=_("不需要的文件会在到期后自动删除。"))
        output.state = State.CANCELLED
        output.pieces.all().delete()
        sendings.forget(output)
        save(output)
        audit.add("output", output.pk, place_id=output.place_id)
    return output


def record_download(*, actor: Actor, output_id: int, proven_at: datetime | None = None) -> Output:
    """Open the door to a finished file and note who took it. Raises Hidden, Conflict.

    One with sealed fields in the clear leaves the house only soon after the actor has proven who it is
    (``proven_at``, a real instant). Raises ProofDue.
    """
    with write("sheets.download", actor) as audit:
        output = reads.output_for(actor, output_id)
        if output.state != State.DONE:
            raise Conflict(_("文件还没有生成,或已过期。"), remedy=_("请重新导出。"))
        if output.with_secrets:
            require_proof(proven_at)
        audit.add(
            "output",
            output.pk,
            place_id=output.place_id,
            sha256=output.sha256,
            with_secrets=output.with_secrets,
        )
    return output


def expire_outputs() -> int:
    """Drop the files whose day has passed; reports stay. Returns how many."""
    late = Output.objects.filter(state=State.DONE, expires_on__lt=clock.today(), report=None)
    ids = list(late.exclude(kind=Kind.REPORT).values_list("pk", flat=True)[:1000])
    for pk in ids:
        with write("sheets.expire_output", SYSTEM) as audit:
            output = Output.objects.select_for_update().get(pk=pk)
            output.pieces.all().delete()
            output.state = State.EXPIRED
            save(output)
            audit.add("output", pk, place_id=output.place_id)
    return len(ids)


def in_own_snapshot() -> None:
    """Let the open transaction read everything as of one moment, where it is the outermost one."""
    if len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
