"""The answer to a request for a list: its page, or exactly what it shows as a workbook."""

from __future__ import annotations

import itertools
import tempfile
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from yuchang.accounts.doors import actor_of
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import invalid
from yuchang.core.lists import OWN_KEYS, Listing
from yuchang.sheets.export import write_workbook

MOST_ROWS = 100_000
TYPED = frozenset({"q", "text", "object_id", "actor"})


def answer(
    request: HttpRequest,
    found: Listing,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponseBase:
    """The page of the list, or with ``?export=xlsx`` its rows and columns as a workbook."""
    if request.GET.get("export") == "xlsx" and found.may_export:
        return _workbook(request, found)
    return render(request, template, {"list": found, **(context or {})}, status=status)


def _narrowed_by(request: HttpRequest) -> dict[str, str]:
    """The filters for the log; typed words may be a name or an ID number and are left out."""
    given = ((k, str(v)) for k, v in request.GET.items() if v and k not in OWN_KEYS)
    return {k: ("…" if k in TYPED else v[:60]) for k, v in given}


def _workbook(request: HttpRequest, found: Listing) -> FileResponse:
    """Every row that the list shows. Leaves an entry in the log. Raises Invalid above 100,000 rows."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    rows = itertools.islice(found.everything(), MOST_ROWS + 1)
    mark = _("模拟数据，与任何真实个人无关。") if clock.is_simulated() else ""
    heads = found.workbook_heads
    count = write_workbook(target, title=found.label, headers=heads, rows=rows, mark=mark)
    if count > MOST_ROWS:
        raise invalid(
            "export",
            _("所示超过 %(most)s 条，不能一次导出。") % {"most": f"{MOST_ROWS:,}"},
            _("请缩小筛选范围后再导出。"),
        )
    keys = [column.key for column in found.shown]
    with write("list.export", actor_of(request)) as audit:
        audit.add("list", found.name, rows=count, columns=keys, narrowed_by=_narrowed_by(request))
    target.seek(0)
    first = _("模拟数据-") if mark else ""
    name = f"{first}{found.name.replace('.', '-')}-{clock.today()}.xlsx"
    return FileResponse(target, as_attachment=True, filename=name)
