"""Writes of the field window: telephones, what they take along, what they report, what was settled.

A report runs the very action that the page at a desk would run. Where that finds the register changed in the
meantime, nothing of it is written and the report is kept for a person to settle (``Report``).
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, Stale, invalid
from yuchang.core.secrets import seal, unseal
from yuchang.field.models import Device, Photo, Report
from yuchang.field.queries import CONTENT, DEVICE_KEY, Pack, content_of, devices_of, pack, report_for
from yuchang.field.rules import MOST_PHOTOS, Sent, clashes, device_until, is_number
from yuchang.files.actions import Upload, take_in
from yuchang.monitoring.actions import record_visit
from yuchang.monitoring.forms import VisitForm
from yuchang.monitoring.models import Alert
from yuchang.places.models import Place, keys_of
from yuchang.registry.actions import record_facts, register_household
from yuchang.registry.forms import FactsForm, MemberFormSet, NewHouseholdForm, people_typed
from yuchang.registry.models import Household, HouseholdFacts

KEY_BYTES = 32
MOST_DEVICES = 5
OF_NO_COUNTY = 0  # the data key of what belongs to a person, not to a place
State = Report.State


# --- telephones ---------------------------------------------------------------------------------


def open_device(*, actor: Actor, name: str, key: str) -> Device:
    """Make a telephone ready (``monitoring.visit``); ``key`` is its data key, base64 of 32 bytes.

    Raises Invalid for another key, Conflict when five telephones are ready already.
    """
    require(actor, "monitoring.visit")
    _check_key(key)
    with write("field.open_device", actor) as audit:
        _one_at_a_time(f"devices:{actor.user_id}")
        if devices_of(actor).filter(closed_at=None).count() >= MOST_DEVICES:
            raise Conflict(
                _("已有 %(count)s 部手机可以下乡使用。") % {"count": MOST_DEVICES},
                remedy=_("请先在“我的手机”中停用不再用的。"),
            )
        uid, now = uuid4(), clock.now()
        row = Device.objects.create(
            uid=uid,
            user_id=_person(actor),
            name=name.strip()[:80] or _("手机"),
            key_sealed=seal(OF_NO_COUNTY, DEVICE_KEY, uid, key),
            opened_at=now,
            expires_at=device_until(now),
        )
        audit.add("field_device", row.pk, name=row.name)
    return row


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Refused(_("须由具名人员办理。"))
    return actor.user_id


def _check_key(key: str) -> None:
    try:
        size = len(b64decode(key, validate=True))
    except (NotBase64, ValueError):
        size = 0
    if size != KEY_BYTES:
        raise invalid("key", _("手机没有给出密钥。"), _("请换用较新的浏览器。"))


def _one_at_a_time(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"field:{name}"])


def own_device(actor: Actor, uid: UUID, *, lock: bool = False) -> Device:
    """One's own telephone that is not closed. Raises Hidden, and Conflict when it is closed."""
    rows = devices_of(actor).select_for_update() if lock else devices_of(actor)
    row = rows.filter(uid=uid).first()
    if row is None:
        raise Hidden(_("这部手机没有登记在您名下。"), remedy=_("请用登记它的人登录，或重新准备。"))
    if row.closed_at is not None:
        raise Conflict(_("这部手机已停用。"), remedy=_("请重新准备这部手机。"))
    return row


def hand_key(*, actor: Actor, uid: UUID) -> tuple[Device, str]:
    """Give a telephone its key again, for a new PIN: a forgotten one, or one past its day, begins anew."""
    require(actor, "monitoring.visit")
    with write("field.hand_key", actor) as audit:
        row = own_device(actor, uid, lock=True)
        row.expires_at = device_until(clock.now())
        save(row)
        audit.add("field_device", row.pk, name=row.name)
        return row, unseal(OF_NO_COUNTY, DEVICE_KEY, row.uid, bytes(row.key_sealed or b""))


def close_device(*, actor: Actor, device_id: int, version: int | None) -> Device:
    """Close one's own telephone, for example a lost one: its key is gone, what it holds stays unreadable."""
    require(actor, "monitoring.visit")
    with write("field.close_device", actor) as audit:
        row = devices_of(actor).select_for_update().filter(pk=device_id).first()
        if row is None:
            raise Hidden(_("这部手机没有登记在您名下。"))
        check_version(row, version)
        if row.closed_at is not None:
            raise Conflict(_("这部手机已停用。"))
        row.closed_at, row.key_sealed = clock.now(), None
        save(row)
        audit.add("field_device", row.pk, name=row.name)
    return row


def close_devices_of(actor: Actor, *, user_id: int) -> int:
    """Somebody leaves: the person's telephones are closed. The caller keeps the account. Returns how many."""
    rows = Device.objects.filter(user_id=user_id, closed_at=None)
    if not rows.exists():
        return 0
    with write("field.close_devices", actor) as audit:
        found = list(rows.select_for_update().order_by("id"))
        for row in found:
            row.closed_at, row.key_sealed = clock.now(), None
            save(row)
            audit.add("field_device", row.pk, name=row.name)
    return len(found)


def take_along(*, actor: Actor, uid: UUID, village_id: int | None) -> Pack:
    """What the telephone may show without a network: a village's households, or those assigned.

    The log keeps who took how many of which village along. Raises Hidden for a village out of reach.
    """
    require(actor, "monitoring.visit")
    village = None
    if village_id is not None:
        village = open_door(Place.objects.filter(level=5), actor, "monitoring.visit", village_id)
    with write("field.take_along", actor) as audit:
        device = own_device(actor, uid, lock=True)
        if device.expires_at < clock.now():
            raise Conflict(_("这部手机到期了。"), remedy=_("请锁上后点“忘了口令”，重定口令再用。"))
        made = pack(actor, village)
        device.taken_at = clock.now()
        save(device)
        audit.add(
            "field_device",
            device.pk,
            place_id=village.pk if village else None,
            households=made.households,
            alerts=made.alerts,
        )
    return made


# --- reports ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Written:
    """What a report led to."""

    place: Place
    household: Household | None


def receive(*, actor: Actor, uid: UUID, sent: Sent) -> Report:
    """Write a report, once: the same number and content again gives the same answer.

    What the register refuses as wrong raises Invalid, Refused or Hidden, and nothing is kept: the telephone
    still has it. What contradicts a change made in the meantime is kept as a conflict. Raises Conflict for a
    number that was used for other content.
    """
    require(actor, "monitoring.visit")
    with write("field.receive", actor) as audit:
        _one_at_a_time(f"report:{actor.user_id}:{sent.number}")
        known = Report.objects.filter(user_id=actor.user_id or 0, number=UUID(sent.number)).first()
        if known is not None:
            audit.add("field_report", known.pk, place_id=known.place_id, again=True)
            return _same(known, sent)
        device = own_device(actor, uid)
        found = _subject(actor, sent)
        reason = ""
        try:
            with transaction.atomic():
                found = _write(actor, sent, found)
        except (Stale, Conflict) as error:
            reason = error.message
        row = _kept(actor, device, sent, found, reason)
        audit.add("field_report", row.pk, place_id=row.place_id, what=row.kind, state=row.state)
    return row


def _same(known: Report, sent: Sent) -> Report:
    if bytes(known.fingerprint) != sent.fingerprint:
        raise Conflict(_("同一编号已送过另一份内容。"), remedy=_("请在手机上把这份内容另存一份后再送。"))
    return known


def _kept(actor: Actor, device: Device, sent: Sent, found: _Written, reason: str) -> Report:
    number, place = UUID(sent.number), found.place
    sealed = None
    if reason:
        content = json.dumps([list(pair) for pair in sent.fields], ensure_ascii=False)
        sealed = seal(place.county_id or place.pk, CONTENT, number, content)
    return Report.objects.create(
        number=number,
        user_id=_person(actor),
        device=device,
        kind=sent.kind,
        state=State.CONFLICT if reason else State.WRITTEN,
        subject_id=sent.subject,
        household=found.household,
        read=sent.read,
        fingerprint=sent.fingerprint,
        content_sealed=sealed,
        reason=reason[:300],
        made_at=sent.made_at,
        received_at=clock.now(),
        place=place,
        **keys_of(place),
    )


def _subject(actor: Actor, sent: Sent) -> _Written:
    """Where the report belongs, through its door. Raises Refused, Hidden, Invalid."""
    if sent.kind == "visit":
        alerts = Alert.objects.select_related("place", "household")
        alert = open_door(alerts, actor, "monitoring.visit", sent.subject)
        return _Written(alert.place, alert.household)
    if sent.kind == "facts":
        households = Household.objects.select_related("place")
        household = open_door(households, actor, "registry.enter", sent.subject)
        return _Written(household.place, household)
    village = dict(sent.fields).get("village", "")
    if not village.isascii() or not village.isdigit():
        raise invalid("village", _("请选择行政村。"))
    villages = Place.objects.filter(level=5)
    return _Written(open_door(villages, actor, "registry.enter", int(village[:18])), None)


def _write(actor: Actor, sent: Sent, found: _Written) -> _Written:
    if sent.kind == "visit":
        _write_visit(actor, sent, version=sent.read)
    elif sent.kind == "facts":
        _write_facts(actor, sent)
    else:
        return _Written(found.place, _write_entry(actor, sent))
    return found


def posted(sent: Sent) -> QueryDict:
    """The report as a browser would have posted it."""
    data = QueryDict(mutable=True)
    for name, value in sent.fields:
        data.appendlist(name, value)
    return data


def _write_visit(actor: Actor, sent: Sent, *, version: int) -> None:
    data = posted(sent)
    data["version"] = str(version)
    form = VisitForm(data)
    _require(form)
    record_visit(actor=actor, alert_id=sent.subject, **form.cleaned_data)


def _require(form: Any) -> None:
    """Raises Invalid with every error of the form, each at its field."""
    if not form.is_valid():
        raise Invalid([Problem(name, str(text)) for name, errors in form.errors.items() for text in errors])


def _write_facts(actor: Actor, sent: Sent) -> None:
    form = FactsForm(posted(sent))
    _require(form)
    mine = form.facts()
    if not mine:
        raise invalid("", _("没有填写任何一项。"), _("请至少填写一项看到的情况。"))
    _require_unchanged(sent, mine)
    record_facts(
        actor=actor,
        household_id=sent.subject,
        observed_on=form.cleaned_data["observed_on"],
        source=form.cleaned_data["source"],
        facts=mine,
    )


def _require_unchanged(sent: Sent, mine: dict[str, Any]) -> None:
    """Raise Stale when somebody has observed something else since the telephone took the facts along."""
    rows = HouseholdFacts.objects.filter(household_id=sent.subject)
    newest = rows.order_by("-observed_on", "-id").values("pk", *mine).first()
    if newest is None or newest["pk"] == sent.read:
        return
    taken = rows.filter(pk=sent.read).values(*mine).first() or {}
    if clashes(taken, newest, mine):
        raise Stale(_("带走资料之后，别人更新过这户的同一项情况，且与这里填的不同。"))


def _write_entry(actor: Actor, sent: Sent) -> Household:
    data = posted(sent)
    villages = Place.objects.filter(place_filter(actor, "registry.enter"), level=5, valid_to=None)
    form, members = NewHouseholdForm(data, villages=villages), MemberFormSet(data, prefix="m")
    problems = [Problem(name, str(text)) for name, errors in form.errors.items() for text in errors]
    for number, member in enumerate(members.forms):
        for name, found in member.errors.items():
            problems += [Problem(f"m-{number}-{name}", str(text)) for text in found]
    problems += [Problem("", str(text)) for text in members.non_form_errors()]
    if problems:
        raise Invalid(problems)
    return register_household(
        actor=actor,
        village_id=form.cleaned_data["village"].pk,
        entry=form.entry(form.cleaned_data["number"], people_typed(members, {}), None),
        observed_on=form.cleaned_data["observed_on"],
    )


def receive_photo(*, actor: Actor, number: str, photo: str, upload: Upload) -> Photo:
    """Keep a photo of one's own report with its household, once: the same number again changes nothing.

    Raises Hidden for a report that never arrived, Conflict beyond ``MOST_PHOTOS``, Invalid for no picture.
    """
    require(actor, "monitoring.visit")
    if not (is_number(number) and is_number(photo)):
        raise invalid("number", _("收到的内容读不懂。"), _("请更新手机上的页面后再送一次。"))
    with write("field.receive_photo", actor) as audit:
        _one_at_a_time(f"report:{actor.user_id}:{number}")
        rows = Report.objects.select_related("place").filter(user_id=actor.user_id or 0, number=UUID(number))
        report = rows.first()
        if report is None or report.household_id is None:
            raise Hidden(_("照片所属的回传还没有收到。"), remedy=_("请先送回填写的内容。"))
        made = report.photos.filter(number=UUID(photo)).first() or _photo(actor, report, photo, upload)
        audit.add("file", made.file_id, place_id=report.place_id, report=report.pk)
    return made


def _photo(actor: Actor, report: Report, photo: str, upload: Upload) -> Photo:
    if report.photos.count() >= MOST_PHOTOS:
        raise Conflict(_("一份回传最多 %(count)s 张照片。") % {"count": MOST_PHOTOS})
    kept = take_in(
        actor,
        upload=upload,
        purpose="visit_photo",
        place=report.place,
        about_kind="household",
        about_id=report.household_id or 0,
        title=report.get_kind_display(),
    )
    return Photo.objects.create(report=report, number=UUID(photo), file=kept)


# --- conflicts ----------------------------------------------------------------------------------


def settle_report(*, actor: Actor, report_id: int, version: int | None, fields: dict[str, Any]) -> Report:
    """Write a contradicting report after all, as a person now decides it.

    ``fields`` are the values to write instead of those sent (name → value or values); whatever stands in the
    register now is taken as read. Only who sent it. Raises Stale, Conflict (not waiting), Invalid, Refused.
    """
    with write("field.settle_report", actor) as audit:
        row = _waiting(actor, report_id, version)
        if row.user_id != actor.user_id:
            raise Refused(_("谁到的户，谁来核对写入。"), remedy=_("请联系送来这份内容的人。"))
        sent = content_of(row)
        merged = [(name, value) for name, value in sent.fields if name not in fields]
        for name, value in fields.items():
            merged += [(name, one) for one in (value if isinstance(value, list) else [value])]
        now = Sent(sent.number, sent.kind, sent.subject, _newest_read(row), sent.made_at, tuple(merged))
        written = _write(actor, now, _subject(actor, now))
        row.household = written.household
        _settle(actor, row, State.SETTLED, _("核对后写入。"))
        audit.add("field_report", row.pk, place_id=row.place_id, what=row.kind)
    return row


def drop_report(*, actor: Actor, report_id: int, version: int | None, reason: str) -> Report:
    """Set a contradicting report aside, with the reason; it stays readable. Raises Stale, Conflict."""
    if len(reason.strip()) < 2:
        raise invalid("reason", _("请写明不写入的原因。"))
    with write("field.drop_report", actor) as audit:
        row = _waiting(actor, report_id, version)
        _settle(actor, row, State.DROPPED, reason.strip()[:300])
        audit.add("field_report", row.pk, place_id=row.place_id, reason=row.settled_words)
    return row


def _waiting(actor: Actor, report_id: int, version: int | None) -> Report:
    row = report_for(actor, report_id, lock=True)
    check_version(row, version)
    if row.state != State.CONFLICT:
        raise Conflict(_("这份回传已经处理。"))
    return row


def _settle(actor: Actor, row: Report, state: str, words: str) -> None:
    row.state, row.settled_words = state, words
    row.settled_by_id, row.settled_at = _person(actor), clock.now()
    save(row)


def _newest_read(row: Report) -> int:
    """What stands in the register now, as a telephone would have read it."""
    if row.kind == "visit":
        return Alert.objects.values_list("version", flat=True).get(pk=row.subject_id)
    newest = HouseholdFacts.objects.filter(household_id=row.subject_id).order_by("-observed_on", "-id")
    return newest.values_list("pk", flat=True).first() or 0
