"""What changed since the last sending: compared by content, so that no way of writing can be missed.

Of what was sent only keyed digests are kept, one per cell. An object is new when the last sending did
not have it, changed when a digest differs (those cells are marked), left when it is no longer there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import secrets
from yuchang.core.errors import Conflict
from yuchang.places.models import keys_of
from yuchang.sheets.catalogue import Found
from yuchang.sheets.models import Output, Sending, Sent, StagedSent

DIGEST = 6
_KEEP = """
INSERT INTO sheets_sent (place_id, source, object_id, key, cells, sending_id)
SELECT %(place)s, %(source)s, object_id, key, cells, %(sending)s FROM sheets_stagedsent
WHERE output_id = %(output)s AND cells IS NOT NULL
ON CONFLICT (place_id, source, object_id)
DO UPDATE SET key = excluded.key, cells = excluded.cells, sending_id = excluded.sending_id
"""
_DROP = """
DELETE FROM sheets_sent s USING sheets_stagedsent t
WHERE t.output_id = %(output)s AND t.cells IS NULL AND s.object_id = t.object_id
  AND s.place_id = %(place)s AND s.source = %(source)s
"""


def next_number(place_id: int, source: str) -> int:
    """The number that the next sending of a place will have."""
    last = Sending.objects.filter(place_id=place_id, source=source).aggregate(n=Max("number"))["n"]
    return (last or 0) + 1


def nothing_since(output: Output) -> str:
    """What to tell who asked for changes where there are none."""
    last = Sending.objects.filter(place_id=output.place_id, source=output.source).order_by("-number").first()
    if last is None:
        return _("所选范围内没有可以导出的户,没有生成文件。")
    given = {"number": last.number, "at": f"{localtime(last.sent_at):%Y-%m-%d %H:%M}"}
    return _("自第 %(number)s 次导出(%(at)s)以来没有变动,没有生成文件,也不另计一次。") % given


def digests(rows: Sequence[Sequence[Any]], row_key: int) -> dict[str, str]:
    """Row key → the keyed digests of the row's cells, one behind the other in hex."""
    key = secrets.blind_index("sheets.sent", "cells")
    found = {}
    for row in rows:
        name = str(row[row_key])
        found[name] = "".join(
            hashlib.blake2b(
                f"{name}\x00{i}\x00{'' if v is None else v}".encode(), digest_size=DIGEST, key=key
            ).hexdigest()
            for i, v in enumerate(row)
        )
    return found


def changed_columns(before: str, after: str) -> list[int]:
    """The columns whose digests differ."""
    width = DIGEST * 2
    return [i // width for i in range(0, len(after), width) if before[i : i + width] != after[i : i + width]]


def changed_lines(output: Output, source: Any, found: Sequence[Found], *, is_last: bool) -> list[Any]:
    """The lines of a portion that are new, changed or left; stages what the next sending compares with."""
    row_key = output.fields.index(source.row_field)
    ids = [f.object_id for f in found]
    sent = _sent(output, ids, is_last)
    lines: list[Any] = []
    staged = []
    for each in found:
        cells = digests(each.rows, row_key)
        before = sent.pop(each.object_id, None)
        if before is not None and before.cells == cells and not output.options.get("everything"):
            continue
        staged.append(StagedSent(output=output, object_id=each.object_id, key=each.key[:60], cells=cells))
        lines.append(_line(each, before.cells if before else None, cells, row_key))
    for gone in sent.values():
        staged.append(StagedSent(output=output, object_id=gone.object_id, key=gone.key, cells=None))
        lines.append(_gone(output, source, gone))
    StagedSent.objects.bulk_create(staged)
    counts = output.options.setdefault("counts", {"new": 0, "changed": 0, "left": 0})
    for line in lines:
        counts[line[4]] += 1
    return lines


def _sent(output: Output, ids: Sequence[int], is_last: bool) -> dict[int, Sent]:
    """What was sent of the numbers that this portion covers."""
    rows = Sent.objects.filter(place_id=output.place_id, source=output.source, object_id__gt=output.after)
    if not is_last and ids:
        rows = rows.filter(object_id__lte=ids[-1])
    return {row.object_id: row for row in rows}


def _line(each: Found, before: Mapping[str, str] | None, cells: Mapping[str, str], row_key: int) -> list[Any]:
    if before is None:
        return [each.object_id, each.key, each.rows, None, "new"]
    marks = []
    for row in each.rows:
        name = str(row[row_key])
        marks.append(changed_columns(before[name], cells[name]) if name in before else list(range(len(row))))
    return [each.object_id, each.key, each.rows, marks, "changed"]


def _gone(output: Output, source: Any, gone: Sent) -> list[Any]:
    """An object that left: its number and those of its rows; nothing else was kept of it."""
    names = {source.object_field: gone.key}
    rows = [
        [{**names, source.row_field: row}.get(field) for field in output.fields] for row in sorted(gone.cells)
    ]
    return [gone.object_id, gone.key, rows, None, "left"]


def record(actor: Actor, output: Output) -> Sending:
    """Record the sending and what it leaves for the next. Raises Conflict when another came first."""
    with connection.cursor() as cursor:
        name = f"sending:{output.place_id}:{output.source}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    number = output.options["number"]
    if number != next_number(output.place_id, output.source):
        raise Conflict(_("生成期间已有另一次变动导出。"), remedy=_("请重新导出,只会包含之后的变动。"))
    assert actor.user_id is not None and output.finished_at  # noqa: S101 - a finished output has both
    sending = Sending.objects.create(
        source=output.source,
        number=number,
        output=output,
        counts=output.options.get("counts", {}),
        sent_at=output.finished_at,
        sent_by_id=actor.user_id,
        place=output.place,
        **keys_of(output.place),
    )
    parameters: dict[str, Any] = {
        "place": output.place_id,
        "source": output.source,
        "output": output.pk,
        "sending": sending.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, parameters)
        cursor.execute(_DROP, parameters)
    forget(output)
    return sending


def forget(output: Output) -> None:
    """Drop what an output staged."""
    StagedSent.objects.filter(output=output).delete()
