"""Drafts from a whole resource sheet: everything a household or village declared, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem
from yuchang.exchange.actions.postings import check_facts, post_many, save_unless_twin
from yuchang.exchange.models import Posting
from yuchang.exchange.queries import side_filter
from yuchang.exchange.sheet import Line, sheet_of
from yuchang.places.models import Place
from yuchang.registry.models import Household

DRAFTS_MAX = 1000


@dataclass(frozen=True)
class Drafted:
    """How many drafts a sheet gave, and the lines that gave none, each with its ``why``."""

    count: int
    left_out: tuple[Line, ...]


def draft_from_sheet(
    *, actor: Actor, village_id: int | None = None, household_id: int | None = None
) -> Drafted:
    """Make a draft of every declared resource of a household, or of a village and all its households.

    One step, all or nothing; a resource that is posted already is left alone, so doing it twice makes
    nothing twice. Drafts have no price and are not cleared until reviewed (``publish_drafts``). Raises
    Hidden out of reach.
    """
    require(actor, "exchange.post")
    place = None
    if household_id is not None:
        open_door(Household.objects.all(), actor, "exchange.post", household_id)
    else:
        place = open_door(Place.objects.filter(level=5), actor, "exchange.post", village_id).pk
    lines = sheet_of(village_id=place, household_id=household_id, today=clock.today())
    ready = [line.facts for line in lines if line.facts is not None][:DRAFTS_MAX]
    count = post_many(actor=actor, rows=ready)
    return Drafted(count, tuple(line for line in lines if line.why))


@dataclass(frozen=True)
class Reviewed:
    """One draft as reviewed: its price and window; the quantity may be made smaller."""

    posting_id: int
    version: int
    limit_fen: int
    quantity: int
    window_from: date
    window_to: date


def publish_drafts(*, actor: Actor, rows: Sequence[Reviewed]) -> int:
    """Publish reviewed drafts, all or nothing. Raises Invalid naming each row at fault, Hidden, Stale."""
    if not rows:
        raise Invalid([Problem("drafts", _("没有选择要发布的草稿。"), _("请先勾选。"))])
    with write("exchange.publish_drafts", actor) as audit:
        require(actor, "exchange.post")
        wanted = {one.posting_id: one for one in rows}
        found = Posting.objects.filter(side_filter(actor, "exchange.post"), pk__in=wanted)
        drafts = list(found.select_related("category").order_by("pk").select_for_update(of=("self",)))
        if len(drafts) < len(wanted):
            raise Hidden(_("没有找到，或不在您的管辖范围内。"))
        for row in drafts:
            _review(row, wanted[row.pk])
            audit.add("posting", row.pk, place_id=row.place_id, quantity=row.quantity)
    return len(drafts)


def _review(row: Posting, one: Reviewed) -> None:
    check_version(row, one.version)
    if row.state != Posting.State.DRAFT:
        raise Conflict(_("只有草稿可以发布。"), remedy=_("请刷新页面。"))
    row.quantity, row.limit_fen = one.quantity, one.limit_fen
    row.window_from, row.window_to = one.window_from, one.window_to
    check_facts(row)
    row.state = Posting.State.OPEN
    save_unless_twin(row)
