"""Showing a sealed field: a write, because it leaves a trace."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require, require_proof
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import secrets
from yuchang.core.actions import write
from yuchang.core.errors import invalid
from yuchang.registry.models import Member

_FIELDS = {"id_number": ("member.id", "id_sealed"), "phone": ("member.phone", "phone_sealed")}


def reveal(*, actor: Actor, member_id: int, field: str, proven_at: datetime | None) -> str:
    """The clear ``id_number`` or ``phone`` of a member (``registry.reveal``), with an audit entry.

    ``proven_at`` is the real instant at which the actor last proved who it is. An unknown value is an empty
    string. Raises Invalid for another field, Refused, ProofDue when that is too long ago, Hidden.
    """
    require(actor, "registry.reveal")
    require_proof(proven_at)
    if field not in _FIELDS:
        raise invalid("field", _("没有这个可显示的项目。"))
    label, column = _FIELDS[field]
    with write("registry.reveal", actor) as audit:
        within = place_filter(actor, "registry.reveal", prefix="household__")
        rows = Member.objects.select_related("household")
        member = open_door(rows, actor, "registry.reveal", member_id, within=within)
        audit.add("member", member.pk, place_id=member.household.place_id, field=field)
        blob = getattr(member, column)
        county_id = member.household.county_id or member.household.place_id
        return secrets.unseal(county_id, label, member.uid, blob) if blob else ""
