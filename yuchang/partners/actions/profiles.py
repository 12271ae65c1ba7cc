"""What an organisation says of itself: contact persons, capabilities, markets, goals, needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require_proof
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Problem, invalid
from yuchang.core.secrets import seal, unseal
from yuchang.partners.actions.organisations import open_own
from yuchang.partners.models import ContactPerson, Organisation, ProfileLine
from yuchang.partners.queries import kept_by
from yuchang.partners.rules import AMOUNT_MAX, is_phone
from yuchang.places.models import Place

CONTACT_PHONE = "contact.phone"
LINES_MAX, CONTACTS_MAX = 100, 20


@dataclass(frozen=True)
class LineFacts:
    """One line of a profile. A market needs ``place_id``; ``quantity`` whole ``unit``s a year."""

    kind: str
    text: str
    category: str = ""
    quantity: int | None = None
    unit: str = ""
    place_id: int | None = None
    until: date | None = None


def add_line(*, actor: Actor, organisation_id: int, facts: LineFacts) -> ProfileLine:
    """Add a line to the own profile (``partners.own``), or to that of an organisation one hosts."""
    problems = list(_line_problems(facts))
    if problems:
        raise Invalid(problems)
    with write("partners.add_line", actor) as audit:
        row = open_own(actor, organisation_id)
        live = ProfileLine.objects.filter(organisation=row, ended_at=None)
        if live.count() >= LINES_MAX:
            raise Conflict(_("资料最多 %(n)d 条。") % {"n": LINES_MAX}, remedy=_("请先结束不再有效的。"))
        same = live.filter(kind=facts.kind, text=facts.text.strip(), **{"place_id": facts.place_id})
        if same.exists():
            raise Conflict(_("已有同样的一条。"))
        line = ProfileLine.objects.create(
            organisation=row,
            kind=facts.kind,
            text=facts.text.strip(),
            category=facts.category,
            quantity=facts.quantity,
            unit=facts.unit.strip(),
            place_id=facts.place_id,
            until=facts.until,
            entered_by_id=actor.user_id,
        )
        audit.add("profile_line", line.pk, place_id=row.host_id, organisation=row.pk, type=line.kind)
    return line


def _line_problems(facts: LineFacts) -> list[Problem]:
    found = []
    if facts.kind not in ProfileLine.Kind.values:
        found.append(Problem("kind", _("不认识的资料类型。")))
    if not facts.text.strip() or len(facts.text.strip()) > 120:
        found.append(Problem("text", _("请写明内容，不超过 120 字。")))
    if facts.quantity is not None and not 0 < facts.quantity <= AMOUNT_MAX:
        found.append(Problem("quantity", _("数量须为正整数。")))
    if facts.quantity is not None and not facts.unit.strip():
        found.append(Problem("unit", _("请写明数量的单位。")))
    is_market = facts.kind == ProfileLine.Kind.MARKET
    if is_market and not Place.objects.filter(pk=facts.place_id or 0).exists():
        found.append(Problem("place", _("市场须说明在哪个地区。"), _("请填写区划代码。")))
    if facts.until is not None and facts.until < clock.today():
        found.append(Problem("until", _("日期已过。")))
    return found


def end_line(*, actor: Actor, line_id: int, version: int) -> ProfileLine:
    """A line no longer holds."""
    with write("partners.end_line", actor) as audit:
        rows = ProfileLine.objects.select_related("organisation").filter(ended_at=None)
        permission, within = kept_by(actor, "organisation__")
        line = open_door(rows, actor, permission, line_id, within=within, lock=True)
        check_version(line, version)
        line.ended_at = clock.now()
        save(line)
        audit.add("profile_line", line.pk, place_id=line.organisation.host_id)
    return line


def add_contact(*, actor: Actor, organisation_id: int, name: str, duty: str, phone: str) -> ContactPerson:
    """Name somebody to talk to; the telephone is sealed at once."""
    if not name.strip():
        raise invalid("name", _("请写明姓名。"))
    if phone and not is_phone(phone):
        raise invalid("phone", _("电话号码格式不对。"), _("请填写 7 至 12 位数字。"))
    with write("partners.add_contact", actor) as audit:
        row = open_own(actor, organisation_id)
        if ContactPerson.objects.filter(organisation=row, ended_at=None).count() >= CONTACTS_MAX:
            raise Conflict(_("联系人最多 %(n)d 位。") % {"n": CONTACTS_MAX})
        uid = uuid.uuid4()
        sealed = seal(row.host_id, CONTACT_PHONE, uid, phone) if phone else None
        contact = ContactPerson.objects.create(
            uid=uid, organisation=row, name=name.strip()[:60], duty=duty.strip()[:60], phone_sealed=sealed
        )
        audit.add("contact", contact.pk, place_id=row.host_id, organisation=row.pk)
    return contact


def end_contact(*, actor: Actor, contact_id: int, version: int) -> ContactPerson:
    """Somebody is no longer the one to talk to."""
    with write("partners.end_contact", actor) as audit:
        contact, organisation = _open_contact(actor, contact_id)
        check_version(contact, version)
        contact.ended_at = clock.now()
        save(contact)
        audit.add("contact", contact.pk, place_id=organisation.host_id)
    return contact


def reveal_contact(*, actor: Actor, contact_id: int, proven_at: datetime | None) -> tuple[ContactPerson, str]:
    """Unseal a contact person's telephone for the own people or the host county; leaves an audit entry.

    Raises as ``reveal_phone``.
    """
    with write("partners.reveal_phone", actor) as audit:
        contact, organisation = _open_contact(actor, contact_id)
        require_proof(proven_at)
        audit.add("contact", contact.pk, place_id=organisation.host_id)
        sealed = contact.phone_sealed
        return contact, unseal(organisation.host_id, CONTACT_PHONE, contact.uid, sealed) if sealed else ""


def _open_contact(actor: Actor, contact_id: int) -> tuple[ContactPerson, Organisation]:
    rows = ContactPerson.objects.select_related("organisation").filter(ended_at=None)
    permission, within = kept_by(actor, "organisation__")
    contact = open_door(rows, actor, permission, contact_id, within=within, lock=True)
    return contact, contact.organisation
