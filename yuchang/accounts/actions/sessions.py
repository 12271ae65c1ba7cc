"""Where a person is signed in, and ending it."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.utils.translation import gettext as _

from yuchang.accounts.actions.people import end_sessions
from yuchang.accounts.factors import real_now
from yuchang.accounts.models import SignIn, User
from yuchang.accounts.rules import Actor
from yuchang.core import actions
from yuchang.core.errors import Hidden


def begin_session(
    *, actor: Actor, session_key: str, address: str | None, agent: str, way: str, instead_of: str = ""
) -> SignIn:
    """Note a sign-in and its way (password, totp, passkey, recovery, phone), for the log and the person.

    ``instead_of`` is the key that the same session had before, when its person proved again who it is.
    """
    with actions.write("accounts.sign_in", actor) as audit:
        SignIn.objects.filter(user_id=actor.user_id or 0, session_key=instead_of).delete()
        row = note_session(actor.user_id or 0, session_key, address, agent)
        audit.add("session", row.pk, way=way, address=address)
    return row


def note_session(user_id: int, session_key: str, address: str | None, agent: str) -> SignIn:
    """The session was seen; asked at most once a minute, and not logged. Instants are real ones."""
    now = real_now()
    row, _is_new = SignIn.objects.update_or_create(
        session_key=session_key,
        defaults={"user_id": user_id, "seen_at": now, "address": address, "agent": agent[:200]},
        create_defaults={
            "user_id": user_id,
            "began_at": now,
            "seen_at": now,
            "address": address,
            "agent": agent[:200],
        },
    )
    return row


def end_session(*, actor: Actor, session_id: int) -> None:
    """End one of the own sessions, wherever it is. Raises Hidden."""
    with actions.write("accounts.end_session", actor) as audit:
        row = SignIn.objects.filter(pk=session_id, user_id=actor.user_id or 0).first()
        if row is None:
            raise Hidden(_("没有找到这个登录。"))
        Session.objects.filter(session_key=row.session_key).delete()
        row.delete()
        audit.add("session", session_id)


def sign_out_everywhere(*, actor: Actor, but: str = "") -> int:
    """End every own session except the one named. Returns how many ended."""
    with actions.write("accounts.sign_out_everywhere", actor) as audit:
        user = User.objects.get(pk=actor.user_id or 0)
        ended = end_sessions(user, but)
        audit.add("user", user.pk, ended=ended)
    return ended
