"""Tokens of machines, the replies they may ask for again, and webhooks with their deliveries."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class ApiToken(Versioned):
    """What a machine shows in a person's name, with at most the permissions named. The secret is not kept."""

    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=10, unique=True)
    secret_hash = models.BinaryField()
    permissions = models.JSONField()
    issued_at = models.DateTimeField()
    expires_on = models.DateField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="api_token_owner")]


class StoredReply(models.Model):
    """The reply to a write under an ``Idempotency-Key``: asked again, it is given again. Append-only."""

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    fingerprint = models.BinaryField()
    status = models.SmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="api_storedreply_once")]


class Webhook(Versioned, Placed):
    """An address that is told of what happened in a place: names and numbers only, never contents."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        REMOVED = "removed"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    url = models.URLField(max_length=300)
    events = models.JSONField()
    secret_sealed = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    reason = models.CharField(max_length=200, blank=True, default="")
    # The number of the next audit leaf to look at.
    next_seq = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["active", "paused", "removed"]), name="api_webhook_state"
            ),
            models.CheckConstraint(condition=Q(next_seq__gte=0), name="api_webhook_seq"),
        ]
        indexes = [models.Index(fields=["owner", "-id"], name="api_webhook_owner")]


class Delivery(models.Model):
    """One message to one webhook about one audit entry: created once, tried until taken or given up."""

    class State(models.TextChoices):
        WAITING = "waiting"
        TAKEN = "taken"
        GIVEN_UP = "given_up"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries")
    seq = models.BigIntegerField()
    action = models.CharField(max_length=100)
    object_kind = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)
    happened_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.SmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "seq"], name="api_delivery_once"),
            models.CheckConstraint(
                condition=Q(state="waiting", next_try_at__isnull=False, taken_at__isnull=True)
                | Q(state="taken", taken_at__isnull=False)
                | Q(state="given_up", taken_at__isnull=True),
                name="api_delivery_state",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="api_delivery_webhook"),
            models.Index(F("next_try_at"), condition=Q(state="waiting"), name="api_delivery_due"),
        ]
