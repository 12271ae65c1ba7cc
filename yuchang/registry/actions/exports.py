"""The official workbook out: exactly what a filter shows, with a trace of who took it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import require, require_proof
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Invalid, invalid
from yuchang.places.models import Place
from yuchang.registry.layout import OFFICIAL, write_rows
from yuchang.registry.models import Household
from yuchang.registry.queries import Filter, filtered, households_for
from yuchang.registry.records import entries_in_order
from yuchang.sheets.export import write_workbook

MAX_HOUSEHOLDS = 100_000


def export_households(
    *, actor: Actor, narrow: Filter, target: IO[bytes], proven_at: datetime | None = None
) -> int:
    """Write the households that the filter leaves in the actor's area as the official workbook.

    ID numbers and phones are clear only with ``registry.reveal``; ``proven_at`` is then the real instant of
    the actor's last proof of who it is. Returns the number of persons.
    Raises Refused without ``registry.export``, ProofDue, Invalid above 100,000 households.
    """
    require(actor, "registry.export")
    rows = filtered(households_for(actor, "registry.export"), actor, narrow).order_by("id")
    ids = list(rows.values_list("id", flat=True)[: MAX_HOUSEHOLDS + 1])
    if len(ids) > MAX_HOUSEHOLDS:
        raise _too_many()
    clear = actor.may("registry.reveal")
    if clear:
        require_proof(proven_at)
    with write("registry.export_households", actor) as audit:
        count = write_workbook(
            target,
            title=_("建档立卡台账"),
            headers=[c.header for c in OFFICIAL],
            rows=_rows(ids, clear),
            mark=_("模拟数据:人员与金额均为程序生成") if clock.is_simulated() else "",
        )
        # What was typed into the search box may be an ID number: it is not repeated in the log.
        shown = asdict(narrow) | {"text": "●" if narrow.text else ""}
        audit.add("export", "households", households=len(ids), persons=count, filter=shown, with_ids=clear)
    return count


def _too_many() -> Invalid:
    return invalid("filter", _("筛选结果超过 10 万户。"), _("请按乡镇分别导出。"))


def _rows(ids: Sequence[int], clear: bool) -> Iterator[list[Any]]:
    names = _names(ids)
    for entry, place_id in entries_in_order(ids, clock.today(), clear=clear):
        yield from write_rows(entry, names[place_id])


def _names(ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Village id → the names of county, township and village."""
    villages = Place.objects.filter(
        pk__in=Household.objects.filter(pk__in=ids).order_by().values("place_id").distinct()
    )
    found = {v.pk: v for v in villages}
    above = Place.objects.in_bulk({k for v in found.values() for k in (v.county_id, v.township_id) if k})
    return {
        pk: {
            "county": above[v.county_id].name if v.county_id else "",
            "township": above[v.township_id].name if v.township_id else "",
            "village": v.name,
        }
        for pk, v in found.items()
    }
