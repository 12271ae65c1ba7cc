"""Public notices of verified households."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from django.db import connection
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, invalid
from yuchang.places.models import Place, keys_of
from yuchang.registry.actions.cases import end_notices, open_notices
from yuchang.registry.codes import CAUSE_GROUPS
from yuchang.registry.models import Household, Notice, NoticeEntry
from yuchang.registry.rules import mask_name

State = Household.State
MIN_DAYS, MAX_DAYS = 5, 60


def publish_notice(
    *, actor: Actor, village_id: int, household_ids: Sequence[int], opens_on: date, days: int = 7
) -> Notice:
    """Show verified households of one village in public, masked, for ``days`` days (``registry.publish``).

    Raises Conflict when one of them is not verified, Invalid for fewer than 5 or more than 60 days.
    """
    _require_days(days)
    with write("registry.publish_notice", actor) as audit:
        village = open_door(Place.objects.filter(level=5), actor, "registry.publish", village_id)
        rows = _verified(actor).filter(village_id=village.pk, pk__in=list(household_ids)).select_for_update()
        households = list(rows)
        if not households or len(households) != len(set(household_ids)):
            raise Conflict(
                _("所选的户中有未经核实、不在本村或已在公示的。"), remedy=_("请刷新列表,只选择已核实的户。")
            )
        notice = _make([(village, households)], actor, opens_on, days)[0]
        audit.add(
            "notice", notice.pk, place_id=village.pk, households=len(households), closes_on=notice.closes_on
        )
    return notice


def publish_notices(*, actor: Actor, opens_on: date, days: int = 7, county_id: int | None = None) -> int:
    """A notice for every village of the actor's area with verified households. Returns the notices made."""
    require(actor, "registry.publish")
    _require_days(days)
    with write("registry.publish_notices", actor) as audit:
        rows = _verified(actor)
        if county_id is not None:
            rows = rows.filter(county_id=county_id)
        by_village: dict[int, list[Household]] = defaultdict(list)
        for household in rows.select_for_update().only(
            "id", "place_id", "head_name", "size", "main_cause", "state"
        ):
            by_village[household.place_id].append(household)
        if not by_village:
            raise Conflict(_("没有已核实、待公示的户。"), remedy=_("请先完成核实。"))
        places = Place.objects.in_bulk(list(by_village))
        notices = _make([(places[p], found) for p, found in by_village.items()], actor, opens_on, days)
        audit.add_bulk(
            "notice",
            "SELECT id::text, place_id, jsonb_build_object('closes_on', closes_on) FROM registry_notice"
            " WHERE id = ANY(%s)",
            [[n.pk for n in notices]],
        )
    return len(notices)


def _require_days(days: int) -> None:
    if not MIN_DAYS <= days <= MAX_DAYS:
        raise invalid(
            "days",
            _("公示期为 %(days)s 天,应在 %(low)s 至 %(high)s 天之间。")
            % {"days": days, "low": MIN_DAYS, "high": MAX_DAYS},
        )


def _verified(actor: Actor) -> QuerySet[Household]:
    return Household.objects.filter(place_filter(actor, "registry.publish"), state=State.VERIFIED)


def _make(
    villages: Sequence[tuple[Place, Sequence[Household]]], actor: Actor, opens_on: date, days: int
) -> list[Notice]:
    notices = Notice.objects.bulk_create(
        Notice(
            place=village,
            **keys_of(village),
            opens_on=opens_on,
            closes_on=opens_on + timedelta(days=days - 1),
            published_by_id=actor.user_id,
        )
        for village, _households in villages
    )
    NoticeEntry.objects.bulk_create(
        (
            NoticeEntry(
                notice=notice,
                household=household,
                masked_name=mask_name(household.head_name),
                size=household.size,
                cause_group=CAUSE_GROUPS[household.main_cause],
            )
            for notice, (_village, households) in zip(notices, villages, strict=True)
            for household in households
        ),
        batch_size=2000,
    )
    ids = [h.pk for _village, households in villages for h in households]
    Household.objects.filter(pk__in=ids).update(
        state=State.NOTICED, version=F("version") + 1, updated_at=clock.now()
    )
    open_notices(actor, [n.pk for n in notices])
    return notices


def close_notice(*, actor: Actor, notice_id: int, version: int | None) -> Notice:
    """After its last day: list the households without an upheld objection, withhold the others.

    Raises Conflict while days are left or an objection is open.
    """
    with write("registry.close_notice", actor) as audit:
        notice = open_door(Notice.objects.all(), actor, "registry.publish", notice_id, lock=True)
        check_version(notice, version)
        if notice.state != Notice.State.OPEN:
            raise Conflict(_("这次公示已经结束。"))
        if clock.today() <= notice.closes_on:
            raise Conflict(
                _("公示到 %(day)s 才满期。") % {"day": notice.closes_on}, remedy=_("请在期满次日办理。")
            )
        if notice.entries.filter(objections__state="open").exists():
            raise Conflict(_("还有异议没有处理。"), remedy=_("请先处理全部异议。"))
        notice.state, notice.closed_by_id, notice.closed_at = Notice.State.CLOSED, actor.user_id, clock.now()
        save(notice)
        _list_households([notice.pk])
        end_notices(actor, [notice.pk])
        audit.add("notice", notice.pk, place_id=notice.place_id)
    return notice


def close_notices(*, actor: Actor) -> int:
    """Close every notice of the actor's area that is over and has no open objection. Returns how many."""
    require(actor, "registry.publish")
    with write("registry.close_notices", actor) as audit:
        over = Notice.objects.filter(
            place_filter(actor, "registry.publish"), state=Notice.State.OPEN, closes_on__lt=clock.today()
        ).select_for_update()
        ids = [n.pk for n in over if not n.entries.filter(objections__state="open").exists()]
        Notice.objects.filter(pk__in=ids).update(
            state=Notice.State.CLOSED,
            closed_by_id=actor.user_id,
            closed_at=clock.now(),
            version=F("version") + 1,
        )
        _list_households(ids)
        end_notices(actor, ids)
        audit.add_bulk(
            "notice",
            "SELECT id::text, place_id, jsonb_build_object('closed', true) FROM registry_notice"
            " WHERE id = ANY(%s)",
            [ids],
        )
    return len(ids)


_CLOSE = """
UPDATE registry_noticeentry e SET outcome = CASE WHEN EXISTS (
        SELECT 1 FROM registry_objection o WHERE o.entry_id = e.id AND o.state = 'upheld')
    THEN 'withheld' ELSE 'listed' END
WHERE e.notice_id = ANY(%s)
"""
# A withheld household goes back to be entered anew: the objection says what was wrong.
_LIST = """
UPDATE registry_household h SET version = h.version + 1, updated_at = %s,
    state = CASE WHEN e.outcome = 'listed' THEN 'listed' ELSE 'entered' END,
    listed_on = CASE WHEN e.outcome = 'listed' THEN %s::date END,
    verified_by_id = CASE WHEN e.outcome = 'listed' THEN h.verified_by_id END,
    verified_at = CASE WHEN e.outcome = 'listed' THEN h.verified_at END
FROM registry_noticeentry e
WHERE e.notice_id = ANY(%s) AND e.household_id = h.id AND h.state = 'noticed'
"""


def _list_households(notice_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, [list(notice_ids)])
        cursor.execute(_LIST, [clock.now(), clock.today(), list(notice_ids)])
