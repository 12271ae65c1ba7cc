"""What of a household's or village's resource sheet can be posted, and why the rest cannot. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import HOLDING_RESOURCE, Category, Posting
from yuchang.exchange.queries import side_filter
from yuchang.exchange.rules import PostingFacts, convert_quantity, posting_flaws, year_on
from yuchang.exchange.words import problem_of, unit_said, unit_word
from yuchang.registry.models import Resource

LINES_MAX = 5000


@dataclass(frozen=True)
class Line:
    """One declared resource: the draft it gives (``facts``), or ``why`` it gives none."""

    resource: Resource
    category: Category | None
    facts: PostingFacts | None
    why: str = ""


def sheet_of(*, village_id: int | None, household_id: int | None, today: date) -> list[Line]:
    """Every resource that is declared and not posted, in order; the caller has opened the owner."""
    live = Posting.objects.filter(resource=OuterRef("pk"), state__in=HOLDING_RESOURCE)
    whose = Q(household_id=household_id) if household_id is not None else Q(village_id=village_id)
    rows = Resource.objects.filter(whose, withdrawn_at=None).exclude(household__state="removed")
    rows = rows.exclude(Exists(live)).select_related("household", "place").order_by("household_id", "id")
    found = list(rows[:LINES_MAX])
    names = Category.objects.in_bulk({row.category for row in found})
    return list(_lines(found, names, today))


def _lines(rows: list[Resource], names: dict[str, Category], today: date) -> Iterator[Line]:
    for row in rows:
        category = names.get(row.category)
        if category is None or not category.is_leaf:
            yield Line(
                row, category, None, _("品类“%(code)s”不在品类表中，请先更正资源。") % {"code": row.category}
            )
            continue
        quantity = convert_quantity(row.quantity, row.unit, category.unit)
        if quantity is None:
            values = {"n": row.quantity, "from": unit_said(row.unit, category), "to": unit_word(category)}
            yield Line(row, category, None, _("%(n)d %(from)s不能折算为整数的%(to)s，请单独发布。") % values)
            continue
        facts = draft_of(row, category, quantity, today)
        flaw = next(posting_flaws(facts, {category.code: category.unit}, today), None)
        why = problem_of(flaw).message if flaw else ""
        yield Line(row, category, None if flaw else facts, why)


def draft_of(row: Resource, category: Category, quantity: int, today: date) -> PostingFacts:
    """The draft of one resource: its season from today on, or a year; no price yet."""
    begins = row.season_from or today
    return PostingFacts(
        direction=row.direction,
        category=category.code,
        quantity=quantity,
        limit_fen=0,
        window_from=begins if _is_over(row, today) else max(begins, today),
        window_to=row.season_to or max(year_on(today), begins),
        household_id=row.household_id,
        village_id=None if row.household_id else row.place_id,
        resource_id=row.pk,
        note=row.note,
        is_draft=True,
        entered_unit=row.unit if row.unit != category.unit else "",
    )


def _is_over(row: Resource, today: date) -> bool:
    return row.season_to is not None and row.season_to < today


def drafts_of(actor: Actor, *, village_id: int | None, household_id: int | None) -> QuerySet[Posting]:
    """The drafts of a household, or of a village and its households, that the actor may publish."""
    rows = Posting.objects.filter(side_filter(actor, "exchange.post"), state=Posting.State.DRAFT)
    rows = rows.filter(organisation=None)
    whose = Q(household_id=household_id) if household_id is not None else Q(village_id=village_id)
    return rows.filter(whose).select_related("category", "household", "place").order_by("id")


def usual_limits(village_id: int, rows: Sequence[Posting]) -> dict[int, int]:
    """What the village's own side asked or paid last for the same: a limit to begin a review with.

    By posting. Own limits only, so nothing of anybody else's is told. One query.
    """
    kinds = {(row.category_id, row.direction) for row in rows}
    own = Posting.objects.filter(village_id=village_id, organisation=None, limit_fen__gt=0)
    own = own.filter(category__in={code for code, _direction in kinds}).exclude(state="draft")
    last = own.order_by("category", "direction", "-id").distinct("category", "direction")
    found = {(c, d): limit for c, d, limit in last.values_list("category", "direction", "limit_fen")}
    return {r.pk: found[r.category_id, r.direction] for r in rows if (r.category_id, r.direction) in found}
