"""Second factors: enrolled by the person, passed at sign-in, removed by an administrator when lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

from yuchang.accounts import factors
from yuchang.accounts.actions.people import end_sessions, person_to_let_in
from yuchang.accounts.models import Passkey, RecoveryCode, TotpDevice, User
from yuchang.accounts.rules import Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.core.phrases import ours
from yuchang.core.secrets import blind_index, seal, unseal

PASSKEY = ours("通行密钥")
"""What a passkey without a name is called."""

FAILURE_LIMIT, LOCK_MINUTES = 5, 15
_PLATFORM, _LABEL = 0, "totp.secret"  # the data key of the platform itself, no county's


def begin_totp(*, actor: Actor) -> str:
    """A fresh secret for the signed-in person, to be confirmed with a first code. Raises Conflict."""
    user_id = actor.user_id or 0
    with actions.write("accounts.begin_totp", actor) as audit:
        if TotpDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists():
            raise Conflict(_("已经绑定了验证器。"), remedy=_("请先解除原来的验证器。"))
        secret = factors.new_secret()
        sealed = seal(_PLATFORM, _LABEL, str(user_id), secret)
        TotpDevice.objects.update_or_create(
            user_id=user_id, defaults={"secret_sealed": sealed, "last_step": 0}
        )
        audit.add("user", user_id)
    return secret


def pending_secret(user_id: int) -> str | None:
    """The secret that waits for its first code; None when there is none."""
    row = TotpDevice.objects.filter(user_id=user_id, confirmed_at=None).first()
    return unseal(_PLATFORM, _LABEL, str(user_id), row.secret_sealed) if row else None


def confirm_totp(*, actor: Actor, code: str) -> list[str]:
    """The first code proves that the telephone has the secret; returns recovery codes to be shown once.

    None are returned where the person has some from another factor.
    Raises Invalid for a wrong code, Conflict when nothing waits.
    """
    user_id = actor.user_id or 0
    with actions.write("accounts.confirm_totp", actor) as audit:
        row = TotpDevice.objects.select_for_update().filter(user_id=user_id, confirmed_at=None).first()
        if row is None:
            raise Conflict(_("没有待绑定的验证器。"), remedy=_("请重新开始绑定。"))
        secret = unseal(_PLATFORM, _LABEL, str(user_id), row.secret_sealed)
        step = factors.accepted_step(secret, code, row.last_step, time.time())
        if step is None:
            raise invalid("code", _("验证码不对。"), _("请核对手机时间后重试。"))
        row.confirmed_at, row.last_step = clock.now(), step
        row.save()
        audit.add("user", user_id)
        return _first_codes(user_id)


def renew_recovery_codes(*, actor: Actor) -> list[str]:
    """Ten new recovery codes; the old ones are void."""
    with actions.write("accounts.renew_recovery_codes", actor) as audit:
        codes = _fresh_codes(actor.user_id or 0)
        audit.add("user", actor.user_id or 0)
    return codes


def _first_codes(user_id: int) -> list[str]:
    """Codes beside the first factor; none where some are left."""
    return (
        [] if RecoveryCode.objects.filter(user_id=user_id, used_at=None).exists() else _fresh_codes(user_id)
    )


def _fresh_codes(user_id: int) -> list[str]:
    codes = factors.new_recovery_codes()
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=user_id, code_hash=_code_hash(user_id, code)) for code in codes
    )
    return codes


def _code_hash(user_id: int, code: str) -> bytes:
    return blind_index("recovery", f"{user_id}:{code.strip().lower().replace('-', '')}")


def add_passkey(
    *, actor: Actor, server: Fido2Server, state: Any, response: Mapping[str, Any], name: str
) -> tuple[Passkey, list[str]]:
    """A passkey of the signed-in person, as the browser answered, and recovery codes if there were none.

    Raises Invalid for a false answer.
    """
    try:
        found = server.register_complete(state, response).credential_data
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("passkey", _("通行密钥无效。"), _("请重新添加。")) from error
    if found is None:
        raise invalid("passkey", _("通行密钥无效。"), _("请重新添加。"))
    with actions.write("accounts.add_passkey", actor) as audit:
        row = Passkey.objects.create(
            user_id=actor.user_id or 0,
            name=name.strip()[:60] or PASSKEY,
            credential_id=found.credential_id,
            credential=bytes(found),
        )
        audit.add("user", row.user_id, passkey=row.pk)
        codes = _first_codes(row.user_id)
    return row, codes


def remove_passkey(*, actor: Actor, passkey_id: int) -> None:
    """The person removes one of the own passkeys; the other factors stay. Raises Hidden."""
    with actions.write("accounts.remove_passkey", actor) as audit:
        row = Passkey.objects.select_for_update().filter(pk=passkey_id, user_id=actor.user_id or 0).first()
        if row is None:
            raise Hidden(_("没有这把通行密钥,可能已经移除。"), remedy=_("请刷新页面。"))
        audit.add("user", row.user_id, passkey=row.pk)
        row.delete()
        _drop_idle_codes(row.user_id)


def remove_totp(*, actor: Actor) -> None:
    """The person removes the own authenticator; passkeys stay. Raises Conflict."""
    user_id = actor.user_id or 0
    with actions.write("accounts.remove_totp", actor) as audit:
        if not TotpDevice.objects.filter(user_id=user_id).delete()[0]:
            raise Conflict(_("没有绑定验证器。"), remedy=_("请刷新页面。"))
        _drop_idle_codes(user_id)
        audit.add("user", user_id)


def _drop_idle_codes(user_id: int) -> None:
    """Recovery codes stand in for a factor; without one they open nothing and go."""
    confirmed = TotpDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False)
    if not confirmed.exists() and not Passkey.objects.filter(user_id=user_id).exists():
        RecoveryCode.objects.filter(user_id=user_id).delete()


def remove_second_factors(*, actor: Actor, user_id: int, version: int | None) -> User:
    """A lost telephone: an administrator removes every factor, and the person enrols anew.

    Raises Hidden, Refused, Stale.
    """
    with actions.write("accounts.remove_second_factors", actor) as audit:
        user = person_to_let_in(actor, user_id)
        actions.check_version(user, version)
        _remove(user.pk)
        actions.save(user)
        end_sessions(user)
        audit.add("user", user.pk)
    return user


def remove_own_factors(*, actor: Actor, password: str) -> None:
    """The person removes the own factors, proven by the password; five wrong ones lock. Raises Invalid."""
    user_id = actor.user_id or 0
    if not pass_password(user_id=user_id, password=password):
        raise invalid("password", _("密码不对。连续输错五次将暂停十五分钟。"))
    with actions.write("accounts.remove_own_factors", actor) as audit:
        _remove(user_id)
        audit.add("user", user_id)


def _remove(user_id: int) -> None:
    for rows in (TotpDevice.objects, Passkey.objects, RecoveryCode.objects):
        rows.filter(user_id=user_id).delete()


def pass_totp(*, user_id: int, code: str) -> bool:
    """Whether this is the person's present code; each is good once, five wrong tries lock for 15 minutes."""
    with actions.write("accounts.second_step", Actor(user_id, "")) as audit:
        user = User.objects.select_for_update().get(pk=user_id)
        row = TotpDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()
        step = None
        if row is not None and not _is_locked(user):
            secret = unseal(_PLATFORM, _LABEL, str(user_id), row.secret_sealed)
            step = factors.accepted_step(secret, code, row.last_step, time.time())
        if row is not None and step is not None:
            row.last_step = step
            row.save(update_fields=["last_step"])
        _count(user, step is not None)
        audit.add("user", user_id, way="totp", right=step is not None)
    return step is not None


def pass_recovery_code(*, user_id: int, code: str) -> bool:
    """Whether this is one of the person's unused recovery codes; it is used up."""
    with actions.write("accounts.second_step", Actor(user_id, "")) as audit:
        user = User.objects.select_for_update().get(pk=user_id)
        rows = RecoveryCode.objects.filter(user_id=user_id, code_hash=_code_hash(user_id, code), used_at=None)
        is_right = not _is_locked(user) and rows.update(used_at=clock.now()) == 1
        _count(user, is_right)
        audit.add("user", user_id, way="recovery", right=is_right)
    return is_right


def pass_passkey(*, user_id: int, server: Fido2Server, state: Any, response: Mapping[str, Any]) -> bool:
    """Whether the browser's answer is signed by one of the person's passkeys, and the key was not cloned."""
    with actions.write("accounts.second_step", Actor(user_id, "")) as audit:
        user = User.objects.select_for_update().get(pk=user_id)
        row = None if _is_locked(user) else _answering(user_id, server, state, response)
        if row is not None:
            row.used_at = clock.now()
            row.save(update_fields=["sign_count", "used_at"])
        _count(user, row is not None)
        audit.add("user", user_id, way="passkey", right=row is not None)
    return row is not None


def _answering(user_id: int, server: Fido2Server, state: Any, response: Mapping[str, Any]) -> Passkey | None:
    rows = {bytes(p.credential_id): p for p in Passkey.objects.filter(user_id=user_id)}
    known = [AttestedCredentialData(bytes(p.credential)) for p in rows.values()]
    try:
        answer = AuthenticationResponse.from_dict(response)
        used = server.authenticate_complete(state, known, answer)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    row = rows[used.credential_id]
    count = answer.response.authenticator_data.counter
    if count and count <= row.sign_count:
        return None  # WebAuthn 6.1.1: a counter that does not grow speaks of a copied key
    row.sign_count = count
    return row


def pass_password(*, user_id: int, password: str) -> bool:
    """Whether this is the person's password, asked again before something sealed is shown.

    Wrong answers count and lock like those of a second step.
    """
    with actions.write("accounts.prove_again", Actor(user_id, "")) as audit:
        user = User.objects.select_for_update().get(pk=user_id)
        is_right = not _is_locked(user) and user.check_password(password)
        _count(user, is_right)
        audit.add("user", user_id, way="password", right=is_right)
    return is_right


def is_second_step_locked(user: User) -> bool:
    """Whether the person's second step is locked at present."""
    return _is_locked(user)


def _is_locked(user: User) -> bool:
    return bool(user.second_step_locked_until and user.second_step_locked_until > factors.real_now())


def _count(user: User, is_right: bool) -> None:
    """Count the failures in a row; the fifth locks."""
    if is_right:
        user.second_step_failures, user.second_step_locked_until = 0, None
    elif not _is_locked(user):
        user.second_step_failures += 1
        if user.second_step_failures >= FAILURE_LIMIT:
            user.second_step_failures = 0
            user.second_step_locked_until = factors.real_now() + timedelta(minutes=LOCK_MINUTES)
    user.save(update_fields=["second_step_failures", "second_step_locked_until"])
