"""Organisations that register themselves: by a one-time link of a county, or on their own."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.factors import real_now
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.core.secrets import blind_index
from yuchang.partners.actions import entries
from yuchang.partners.actions.organisations import OrganisationFacts, build, check_facts
from yuchang.partners.models import Invitation, Organisation
from yuchang.partners.queries import host_filter, invitation_by
from yuchang.places.models import Place

INVITATION_DAYS = 30
DAILY_REGISTRATIONS = 50
"""So many may register themselves with one county in a day; a flood is turned away, invitations are not."""
LABEL = "partners.invitation"


def invite_organisation(*, actor: Actor, host_id: int, name: str, kind: str) -> tuple[Invitation, str]:
    """Ask an organisation to register. Returns the invitation and its code, which is nowhere stored.

    Needs ``partners.manage`` in the host county. Good once, for thirty days.
    """
    require(actor, "partners.manage")
    if not name.strip():
        raise invalid("name", _("没有填写机构名称。"), _("请填写营业执照或登记证上的全称。"))
    if kind not in Organisation.Kind.values:
        raise invalid("kind", _("不认识的机构类型。"), _("请从列表中选择。"))
    code = secrets.token_urlsafe(24)
    with write("partners.invite_organisation", actor) as audit:
        host = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, "partners.manage", host_id)
        row = Invitation.objects.create(
            host=host,
            name=name.strip()[:100],
            kind=kind,
            token_hash=blind_index(LABEL, code).hex(),
            invited_by_id=actor.user_id or 0,
            expires_at=clock.now() + timedelta(days=INVITATION_DAYS),
        )
        audit.add("organisation_invitation", row.pk, place_id=host.pk, name=row.name)
    return row, code


def cancel_invitation(*, actor: Actor, invitation_id: int, version: int) -> Invitation:
    """Take back an invitation that nobody has used."""
    with write("partners.cancel_invitation", actor) as audit:
        within = host_filter(actor, "partners.manage")
        row = open_door(
            Invitation.objects.all(), actor, "partners.manage", invitation_id, within=within, lock=True
        )
        check_version(row, version)
        if row.organisation_id or row.cancelled_at:
            raise Conflict(_("这份邀请已经用过或撤回。"))
        row.cancelled_at = clock.now()
        save(row)
        audit.add("organisation_invitation", row.pk, place_id=row.host_id)
    return row


def register(*, facts: OrganisationFacts, code: str = "") -> Organisation:
    """An organisation enters itself (state ``proposed``); its papers are checked, then a second person vets.

    With the ``code`` of an invitation its host county stands and who invited it may not vet it. Raises
    Hidden for a code that is not, or no longer, good; Invalid for the facts; Conflict for a flood.
    """
    places = Place.objects.in_bulk([facts.place_id, facts.host_id])
    applicant = Actor(None, facts.name.strip()[:60] or "?")
    with write("partners.register", applicant) as audit:
        invitation = _invitation(code) if code else None
        if invitation is not None and invitation.host_id != facts.host_id:
            raise Hidden(_("邀请无效、已用过或已过期。"), remedy=_("请联系邀请您的县重新发出邀请。"))
        check_facts([facts], places)
        if invitation is None:
            _require_no_flood(places[facts.host_id])
        row = build(
            facts,
            places,
            origin=Organisation.Origin.INVITED if invitation else Organisation.Origin.PUBLIC,
            proposed_by_id=invitation.invited_by_id if invitation else None,
        )
        _store(row)
        if invitation is not None:
            invitation.organisation = row
            save(invitation)
        entries.begin(applicant, [row], is_checked=False)
        audit.add("organisation", row.pk, place_id=row.host_id, name=row.name, origin=row.origin)
    return row


def _store(row: Organisation) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise invalid("credit_code", _("统一社会信用代码已登记。"), _("请联系引荐县核对。")) from error


def _invitation(code: str) -> Invitation:
    found = invitation_by(blind_index(LABEL, code).hex())
    row = Invitation.objects.select_for_update().filter(pk=found.pk).first() if found else None
    if row is None or row.organisation_id or row.cancelled_at:
        raise Hidden(_("邀请无效、已用过或已过期。"), remedy=_("请联系邀请您的县重新发出邀请。"))
    return row


def _require_no_flood(host: Place) -> None:
    """One county at a time: its row is locked, so that a thousand at once count one another."""
    Place.objects.select_for_update().only("pk").get(pk=host.pk)
    since = real_now() - timedelta(days=1)
    today = Organisation.objects.filter(host=host, origin="public", created_at__gt=since)
    if today.count() >= DAILY_REGISTRATIONS:
        raise Conflict(_("今天向该县登记的机构过多。"), remedy=_("请明天再试，或请该县专员发出邀请。"))
