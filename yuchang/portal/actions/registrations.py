"""Organisations that ask to be registered from outside the government's network, and how they come in.

What they write holds a person's name and telephone: it is sealed with the zone's own bundle key before it
is stored, travels sealed inside the bundle, and is emptied once the inside has taken it in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypedDict

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, Invalid
from yuchang.partners.actions import OrganisationFacts, register
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.portal import keys
from yuchang.portal.actions.intake import sender_hash
from yuchang.portal.actions.publishing import PUBLISH, publish_receipts
from yuchang.portal.models import RegistrationIntake, receipt_code
from yuchang.portal.rules.bundles import Unfit


@dataclass(frozen=True)
class Registration:
    """What an organisation says of itself. Places by their 12-digit codes; ``invitation`` may be empty."""

    name: str
    kind: str
    credit_code: str
    place_code: str
    contact_name: str
    phone: str
    capabilities: tuple[str, ...]
    introduction: str
    invitation: str = ""


class RegistrationLine(TypedDict):
    """A registration inside a bundle, which is sealed as a whole. ``said`` is empty when unreadable."""

    kind: str
    receipt: str
    host_code: str
    said: str
    received_at: str


def receive_registration(*, said: Registration, host_code: str, network_address: str) -> str:
    """Store a request from the public zone, under its own database role. Returns the receipt code.

    Like ``receive_objection`` without actor and entry in the log: both come when it is taken in.
    Raises Conflict (five in an hour from one sender, fifty in a day for one county).
    """
    receipt = receipt_code()
    row = RegistrationIntake(
        receipt=receipt,
        host_code=host_code,
        sealed=_seal(json.dumps(asdict(said), ensure_ascii=False), receipt),
        sender_hash=sender_hash(network_address),
        received_at=clock.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != "YC429":
            raise
        raise Conflict(
            _("登记请求过多：同一网络一小时最多五份，同一个县一天最多五十份。"),
            remedy=_("请稍后再试，或请该县专员发出邀请。"),
        ) from error
    return receipt


def collect_registrations(*, actor: Actor) -> int:
    """Hand waiting requests to the partners' register, where they are checked and vetted like any other.

    One that is not fit (registered before, no such county) gets this said under its receipt; one that came
    after a county's daily number waits. Returns how many were settled. Raises Refused.
    """
    if actor != SYSTEM:
        require(actor, PUBLISH)
    settled = 0
    with actions.write("portal.collect_registrations", actor) as audit:
        rows = RegistrationIntake.objects.select_for_update(skip_locked=True)
        for row in rows.filter(collected_at__isnull=True).order_by("id")[:200]:
            try:
                with transaction.atomic():
                    organisation = _register(row)
            except Conflict:
                continue
            row.collected_at, row.sealed = clock.now(), b""
            row.organisation_id = organisation.pk if organisation else None
            row.save(update_fields=["collected_at", "sealed", "organisation_id"])
            audit.add("registration_intake", row.pk, receipt=row.receipt, organisation=row.organisation_id)
            settled += 1
        if settled:
            publish_receipts(actor=actor)
        else:
            audit.add("registration_intake", "-", taken=0)
    return settled


def registration_lines(number: int, full: bool) -> list[RegistrationLine]:
    """What bundle ``number`` carries inside: what was not sent yet, or everything not confirmed."""
    rows = RegistrationIntake.objects.select_for_update().order_by("id")
    found = list(rows if full else rows.filter(sent_in__isnull=True))
    RegistrationIntake.objects.filter(pk__in=[row.pk for row in found]).update(sent_in=number)
    return [
        RegistrationLine(
            kind="registration",
            receipt=row.receipt,
            host_code=row.host_code,
            said=_unseal(row),
            received_at=row.received_at.isoformat(),
        )
        for row in found
    ]


def store_registrations(lines: Iterable[RegistrationLine], number: int) -> None:
    """Keep what bundle ``number`` brought, sealed again; a receipt that is known is not added twice."""
    RegistrationIntake.objects.bulk_create(_carried(lines, number), ignore_conflicts=True, batch_size=1000)


def _carried(lines: Iterable[RegistrationLine], number: int) -> Iterator[RegistrationIntake]:
    for line in lines:
        yield RegistrationIntake(
            receipt=line["receipt"],
            host_code=line["host_code"],
            sealed=_seal(line["said"], line["receipt"]),
            sender_hash=f"carried:{line['receipt']}",
            received_at=datetime.fromisoformat(line["received_at"]),
            carried_in=number,
        )


def _register(row: RegistrationIntake) -> Organisation | None:
    """The organisation in state proposed; None for one that is not fit."""
    host = _county(row.host_code)
    try:
        said = json.loads(_unseal(row))
        said["capabilities"] = tuple(said["capabilities"])
        request = Registration(**said)
    except (ValueError, KeyError, TypeError):
        return None
    seat = _county(request.place_code)
    if host is None or seat is None:
        return None
    facts = OrganisationFacts(
        name=request.name,
        kind=request.kind,
        place_id=seat.pk,
        host_id=host.pk,
        credit_code=request.credit_code,
        contact_name=request.contact_name,
        phone=request.phone,
        capabilities=request.capabilities,
        introduction=request.introduction,
    )
    return _enter(facts, request.invitation)


def _enter(facts: OrganisationFacts, invitation: str) -> Organisation | None:
    """With the invitation where it is good for this county, otherwise as anybody's."""
    try:
        if invitation:
            try:
                with transaction.atomic():
                    return register(facts=facts, code=invitation)
            except Hidden:
                pass
        with transaction.atomic():
            return register(facts=facts)
    except Invalid:
        return None


def _county(code: str) -> Place | None:
    return Place.objects.filter(code=code, level=Place.Level.COUNTY, valid_to=None).first()


def _seal(text: str, receipt: str) -> bytes:
    return keys.seal(text.encode(), receiver=keys.seal_key(), context=f"registration:{receipt}")


def _unseal(row: RegistrationIntake) -> str:
    """What was written; empty when the zone's key was changed meanwhile."""
    try:
        return keys.unseal(bytes(row.sealed), context=f"registration:{row.receipt}").decode()
    except Unfit:
        return ""
