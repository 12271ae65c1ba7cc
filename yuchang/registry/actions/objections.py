"""Objections to a notice: raised by a cadre for a villager, or taken in from the public page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Refused, invalid
from yuchang.places.models import keys_of
from yuchang.registry.actions.cases import end_objection, open_objection
from yuchang.registry.models import Notice, NoticeEntry, Objection


def raise_objection(*, actor: Actor, entry_id: int, text: str) -> Objection:
    """Note a villager's objection to an entry of a live notice (``registry.enter``)."""
    if len(text.strip()) < 5:
        raise invalid("text", _("请写明异议的内容和理由。"))
    with write("registry.raise_objection", actor) as audit:
        within = place_filter(actor, "registry.enter", prefix="notice__")
        rows = NoticeEntry.objects.select_related("notice__place", "household")
        entry = open_door(rows, actor, "registry.enter", entry_id, within=within)
        if not _is_live(entry, clock.today()):
            raise Conflict(_("公示已经结束,不再受理异议。"), remedy=_("请直接更正该户的信息。"))
        objection = _note(entry, text, Objection.Origin.CADRE, actor.user_id)
        open_objection(actor, objection)
        audit.add("objection", objection.pk, place_id=objection.place_id, household=entry.household_id)
    return objection


def _is_live(entry: NoticeEntry, day: date) -> bool:
    notice = entry.notice
    return notice.state == Notice.State.OPEN and notice.opens_on <= day <= notice.closes_on


def _note(entry: NoticeEntry, text: str, origin: str, raised_by_id: int | None) -> Objection:
    return Objection.objects.create(
        place=entry.notice.place,
        **keys_of(entry.notice.place),
        entry=entry,
        origin=origin,
        text=text.strip()[:1000],
        raised_at=clock.now(),
        raised_by_id=raised_by_id,
        household_entered_by_id=entry.household.entered_by_id,
    )


@dataclass(frozen=True)
class Received:
    """An objection as the public page received it: the entry's public code, the text, the moment."""

    entry_code: str
    text: str
    received_at: datetime


def take_in_objections(*, actor: Actor, received: Sequence[Received]) -> list[int | None]:
    """Turn what the public page received into objections (``registry.publish``, or the system).

    Returns their numbers in order; None where the code names no entry, or the notice was closed before.
    What came while the notice was live counts, however long its way to the inside was.
    """
    if actor.user_id is not None:
        require(actor, "registry.publish")
    taken: list[int | None] = []
    with write("registry.take_in_objections", actor) as audit:
        rows = NoticeEntry.objects.select_related("notice__place", "household")
        entries = {
            row.public_code: row for row in rows.filter(public_code__in=[r.entry_code for r in received])
        }
        for item in received:
            entry = entries.get(item.entry_code)
            if entry is None or not _is_live(entry, timezone.localdate(item.received_at)):
                taken.append(None)
                continue
            objection = _note(entry, item.text, Objection.Origin.PORTAL, None)
            open_objection(SYSTEM, objection)
            audit.add("objection", objection.pk, place_id=objection.place_id)
            taken.append(objection.pk)
        audit.add("objection_intake", "all", taken=len([pk for pk in taken if pk]), received=len(taken))
    return taken


def decide_objection(
    *, actor: Actor, objection_id: int, version: int | None, upheld: bool, reason: str
) -> Objection:
    """Decide it (``registry.decide_objection``).

    Raises Refused for who entered the household or raised the objection, Conflict when decided.
    """
    if len(reason.strip()) < 5:
        raise invalid("reason", _("请写明处理的理由。"))
    with write("registry.decide_objection", actor) as audit:
        objection = open_door(
            Objection.objects.all(), actor, "registry.decide_objection", objection_id, lock=True
        )
        check_version(objection, version)
        if objection.state != Objection.State.OPEN:
            raise Conflict(_("这条异议已经处理。"))
        if actor.user_id in (objection.household_entered_by_id, objection.raised_by_id):
            raise Refused(
                _("录入该户或提出异议的人不能处理这条异议。"), remedy=_("请由另一名有权限的同事处理。")
            )
        objection.state = Objection.State.UPHELD if upheld else Objection.State.REJECTED
        objection.decided_by_id, objection.decided_at = actor.user_id, clock.now()
        objection.reason = reason.strip()[:500]
        save(objection)
        end_objection(actor, objection)
        audit.add("objection", objection.pk, place_id=objection.place_id, state=objection.state)
    return objection
