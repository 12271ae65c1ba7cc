"""Consent given and withdrawn (PIPL arts. 13-15: freely, for a stated purpose, withdrawable as easily)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import Consent
from yuchang.accounts.queries import is_opened, place_filter, reach
from yuchang.accounts.rules import Actor, HouseholdScope
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.places.models import Place, keys_of

RECORD, OWN = "consents.record", "household.own"


def give_consent(
    *,
    actor: Actor,
    household_id: int,
    place: Place,
    purpose: str,
    organisation_id: int,
    fields: Sequence[str],
    channel: str,
    member_id: int | None = None,
    expires_on: date | None = None,
    evidence_file_id: int | None = None,
    note: str = "",
) -> Consent:
    """Note that a household lets one recipient use named fields for one purpose.

    By the household itself, or by a cadre with evidence. The caller has opened household and organisation
    through its own doors; ``place`` is the household's. Raises Refused, Hidden, Invalid, Conflict.
    """
    _check(purpose, channel, fields, expires_on)
    own = any(HouseholdScope(household_id) == scope for scope in actor.scopes(OWN))
    with actions.write("accounts.give_consent", actor) as audit:
        if not own:
            _require_reach(actor, place, household_id)
        row = Consent.objects.create(
            household_id=household_id,
            member_id=member_id,
            purpose=purpose,
            organisation_id=organisation_id,
            fields=sorted(set(fields)),
            channel=channel,
            evidence_file_id=evidence_file_id,
            note=note.strip(),
            granted_at=clock.now(),
            granted_by_id=actor.user_id,
            expires_on=expires_on,
            place=place,
            **keys_of(place),
        )
        details = {"household": household_id, "organisation": organisation_id, "purpose": purpose}
        audit.add("consent", row.pk, place_id=place.pk, fields=row.fields, **details)
    return row


def _require_reach(actor: Actor, place: Place, household_id: int) -> None:
    """The place lies in the recorder's area, or the household is assigned to the recorder."""
    require(actor, RECORD)
    if Place.objects.filter(place_filter(actor, RECORD), pk=place.pk).exists():
        return
    if not is_opened(actor, RECORD, household_id):
        raise Hidden(_("没有找到,或不在您的管辖范围内。"))


def _check(purpose: str, channel: str, fields: Sequence[str], expires_on: date | None) -> None:
    if purpose not in Consent.Purpose.values:
        raise invalid("purpose", _("请选择用途。"))
    if channel not in Consent.Channel.values:
        raise invalid("channel", _("请选择同意的方式。"))
    if not fields:
        raise invalid("fields", _("请写明同意使用哪些信息。"))
    if expires_on is not None and expires_on < clock.today():
        raise invalid("expires_on", _("到期日已过。"))


def withdraw_consent(*, actor: Actor, consent_id: int, version: int | None) -> Consent:
    """Take a consent back; from this moment it opens nothing. Raises Hidden, Refused, Stale, Conflict."""
    permission = OWN if actor.may(OWN) else RECORD
    with actions.write("accounts.withdraw_consent", actor) as audit:
        within = reach(actor, permission, Consent)
        row = open_door(Consent.objects.all(), actor, permission, consent_id, within=within, lock=True)
        actions.check_version(row, version)
        if row.withdrawn_at:
            raise Conflict(_("这项同意已经撤回。"))
        row.withdrawn_at, row.withdrawn_by_id = clock.now(), actor.user_id
        actions.save(row)
        audit.add("consent", row.pk, place_id=row.place_id, household=row.household_id)
    return row
