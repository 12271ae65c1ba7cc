"""Publishing to the public zone, and taking in what it received."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.core.queries import log_state
from yuchang.places.models import Place
from yuchang.portal.models import ObjectionIntake, PublishedCounty, PublishedNotice, PublishedNoticeEntry
from yuchang.portal.queries import county_figures
from yuchang.portal.rules import content_hash
from yuchang.registry import models as registry
from yuchang.registry.actions import take_in_objections

PUBLISH = "portal.publish"
TEXT_MIN, TEXT_MAX = 10, 1000


def publish_county_figures(
    *, actor: Actor, county_id: int, from_on: date, as_of: date | None = None
) -> PublishedCounty:
    """Publish a county's totals as they stand: a new row, the older ones stay.

    Raises Hidden, Refused, Invalid for dates that make no sense.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    until = as_of or clock.today()
    if from_on > until:
        raise invalid("from_on", _("起始日期晚于截止日期。"), _("请改正日期。"))
    with actions.write("portal.publish_county_figures", actor) as audit:
        figures, log = county_figures(county, from_on, until), log_state()
        row = PublishedCounty.objects.create(
            county_id=county.pk,
            county_code=county.code,
            county_name=county.name,
            region_name=county.full_name,
            from_on=from_on,
            as_of=until,
            households_listed=figures.households_listed,
            matched_count=figures.matched_count,
            matched_fen=figures.matched_fen,
            sold_fen=figures.sold_fen,
            paid_fen=figures.paid_fen,
            households_paid=figures.households_paid,
            causes=figures.causes,
            sankey=figures.sankey,
            content_hash=content_hash(figures.as_text()),
            log_size=log.size,
            log_root=log.root,
            published_at=clock.now(),
        )
        audit.add("published_county", row.pk, place_id=county.pk, content_hash=row.content_hash)
    return row


def publish_notices(*, actor: Actor, county_id: int) -> tuple[int, int]:
    """Bring the public copies in line with the live notices of a county: (shown, removed).

    Repeating it changes nothing. Raises Hidden, Refused.
    """
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, PUBLISH, county_id)
    with actions.write("portal.publish_notices", actor) as audit:
        live = list(registry.PublicNotice.objects.filter(county_id=county.pk))
        codes = {row.notice_code for row in live}
        removed, _kinds = PublishedNotice.objects.filter(county_id=county.pk).exclude(code__in=codes).delete()
        townships = dict(
            Place.objects.filter(pk__in={row.township_id for row in live}).values_list("pk", "name")
        )
        notices = {
            row.notice_code: PublishedNotice(
                code=row.notice_code,
                county_id=county.pk,
                county_code=county.code,
                township_name=townships.get(row.township_id, ""),
                village_name=row.village_name,
                opens_on=row.opens_on,
                expires_on=row.closes_on,
                published_at=clock.now(),
            )
            for row in live
        }
        PublishedNotice.objects.bulk_create(notices.values(), ignore_conflicts=True)
        numbers = dict(PublishedNotice.objects.filter(code__in=codes).values_list("code", "pk"))
        shown = {row.entry_code for row in live}
        PublishedNoticeEntry.objects.filter(notice_id__in=numbers.values()).exclude(code__in=shown).delete()
        entries = [
            PublishedNoticeEntry(
                notice_id=numbers[row.notice_code],
                code=row.entry_code,
                masked_name=row.masked_name,
                size=row.size,
                cause_group=row.cause_group,
            )
            for row in live
        ]
        PublishedNoticeEntry.objects.bulk_create(entries, ignore_conflicts=True, batch_size=2000)
        audit.add("published_notices", county.pk, place_id=county.pk, shown=len(shown), removed=removed)
    return len(shown), removed


def collect_objections(*, actor: Actor) -> int:
    """Hand what the public zone received over to the register, once. Returns how many were taken.

    Two collectors at a time share the work: a row is locked by one of them. Raises Refused.
    """
    if actor != SYSTEM:
        require(actor, PUBLISH)
    with actions.write("portal.collect_objections", actor) as audit:
        waiting = list(
            ObjectionIntake.objects.select_for_update(skip_locked=True)
            .filter(collected_at__isnull=True)
            .order_by("id")[:1000]
        )
        registry.ObjectionIntake.objects.bulk_create(
            registry.ObjectionIntake(entry_code=row.entry_code, text=row.text) for row in waiting
        )
        ObjectionIntake.objects.filter(pk__in=[row.pk for row in waiting]).update(collected_at=clock.now())
        take_in_objections(actor=actor)
        audit.add("objection_intake", "-", taken=len(waiting), receipts=[row.receipt for row in waiting])
    return len(waiting)


def sender_hash(network_address: str) -> str:
    """A keyed hash of an address: enough to count one sender's objections, useless to find the sender."""
    return hmac.new(settings.SECRET_KEY.encode(), network_address.encode(), hashlib.sha256).hexdigest()


def receive_objection(*, entry_code: str, text: str, network_address: str) -> str:
    """Store an objection from the public zone, under its own database role. Returns the receipt code.

    The only write without an actor and an audit entry: the public role can add here and nowhere else; the
    entry in the log is made when it is collected. Raises Invalid, Hidden, Conflict (too many in an hour).
    """
    text = text.strip()
    if not TEXT_MIN <= len(text) <= TEXT_MAX:
        raise invalid("text", _("请用十到一千个字写明您的异议。"))
    row = ObjectionIntake(
        entry_code=entry_code,
        text=text,
        sender_hash=sender_hash(network_address),
        received_at=clock.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except DatabaseError as error:
        raise _told(error) from error
    return row.receipt


def _told(error: DatabaseError) -> Exception:
    state = getattr(error.__cause__, "sqlstate", "")
    if state == "YC429":
        return Conflict(
            _("一小时内已从您所在的网络收到五份异议。"),
            remedy=_("请一小时后再提交，或直接向村委会、乡镇提出。"),
        )
    if state == "YC404":
        return Hidden(
            _("这份公示已经结束，或编号有误。"), remedy=_("公示结束后，请直接向乡镇或县乡村振兴部门反映。")
        )
    return error
