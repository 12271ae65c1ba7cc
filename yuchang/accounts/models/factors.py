"""How a person proves who he or she is: second factors, recovery codes, and where signed in."""

from __future__ import annotations

from django.db import models

from yuchang.accounts.models.people import User


class TotpDevice(models.Model):
    """A time-based one-time password (RFC 6238) on the person's telephone; the secret is sealed.

    ``last_step`` is the last thirty-second step that was accepted: no code is good twice.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="totp")
    secret_sealed = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)


class Passkey(models.Model):
    """A WebAuthn credential. ``credential`` is the attested credential data as CBOR-coded by the device."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential_id = models.BinaryField(unique=True)
    credential = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)


class RecoveryCode(models.Model):
    """A code for the day the telephone is lost. Only a keyed hash is kept; each is good once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.BinaryField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="accounts_recovery_once")]


class SignIn(models.Model):
    """A place where a person is signed in, so that it can be listed and ended from elsewhere."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "accounts_session"
        indexes = [models.Index(fields=["user", "-seen_at"], name="accounts_session_user")]
