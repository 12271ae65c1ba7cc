"""Inviting people by a one-time link; a second person vets what they may do."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.actions.grants import scope_place
from yuchang.accounts.actions.proposals import MANAGE
from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import Invitation, RoleGrant, User
from yuchang.accounts.queries import hats_in_reach, invitation_of
from yuchang.accounts.rules import Actor, Role
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, invalid
from yuchang.core.secrets import blind_index

INVITATION_DAYS = 7


def invite(
    *,
    actor: Actor,
    display_name: str,
    role: Role,
    place_id: int | None = None,
    organisation_id: int | None = None,
) -> tuple[Invitation, str]:
    """Invite a person to a role; returns the invitation and its code, which is nowhere stored.

    Good once, for seven days. Raises Refused, Hidden, Invalid.
    """
    require(actor, MANAGE)
    if not display_name.strip():
        raise invalid("display_name", _("请写明姓名。"))
    code = secrets.token_urlsafe(24)
    with actions.write("accounts.invite", actor) as audit:
        place = scope_place(actor, role, place_id, organisation_id)
        row = Invitation.objects.create(
            code_hash=blind_index("invitation", code),
            display_name=display_name.strip(),
            role=role,
            place=place,
            organisation_id=organisation_id,
            invited_by_id=actor.user_id,
            expires_at=clock.now() + timedelta(days=INVITATION_DAYS),
        )
        audit.add("invitation", row.pk, place_id=place_id, role=role)
    return row, code


def cancel_invitation(*, actor: Actor, invitation_id: int, version: int | None) -> Invitation:
    """Take an invitation back that nobody has used. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.cancel_invitation", actor) as audit:
        rows = Invitation.objects.all()
        row = open_door(rows, actor, MANAGE, invitation_id, within=hats_in_reach(actor, MANAGE), lock=True)
        actions.check_version(row, version)
        if row.accepted_at or row.cancelled_at:
            raise Conflict(_("这份邀请已经用过或撤回。"))
        row.cancelled_at = clock.now()
        actions.save(row)
        audit.add("invitation", row.pk, place_id=row.place_id)
    return row


def accept_invitation(*, code: str, username: str, password: str) -> User:
    """The invited person's own first act: a name and a password. The role waits for a second person.

    Raises Hidden for a code that is not, or no longer, good; Invalid for the name or the password.
    """
    found = invitation_of(code)
    if found is None:
        raise Hidden(_("邀请无效、已用过或已过期。"), remedy=_("请联系邀请您的人重新发出邀请。"))
    user = User(username=username.strip(), display_name=found.display_name, home=found.place)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid([Problem("new", text) for text in error.messages]) from error
    user.set_password(password)
    user.password_changed_at = clock.now()
    invited = Actor(None, found.display_name)
    try:
        with actions.write("accounts.accept_invitation", invited) as audit:
            row = Invitation.objects.select_for_update().get(pk=found.pk)
            if row.accepted_at or row.cancelled_at:
                raise Conflict(_("这份邀请已经用过或撤回。"))
            with transaction.atomic():
                user.save()
            _propose(row, user)
            row.accepted_at, row.user = clock.now(), user
            actions.save(row)
            audit.add("user", user.pk, place_id=row.place_id, invitation=row.pk, username=user.username)
    except IntegrityError as error:
        taken = _("登录名“%(name)s”已有人使用。") % {"name": user.username}
        raise invalid("username", taken, _("请换一个登录名。")) from error
    return user


def _propose(row: Invitation, user: User) -> None:
    """The grant that the invitation carries, proposed by whoever invited."""
    RoleGrant.objects.create(
        user=user,
        role=row.role,
        scope_kind="organisation" if row.organisation_id else "place",
        place=row.place,
        target_id=row.organisation_id,
        valid_from=clock.today(),
        state=RoleGrant.State.PROPOSED,
        proposed_by=row.invited_by,
    )
