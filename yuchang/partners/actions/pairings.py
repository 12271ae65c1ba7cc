"""Pairing (结对帮扶): proposed by one side, accepted by the other, dated, ended with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, invalid
from yuchang.partners.models import Organisation, Pairing
from yuchang.partners.queries import helper_filter, own_or_manage, owned_by, receiver_filter
from yuchang.places.models import Place, keys_of

MANAGE = "partners.manage"
HELPER, RECEIVER = Pairing.Side.HELPER, Pairing.Side.RECEIVER


@dataclass(frozen=True)
class PairingFacts:
    """A pairing as proposed. ``place_id`` receives: a county, or a village for 万企帮万村.

    The helper is ``organisation_id``, or for east–west cooperation the county ``helper_place_id``.
    """

    kind: str
    place_id: int
    valid_from: date
    valid_to: date | None = None
    organisation_id: int | None = None
    helper_place_id: int | None = None
    document: str = ""
    note: str = ""


def propose_pairing(*, actor: Actor, facts: PairingFacts) -> Pairing:
    """Propose a pairing from the side for which the actor acts; the other side must accept.

    Raises Invalid, Hidden for a pair with which the actor has nothing to do, Conflict when the two are
    paired, or asked, already.
    """
    place, helper = _check(facts)
    with write("partners.propose_pairing", actor) as audit:
        side = _side(actor, facts)
        row = Pairing(
            kind=facts.kind,
            organisation_id=facts.organisation_id,
            helper_place=helper,
            place=place,
            **keys_of(place),
            valid_from=facts.valid_from,
            valid_to=facts.valid_to,
            document=facts.document.strip()[:120],
            note=facts.note.strip()[:300],
            proposed_side=side,
            proposed_by_id=actor.user_id,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(_("这两方已经结对，或正等待答复。")) from error
        audit.add("pairing", row.pk, place_id=place.pk, type=row.kind, side=side)
    return row


def _check(facts: PairingFacts) -> tuple[Place, Place | None]:
    problems = []
    is_firm = facts.kind in (Pairing.Kind.FIRM_COUNTY, Pairing.Kind.FIRM_VILLAGE)
    places = Place.objects.filter(valid_to=None).in_bulk([facts.place_id, facts.helper_place_id or 0])
    place, helper = places.get(facts.place_id), places.get(facts.helper_place_id or 0)
    level = Place.Level.VILLAGE if facts.kind == Pairing.Kind.FIRM_VILLAGE else Place.Level.COUNTY
    if facts.kind not in Pairing.Kind.values:
        problems.append(Problem("kind", _("不认识的结对类型。")))
    if place is None or place.level != level:
        problems.append(
            Problem("place", _("受助地的级别与结对类型不符。"), _("万企帮万村结对村，其他结对县。"))
        )
    if is_firm and not Organisation.objects.filter(pk=facts.organisation_id or 0, state="vetted").exists():
        problems.append(Problem("organisation", _("帮扶方须是已核验的机构。")))
    if not is_firm and (helper is None or helper.level != Place.Level.COUNTY):
        problems.append(Problem("helper_place", _("东西部协作的帮扶方须是一个县（市、区）。")))
    if place is not None and helper is not None and helper.province_id == place.province_id:
        problems.append(Problem("helper_place", _("东西部协作的双方须在不同的省。")))
    if facts.valid_to is not None and facts.valid_to < facts.valid_from:
        problems.append(Problem("valid_to", _("结束日期早于开始日期。"), _("请核对起止日期。")))
    if problems or place is None:
        raise Invalid(problems)
    return place, None if is_firm else helper


def _side(actor: Actor, facts: PairingFacts) -> str:
    """The side for which the actor proposes; the receiving side if both."""
    receives = Place.objects.filter(place_filter(actor, MANAGE), pk=facts.place_id)
    if actor.may(MANAGE) and receives.exists():
        return RECEIVER
    if facts.organisation_id is not None:
        helps = Organisation.objects.filter(owned_by(actor), pk=facts.organisation_id).exists()
    else:
        own = Place.objects.filter(place_filter(actor, MANAGE), pk=facts.helper_place_id or 0)
        helps = actor.may(MANAGE) and own.exists()
    if helps:
        return HELPER
    raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("只能代表本县或本机构提出结对。"))


def answer_pairing(
    *, actor: Actor, pairing_id: int, version: int, is_accepted: bool, reason: str = ""
) -> Pairing:
    """The other side accepts or declines; never who proposed."""
    if not is_accepted and not reason.strip():
        raise invalid("reason", _("请说明不接受的理由。"))
    with write("partners.answer_pairing", actor) as audit:
        permission = own_or_manage(actor)
        within = Q(proposed_side=HELPER) & receiver_filter(actor, permission)
        within |= Q(proposed_side=RECEIVER) & helper_filter(actor, permission)
        row = open_door(Pairing.objects.all(), actor, permission, pairing_id, within=within, lock=True)
        check_version(row, version)
        if row.state != Pairing.State.PROPOSED:
            raise Conflict(_("这项结对已是“%(state)s”。") % {"state": row.get_state_display()})
        if row.proposed_by_id == actor.user_id:
            raise Refused(_("提出结对的人不能代对方答复。"), remedy=_("请由对方自己的人办理。"))
        row.state = Pairing.State.ACTIVE if is_accepted else Pairing.State.DECLINED
        row.answered_by_id, row.answered_at = actor.user_id, clock.now()
        row.reason = reason.strip()[:300]
        save(row)
        audit.add("pairing", row.pk, place_id=row.place_id, state=row.state)
    return row


def end_pairing(*, actor: Actor, pairing_id: int, version: int, reason: str) -> Pairing:
    """Either side ends a running pairing today, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明结束的理由。"))
    with write("partners.end_pairing", actor) as audit:
        permission = own_or_manage(actor)
        within = receiver_filter(actor, permission) | helper_filter(actor, permission)
        row = open_door(Pairing.objects.all(), actor, permission, pairing_id, within=within, lock=True)
        check_version(row, version)
        if row.state != Pairing.State.ACTIVE:
            raise Conflict(_("这项结对已是“%(state)s”。") % {"state": row.get_state_display()})
        row.state, row.reason = Pairing.State.ENDED, reason.strip()[:300]
        row.valid_to = max(row.valid_from, min(row.valid_to or clock.today(), clock.today()))
        save(row)
        audit.add("pairing", row.pk, place_id=row.place_id, reason=row.reason)
    return row
