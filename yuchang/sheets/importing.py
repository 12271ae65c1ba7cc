"""What every page of an import shows, the generic ones and a domain's own: steps, mapping, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from yuchang.core.paging import keyset_page
from yuchang.sheets import queries
from yuchang.sheets.kinds import Column
from yuchang.sheets.models import ImportBatch
from yuchang.sheets.parts import parts_of

UNDER_WAY = (ImportBatch.State.CHECKING, ImportBatch.State.WRITING)


def page_of(request: HttpRequest, batch: ImportBatch, columns: Sequence[Column]) -> dict[str, Any]:
    """What the page of a batch needs at whatever step it is."""
    context: dict[str, Any] = {"batch": batch, "percent": percent(batch), "steps": steps(batch)}
    context |= parts_context(batch)
    if batch.state == ImportBatch.State.UPLOADED:
        context["mapping"] = mapping_of(batch, columns)
    elif batch.state not in UNDER_WAY:
        context |= findings_of(request, batch)
        context["may_write"] = any(batch.counts.get(p) for p in ("created", "changed", "unchanged"))
        context["has_refused"] = queries.has_refused(batch)
    return context


def parts_context(batch: ImportBatch) -> dict[str, Any]:
    """The sheets that may be read and their hidden rows, for the page to ask about."""
    found = list(enumerate(parts_of(batch.mapping)))
    return {
        "sheet_parts": found,
        "hidden_parts": [p for _i, p in found if p.hidden],
        "has_parts": len(found) > 1 or any(p.hidden for _i, p in found),
        "with_hidden": batch.mapping.get("with_hidden"),
    }


@dataclass(frozen=True)
class Choice:
    """What the form of an import said of columns, sheets and hidden rows; None where it said nothing."""

    columns: dict[str, int | None] | None
    sheets: set[int] | None
    with_hidden: bool | None


def choice_from(post: QueryDict, batch: ImportBatch, columns: Sequence[Column]) -> Choice:
    """What was chosen in the form of an import."""
    has_columns = any(k.startswith("column-") for k in post)
    sheets = {int(n) for n in post.getlist("sheet") if n.isascii() and n.isdigit()}
    return Choice(
        columns_from(post, batch, columns) if has_columns else None,
        sheets if "asks_sheets" in post else None,
        {"read": True, "skip": False}.get(post.get("hidden", "")),
    )


def percent(batch: ImportBatch) -> int:
    """How much of the step under way is done."""
    return 100 * batch.progress_done // max(batch.progress_total, 1)


def steps(batch: ImportBatch) -> list[dict[str, Any]]:
    """The five steps with the one reached."""
    order = {"uploaded": 1, "checking": 2, "checked": 3, "writing": 4, "done": 5, "undone": 5}
    at = order.get(batch.state, 2)
    words = [_("上传"), _("列对应"), _("检查"), _("确认"), _("结果")]
    return [{"word": w, "is_here": n == min(at, 4), "is_past": n < at} for n, w in enumerate(words)]


def mapping_of(batch: ImportBatch, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Each declared column with the source column found for it, and the choices."""
    found = batch.mapping["columns"]
    sources = [
        (i, f"{p['letter']} · {p['header'] or '—'}", " / ".join(p["samples"]))
        for i, p in enumerate(batch.preview)
    ]
    return [
        {
            "column": c,
            "chosen": found.get(c.name),
            "samples": sources[found[c.name]][2] if c.name in found and found[c.name] < len(sources) else "",
            "sources": sources,
        }
        for c in columns
    ]


def columns_from(
    post: Mapping[str, str], batch: ImportBatch, columns: Sequence[Column]
) -> dict[str, int | None]:
    """Which source column was chosen for each declared one."""
    chosen: dict[str, int | None] = {}
    for column in columns:
        text = post.get(f"column-{column.name}", "")
        is_column = text.isascii() and text.isdigit() and int(text) < len(batch.preview)
        chosen[column.name] = int(text) if is_column else None
    return chosen


def guide_words() -> tuple[str, list[str]]:
    """The name and the headings of the sheet that explains a blank, in the reader's language."""
    return _("填写说明"), [_("表头"), _("必填"), _("示例"), _("也认得的表头"), _("可填内容")]


def findings_of(request: HttpRequest, batch: ImportBatch) -> dict[str, Any]:
    """A page of findings, as the address narrows them."""
    rows = batch.findings.all()
    level, code = request.GET.get("level", ""), request.GET.get("code", "")
    if level in ("warning", "rejected"):
        rows = rows.filter(level=level)
    if code:
        rows = rows.filter(code=code)
    page = keyset_page(rows, order=["row", "id"], cursor=request.GET.get("after", ""))
    return {
        "page": page,
        "lines": queries.finding_lines(batch, page.items),
        "kinds": queries.findings_by_kind(batch),
        "level": level,
        "code": code,
    }
