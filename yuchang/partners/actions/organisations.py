"""Organisations: propose, check, vet or refuse, suspend, keep the contact fresh."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require, require_proof
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, invalid
from yuchang.core.secrets import seal, unseal
from yuchang.partners.actions import entries
from yuchang.partners.models import Organisation
from yuchang.partners.queries import kept_by, managed_by
from yuchang.partners.rules import is_credit_code, is_phone, is_simulated_credit_code
from yuchang.places.models import Place, keys_of

PHONE = "organisation.phone"


@dataclass(frozen=True)
class OrganisationFacts:
    """An organisation as entered. ``place_id`` is its seat, ``host_id`` the county that vets it."""

    name: str
    kind: str
    place_id: int
    host_id: int
    credit_code: str = ""
    contact_name: str = ""
    phone: str = ""
    capabilities: tuple[str, ...] = field(default=())
    introduction: str = ""


def propose_organisation(*, actor: Actor, facts: OrganisationFacts) -> Organisation:
    """Enter an organisation (state ``proposed``). Needs ``partners.propose`` within the host county.

    Raises Invalid for a wrong credit code, unknown kind or a code already registered.
    """
    return propose_organisations(actor=actor, rows=[facts])[0]


def propose_organisations(*, actor: Actor, rows: Iterable[OrganisationFacts]) -> list[Organisation]:
    """``propose_organisation`` for many, all or nothing."""
    require(actor, "partners.propose")
    facts = list(rows)
    places = Place.objects.in_bulk({f.place_id for f in facts} | {f.host_id for f in facts})
    with write("partners.propose_organisation", actor) as audit:
        check_facts(facts, places)
        _check_hosts(actor, facts, places)
        organisations = [build(f, places, proposed_by_id=actor.user_id) for f in facts]
        Organisation.objects.bulk_create(organisations, batch_size=1000)
        for row in organisations:
            audit.add("organisation", row.pk, place_id=row.host_id, name=row.name, type=row.kind)
        entries.begin(actor, organisations, is_checked=True)
    return organisations


def build(facts: OrganisationFacts, places: dict[int, Place], **more: Any) -> Organisation:
    """An organisation from its facts, not stored yet; its telephone is sealed."""
    uid = uuid.uuid4()
    seat = places[facts.place_id]
    return Organisation(
        uid=uid,
        place=seat,
        **keys_of(seat),
        host=places[facts.host_id],
        name=facts.name.strip(),
        kind=facts.kind,
        credit_code=facts.credit_code or None,
        contact_name=facts.contact_name.strip(),
        phone_sealed=seal(facts.host_id, PHONE, uid, facts.phone) if facts.phone else None,
        capabilities=list(facts.capabilities),
        introduction=facts.introduction,
        **more,
    )


def check_facts(rows: list[OrganisationFacts], places: dict[int, Place]) -> None:
    """Raises Invalid with everything wrong with these organisations."""
    codes = [f.credit_code for f in rows if f.credit_code]
    taken = set(Organisation.objects.filter(credit_code__in=codes).values_list("credit_code", flat=True)) | {
        c for c in codes if codes.count(c) > 1
    }
    is_simulated = clock.is_simulated()
    problems = [p for f in rows for p in _problems(f, places, taken, is_simulated=is_simulated)]
    if problems:
        raise Invalid(problems)


def _check_hosts(actor: Actor, rows: list[OrganisationFacts], places: dict[int, Place]) -> None:
    for host_id in {f.host_id for f in rows}:
        if not _holds_in(actor, places[host_id]):
            raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请选择您所在的县作为引荐县。"))


def _holds_in(actor: Actor, host: Place) -> bool:
    """Whether the actor may propose for this county: a scope on it, above it, or inside it."""
    for scope in actor.scopes("partners.propose"):
        if isinstance(scope, PlaceScope):
            above = {0: 0, 1: host.province_id, 2: host.prefecture_id, 3: host.pk}
            if scope.level <= 3 and above[scope.level] == scope.place_id:
                return True
            if scope.level > 3 and Place.objects.filter(pk=scope.place_id, county_id=host.pk).exists():
                return True
    return False


def _problems(
    facts: OrganisationFacts, places: dict[int, Place], taken: set[str | None], *, is_simulated: bool
) -> list[Problem]:
    found = []
    if not facts.name.strip():
        found.append(Problem("name", _("没有填写机构名称。"), _("请填写营业执照或登记证上的全称。")))
    if facts.kind not in Organisation.Kind.values:
        found.append(Problem("kind", _("不认识的机构类型。"), _("请从列表中选择。")))
    host, seat = places.get(facts.host_id), places.get(facts.place_id)
    if host is None or host.level != Place.Level.COUNTY:
        found.append(Problem("host", _("引荐县不是一个县级区划。"), _("请选择县（市、区）。")))
    if seat is None or seat.county_id is None:
        found.append(Problem("place", _("机构所在地须精确到县。"), _("请选择县（市、区）、乡镇或村。")))
    if facts.phone and not is_phone(facts.phone):
        found.append(Problem("phone", _("电话号码格式不对。"), _("请填写 7 至 12 位数字。")))
    return found + _code_problems(facts.credit_code, taken, is_simulated=is_simulated)


def _code_problems(code: str, taken: set[str | None], *, is_simulated: bool) -> list[Problem]:
    if not code:
        return []
    if not is_credit_code(code):
        message = _("统一社会信用代码不对：须为 18 位且校验位正确。")
        return [Problem("credit_code", message, _("请对照登记证核对。"))]
    if is_simulated_credit_code(code) != is_simulated:
        message = _("模拟代码只能用于模拟数据，真实代码只能用于真实数据。")
        return [Problem("credit_code", message)]
    if code in taken:
        message = _("统一社会信用代码 %(code)s 已登记。") % {"code": code}
        return [Problem("credit_code", message, _("请在伙伴名录中查找该机构。"))]
    return []


def vet_organisation(*, actor: Actor, organisation_id: int, version: int, note: str = "") -> Organisation:
    """Confirm an organisation. Needs ``partners.manage``; never by who proposed it or checked its papers."""
    with write("partners.vet_organisation", actor) as audit:
        row = _open_managed(actor, organisation_id)
        check_version(row, version)
        was = row.state
        _judge(row, actor, Organisation.State.VETTED, note)
        save(row)
        if was == Organisation.State.PROPOSED:
            entries.end(actor, [row.pk], "admit", note)
        audit.add("organisation", row.pk, place_id=row.host_id, note=note)
    return row


def vet_organisations(*, actor: Actor, organisation_ids: Iterable[int], note: str = "") -> int:
    """``vet_organisation`` for many, all or nothing. Returns how many."""
    require(actor, "partners.manage")
    wanted = set(organisation_ids)
    with write("partners.vet_organisation", actor) as audit:
        found = Organisation.objects.filter(managed_by(actor), pk__in=wanted).order_by("pk")
        rows = list(found.select_for_update(of=("self",)))
        if len(rows) != len(wanted):
            raise Hidden(_("没有找到，或不在您的管辖范围内。"))
        for row in rows:
            _judge(row, actor, Organisation.State.VETTED, note)
            row.version += 1
            audit.add("organisation", row.pk, place_id=row.host_id, note=note)
        columns = ["state", "state_note", "vetted_by_id", "vetted_at", "version"]
        Organisation.objects.bulk_update(rows, columns, batch_size=500)
        entries.end(actor, [row.pk for row in rows], "admit", note)
    return len(rows)


def check_organisation(*, actor: Actor, organisation_id: int, version: int, opinion: str) -> Organisation:
    """The papers of an organisation that registered itself were looked at; somebody else decides."""
    if not opinion.strip():
        raise invalid("note", _("请写明审核意见。"))
    with write("partners.check_organisation", actor) as audit:
        row = _open_managed(actor, organisation_id)
        check_version(row, version)
        if row.state != Organisation.State.PROPOSED or row.checked_by_id is not None:
            raise Conflict(_("这家机构不在资料审核中。"))
        row.checked_by_id, row.checked_at = actor.user_id, clock.now()
        save(row)
        entries.pass_check(actor, [row.pk], opinion)
        audit.add("organisation", row.pk, place_id=row.host_id, opinion=opinion)
    return row


def refuse_organisation(*, actor: Actor, organisation_id: int, version: int, reason: str) -> Organisation:
    """Do not admit a proposed organisation, with the reason. The same two people as for vetting."""
    if not reason.strip():
        raise invalid("reason", _("请说明不予入库的理由。"))
    with write("partners.refuse_organisation", actor) as audit:
        row = _open_managed(actor, organisation_id)
        check_version(row, version)
        if row.state != Organisation.State.PROPOSED:
            raise Conflict(_("只有待核验的机构可以不予入库。"))
        _judge(row, actor, Organisation.State.REFUSED, reason.strip())
        save(row)
        entries.end(actor, [row.pk], "refuse", reason)
        audit.add("organisation", row.pk, place_id=row.host_id, reason=reason)
    return row


def _judge(row: Organisation, actor: Actor, state: Organisation.State, note: str) -> None:
    if row.state == Organisation.State.VETTED:
        raise Conflict(_("“%(name)s”已核验。") % {"name": row.name})
    if actor.user_id is not None and row.proposed_by_id == actor.user_id:
        raise Refused(_("不能核验自己录入的机构。"), remedy=_("请由本县另一位专员核验。"))
    if row.origin != Organisation.Origin.STAFF and row.checked_by_id is None:
        raise Conflict(_("这家机构的资料还没有审核。"), remedy=_("请先审核资料，再由另一位专员核验。"))
    if actor.user_id is not None and row.checked_by_id == actor.user_id:
        raise Refused(_("审核资料的人不能再核验同一机构。"), remedy=_("请由本县另一位专员核验。"))
    row.state = state
    row.state_note = note[:300]
    row.vetted_by_id = actor.user_id
    row.vetted_at = clock.now()


def suspend_organisation(*, actor: Actor, organisation_id: int, version: int, reason: str) -> Organisation:
    """Suspend a vetted organisation, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明暂停的理由。"))
    with write("partners.suspend_organisation", actor) as audit:
        row = _open_managed(actor, organisation_id)
        check_version(row, version)
        if row.state != Organisation.State.VETTED:
            raise Conflict(_("只有已核验的机构可以暂停。"))
        row.state = Organisation.State.SUSPENDED
        row.state_note = reason.strip()
        save(row)
        audit.add("organisation", row.pk, place_id=row.host_id, reason=reason)
    return row


def edit_contact(
    *,
    actor: Actor,
    organisation_id: int,
    version: int,
    contact_name: str,
    phone: str,
    capabilities: tuple[str, ...],
    introduction: str,
) -> Organisation:
    """A partner keeps its own contact data (``partners.own``), or its host county does (``partners.manage``).

    An empty ``phone`` keeps the stored one.
    """
    if phone and not is_phone(phone):
        raise invalid("phone", _("电话号码格式不对。"), _("请填写 7 至 12 位数字。"))
    with write("partners.edit_contact", actor) as audit:
        row = open_own(actor, organisation_id)
        check_version(row, version)
        row.contact_name = contact_name.strip()
        row.capabilities = list(capabilities)
        row.introduction = introduction
        if phone:
            row.phone_sealed = seal(row.host_id, PHONE, row.uid, phone)
        save(row)
        audit.add("organisation", row.pk, place_id=row.host_id, phone_changed=bool(phone))
    return row


def reveal_phone(*, actor: Actor, organisation_id: int, proven_at: datetime | None) -> str:
    """Unseal the phone number for its own people or its host county; leaves an audit entry.

    ``proven_at`` is the real instant at which the actor last proved who it is.
    Raises Hidden, Refused, ProofDue when that is too long ago.
    """
    with write("partners.reveal_phone", actor) as audit:
        row = open_own(actor, organisation_id)
        require_proof(proven_at)
        audit.add("organisation", row.pk, place_id=row.host_id)
        return unseal(row.host_id, PHONE, row.uid, row.phone_sealed) if row.phone_sealed else ""


def _open_managed(actor: Actor, organisation_id: int) -> Organisation:
    rows = Organisation.objects.select_related("host", "place")
    return open_door(rows, actor, "partners.manage", organisation_id, within=managed_by(actor), lock=True)


def open_own(actor: Actor, organisation_id: int) -> Organisation:
    """Lock an organisation for its own people, or for its host county. Raises Hidden, Refused."""
    permission, within = kept_by(actor)
    rows = Organisation.objects.select_related("host", "place")
    return open_door(rows, actor, permission, organisation_id, within=within, lock=True)
