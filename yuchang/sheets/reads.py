"""Reads of what goes out: outputs, templates, plans, reports, sendings, read-backs."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import secrets
from yuchang.core.errors import Hidden
from yuchang.places.models import Place
from yuchang.sheets.catalogue import Field, fields_of, source_named
from yuchang.sheets.cells import hide_numbers
from yuchang.sheets.contents import Differing, content_digest, first_differences
from yuchang.sheets.models import (
    Difference,
    Edition,
    Output,
    ReadBack,
    Report,
    ReportPlan,
    Sending,
    Template,
)
from yuchang.sheets.outputs.building import build, rows_digest
from yuchang.sheets.outputs.pieces import FILE, contents, lines_of
from yuchang.sheets.parts import named_row
from yuchang.sheets.tables import shown

SHOWN = 200
STALLED_AFTER = timedelta(minutes=2)
MONTHS_BACK = 24


# --- areas, outputs ------------------------------------------------------------------------------


def areas_of(actor: Actor, permission: str) -> list[Place]:
    """The places within which the actor holds a permission, widest first; the provinces for the country."""
    scopes = [s for s in actor.scopes(permission) if isinstance(s, PlaceScope)]
    if any(s.level == 0 for s in scopes):
        return list(Place.objects.filter(level=1, valid_to=None).order_by("code"))
    return list(Place.objects.filter(pk__in=[s.place_id for s in scopes]).order_by("level", "code"))


def areas_within(actor: Actor, permission: str) -> list[Place]:
    """``areas_of``, and the townships and villages in those that are no wider than a county."""
    found = areas_of(actor, permission)
    upper = [place.pk for place in found if place.level >= 3]
    inside = Q(parent_id__in=upper) | Q(parent__parent_id__in=upper)
    below = Place.objects.filter(inside, valid_to=None).exclude(pk__in=upper) if upper else ()
    return [*found, *below]


def mine(actor: Actor) -> Q:
    """The outputs that the actor asked for."""
    return Q(made_by_id=actor.user_id) if actor.user_id is not None else Q(pk__in=[])


def outputs_for(actor: Actor) -> QuerySet[Output]:
    """The actor's own exports, in places that are still his or hers."""
    rows = Output.objects.filter(mine(actor), place_filter(actor, "sheets.make"))
    return rows.exclude(kind=Output.Kind.REPORT).select_related("place")


def output_for(actor: Actor, output_id: int) -> Output:
    """One output through the door: one's own, or a report's; its permissions must still hold there.

    Raises Refused or Hidden.
    """
    rows = Output.objects.select_related("place", "made_by", "edition__template")
    found = rows.filter(pk=output_id).first()
    hidden = Hidden(_("没有找到,或不在您的管辖范围内。"), remedy=_("请核对编号;跨区域事项请联系所属县。"))
    if found is None or (found.kind != Output.Kind.REPORT and found.made_by_id != actor.user_id):
        raise hidden
    if found.with_secrets:
        open_door(rows, actor, found.secret_permission, output_id)
    return open_door(rows, actor, found.permission, output_id)


def file_of(output: Output) -> Iterator[bytes]:
    """The finished file, piece by piece."""
    return contents(output, FILE)


def field_titles(output: Output) -> str:
    """The fields of an output in words."""
    return "、".join(f.title for f in fields_of(source_named(output.source), output.fields))


def missing_months(plan: ReportPlan, today: date) -> list[date]:
    """The months of a running plan that are over and were not frozen, oldest first; two years at most."""
    if plan.is_stopped:
        return []
    frozen = set(Report.objects.filter(plan=plan).values_list("period", flat=True))
    months: list[date] = []
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    while month >= plan.starts_on and len(months) < MONTHS_BACK:
        months.append(month)
        month = (month - timedelta(days=1)).replace(day=1)
    return [m for m in reversed(months) if m not in frozen]


def stalled_outputs() -> list[int]:
    """Outputs under way on which nothing moved for two minutes: their worker was killed."""
    rows = Output.objects.filter(
        state__in=["waiting", "reading", "writing"], updated_at__lt=Now() - STALLED_AFTER
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


def stalled_readbacks() -> list[int]:
    """The same for read-backs; a comparison is one transaction, so it may look still for longer."""
    rows = ReadBack.objects.filter(
        state__in=["waiting", "comparing"], updated_at__lt=Now() - 5 * STALLED_AFTER
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


# --- templates -----------------------------------------------------------------------------------


def _above(actor: Actor, permission: str) -> list[int]:
    """The places above the actor's, themselves included: what is shared there is shared with the actor."""
    found: set[int] = set()
    for place in areas_of(actor, permission):
        keys = (place.province_id, place.prefecture_id, place.county_id, place.township_id, place.village_id)
        found |= {k for k in keys if k}
    return sorted(found)


def templates_for(actor: Actor) -> QuerySet[Template]:
    """The templates that the actor may fill: of his or her places, and shared from above."""
    reach = place_filter(actor, "sheets.make") | Q(place_id__in=_above(actor, "sheets.make"))
    return Template.objects.filter(reach, is_retired=False).select_related("place", "created_by")


def template_for(actor: Actor, template_id: int) -> Template:
    """One template that the actor may fill. Raises Hidden."""
    found = templates_for(actor).filter(pk=template_id).first()
    if found is None:
        raise Hidden(_("没有找到模板,或不在您的使用范围内。"))
    return found


def newest_edition(template: Template) -> Edition:
    """The edition in use."""
    return template.editions.get(number=template.newest)


# --- reports -------------------------------------------------------------------------------------


def plans_for(actor: Actor) -> QuerySet[ReportPlan]:
    """The report plans of the actor's area, each with the newest period frozen."""
    newest = Report.objects.filter(plan=OuterRef("pk")).order_by("-period").values("period")[:1]
    rows = ReportPlan.objects.filter(place_filter(actor, "sheets.read"))
    return rows.select_related("place", "made_by", "template").annotate(last_period=Subquery(newest))


def plan_for(actor: Actor, plan_id: int) -> ReportPlan:
    """One plan through the door."""
    rows = ReportPlan.objects.select_related("place", "made_by", "template")
    return open_door(rows, actor, "sheets.read", plan_id)


def reports_of(plan: ReportPlan) -> QuerySet[Report]:
    """The frozen editions of a plan."""
    return Report.objects.filter(plan=plan).select_related("frozen_by")


def report_for(actor: Actor, report_id: int) -> Report:
    """One frozen report through the door."""
    rows = Report.objects.select_related("plan", "place", "frozen_by", "output")
    return open_door(rows, actor, "sheets.read", report_id)


def reports_in(actor: Actor) -> QuerySet[Report]:
    """Every frozen report of the actor's area."""
    rows = Report.objects.filter(place_filter(actor, "sheets.read"))
    return rows.select_related("plan", "place", "frozen_by")


@dataclass(frozen=True)
class Verdict:
    """Whether a frozen report is what it was: its file, its rows, and the file built anew from the rows.

    ``rebuilt``: ``same`` byte for byte, ``looks`` different with the same content (another release lays
    workbooks out otherwise), or different ``figures``, of which ``differences`` are the first.
    """

    file: bool
    rows: bool
    rebuilt: str
    differences: Sequence[Differing] = ()


def verify_report(report: Report) -> Verdict:
    """Compute every hash of a report anew. Raises Unreadable when a piece was altered."""
    kept = b"".join(file_of(report.output))
    file = hashlib.sha256(kept).hexdigest() == report.sha256
    rows = rows_digest(report.output) == report.rows_sha256
    with tempfile.TemporaryDirectory() as folder:
        built = build(report.output, Path(folder)).read_bytes()
    if hashlib.sha256(built).hexdigest() == report.sha256:
        return Verdict(file, rows, "same")
    with_formulas = report.output.edition_id is not None
    if content_digest(kept, with_formulas=with_formulas) == content_digest(
        built, with_formulas=with_formulas
    ):
        return Verdict(file, rows, "looks")
    return Verdict(file, rows, "figures", first_differences(kept, built, with_formulas=with_formulas))


@dataclass
class Comparison:
    """Two frozen reports of one plan beside each other. ``lines``: the first differences, in words."""

    fields: list[Field]
    new: int = 0
    left: int = 0
    changed: int = 0
    same: int = 0
    by_field: dict[str, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)


def compare_reports(before: Report, after: Report) -> Comparison:
    """What came, left and changed from one frozen report to another: a merge of both, in constant memory."""
    source = source_named(before.plan.source)
    names = [n for n in after.output.fields if n in before.output.fields]
    found = Comparison(fields_of(source, names))
    left, right = _stream(before.output), _stream(after.output)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            assert a is not None  # noqa: S101 - one of the two is there
            found.left += 1
            _note(found, a[1], "left", [])
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            found.new += 1
            _note(found, b[1], "new", [])
            b = next(right, None)
        else:
            _both(found, names, before, after, a, b)
            a, b = next(left, None), next(right, None)
    return found


def _stream(output: Output) -> Iterator[list[Any]]:
    return (line for _text, lines in lines_of(output) for line in lines)


def _both(
    found: Comparison,
    names: Sequence[str],
    before: Report,
    after: Report,
    a: Sequence[Any],
    b: Sequence[Any],
) -> None:
    changes = []
    for number in range(max(len(a[2]), len(b[2]))):
        old = dict(zip(before.output.fields, a[2][number], strict=True)) if number < len(a[2]) else {}
        new = dict(zip(after.output.fields, b[2][number], strict=True)) if number < len(b[2]) else {}
        for each, name in zip(found.fields, names, strict=True):
            if old.get(name) != new.get(name):
                found.by_field[each.title] = found.by_field.get(each.title, 0) + 1
                changes.append((each.title, shown(each, old.get(name)), shown(each, new.get(name))))
    if changes:
        found.changed += 1
        _note(found, b[1], "changed", changes)
    else:
        found.same += 1


def _note(found: Comparison, key: str, kind: str, changes: Sequence[tuple[str, Any, Any]]) -> None:
    if len(found.lines) < SHOWN:
        found.lines.append({"key": key, "kind": kind, "changes": changes[:20]})


# --- sendings and read-backs -----------------------------------------------------------------------


def sendings_for(actor: Actor) -> QuerySet[Sending]:
    """The recorded sendings of the actor's area."""
    rows = Sending.objects.filter(place_filter(actor, "sheets.make"))
    return rows.select_related("place", "sent_by", "output")


def readbacks_for(actor: Actor) -> QuerySet[ReadBack]:
    """The read-backs of the actor's area."""
    rows = ReadBack.objects.filter(place_filter(actor, "sheets.make")).defer("sealed")
    return rows.select_related("place", "made_by")


def readback_for(actor: Actor, readback_id: int) -> ReadBack:
    """One read-back through the door."""
    rows = ReadBack.objects.select_related("place", "made_by").defer("sealed")
    return open_door(rows, actor, "sheets.make", readback_id)


def unsealed(readback: ReadBack, difference: Difference) -> dict[str, str]:
    """Both values of a difference, in the clear."""
    county = readback.county_id or readback.place_id
    label_uid = f"{readback.uid}:{difference.number}"
    found: dict[str, str] = json.loads(secrets.unseal(county, "difference", label_uid, difference.sealed))
    return found


def difference_lines(
    readback: ReadBack, rows: Iterable[Difference], *, clear: bool = False
) -> list[dict[str, Any]]:
    """Differences in words; secrets are masked (their length remains) unless the caller noted who sees them
    in the ``clear``.
    """
    known = {f.name: f for f in source_named(readback.source).fields}
    lines = []
    for row in rows:
        values = unsealed(readback, row)
        each = known.get(row.field)
        if each is not None and each.secret and not clear:
            values = {k: hide_numbers(v) for k, v in values.items()}
        place = named_row(readback.counts.get("sheets", ()), row.row) if row.row else ""
        lines.append({"difference": row, "title": each.title if each else "", "place": place, **values})
    return lines


def may_see_clear(actor: Actor, readback: ReadBack) -> bool:
    """Whether the actor may ask for the sealed values of a read-back in the clear."""
    return actor.may(source_named(readback.source).secret_permission)


def open_by_field(readback: ReadBack) -> list[dict[str, Any]]:
    """How many differences are open, by field and kind."""
    titles = {f.name: f.title for f in source_named(readback.source).fields}
    rows = readback.differences.filter(decision="").values("kind", "field").annotate(n=Count("id"))
    return [{**row, "title": titles.get(row["field"], "")} for row in rows.order_by("-n", "kind", "field")]
