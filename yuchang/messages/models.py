"""Messages to persons, what is sent outside for them, how each wants to be told, and one-time codes."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.core.phrases import shown
from yuchang.core.recognising import in_own_language


class Message(models.Model):
    """One line in one person's inbox.

    The text never changes; ``read_at``, ``archived_at`` and ``settled_at`` are set once (a trigger says so).
    ``link`` is a path of this platform. ``due_on`` makes it something to do by that day until
    ``settled_at``. ``reference_kind`` and ``reference_id`` name what it is about, for whoever settles it.
    ``said`` keeps the words of ours in it as phrases (``core.phrases``): ``heading`` and ``text`` read them
    in the reader's language; ``title`` and ``body`` hold them in Chinese, and what people typed as it is.
    A reminder points to the message it ``reminds`` of and says which ``stage``: days before the due day.
    """

    class Kind(models.TextChoices):
        TASK = "task", _("待办")
        NOTICE = "notice", _("通知")
        DEAL = "deal", _("供需与订单")
        RESULT = "result", _("办理结果")
        REMINDER = "reminder", _("到期提醒")
        DIGEST = "digest", _("消息摘要")
        SYSTEM = "system", _("系统")

    recipient = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=120)
    body = models.TextField(blank=True, default="")
    said = models.JSONField(null=True)
    link = models.CharField(max_length=300, blank=True, default="")
    due_on = models.DateField(null=True, blank=True)
    is_urgent = models.BooleanField(default=False)
    place = models.ForeignKey("places.Place", null=True, on_delete=models.PROTECT, related_name="+")
    reference_kind = models.CharField(max_length=40, blank=True, default="")
    reference_id = models.BigIntegerField(null=True)
    once_key = models.CharField(max_length=120, blank=True, default="")
    reminds = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reminders")
    stage = models.SmallIntegerField(null=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "once_key"], name="inbox_message_once", condition=~Q(once_key="")
            ),
            models.UniqueConstraint(fields=["reminds", "stage"], name="inbox_message_reminds_once"),
            models.CheckConstraint(
                condition=Q(reminds__isnull=True, stage__isnull=True)
                | Q(reminds__isnull=False, stage__isnull=False, kind="reminder"),
                name="inbox_message_reminder",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="inbox_message_titled"),
            models.CheckConstraint(
                condition=Q(link="") | Q(link__regex=r"^/([^/\\].*)?$"),
                name="inbox_message_link_is_ours",
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="inbox_message_inbox"),
            models.Index(
                fields=["recipient", "-id"],
                name="inbox_message_unread",
                condition=Q(read_at__isnull=True, archived_at__isnull=True),
            ),
            models.Index(
                fields=["due_on", "id"],
                name="inbox_message_due",
                condition=Q(due_on__isnull=False, settled_at__isnull=True, reminds__isnull=True),
            ),
            models.Index(fields=["reference_kind", "reference_id"], name="inbox_message_reference"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def heading(self) -> str:
        """The title in the reader's language."""
        return self._read("title") if self.said else in_own_language(self.title)

    @property
    def text(self) -> str:
        """The body in the reader's language."""
        return self._read("body")

    def _read(self, part: str) -> str:
        phrases = self.said or {}
        return shown(phrases[part]) if part in phrases else getattr(self, part)


class Preference(Versioned):
    """How one person wants to be told outside the inbox. Without a row: the defaults of these columns.

    Hours are those of Asia/Shanghai; quiet from 22 to 7 means none between 22:00 and 06:59; equal hours
    mean no quiet time. ``muted`` names kinds that stay in the inbox only.
    """

    class Digest(models.TextChoices):
        NONE = "none", _("逐条发送")
        DAILY = "daily", _("每日摘要")
        WEEKLY = "weekly", _("每周摘要")

    user = models.OneToOneField("accounts.User", on_delete=models.PROTECT, related_name="+")
    wants_sms = models.BooleanField(default=True)
    wants_email = models.BooleanField(default=True)
    muted = models.JSONField(default=list)
    digest = models.CharField(max_length=10, choices=Digest, default=Digest.NONE)
    digest_hour = models.SmallIntegerField(default=8)
    quiet_from = models.SmallIntegerField(default=21)
    quiet_to = models.SmallIntegerField(default=8)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(digest_hour__range=(0, 23), quiet_from__range=(0, 23), quiet_to__range=(0, 23)),
                name="inbox_preference_hours",
            ),
        ]


class Contact(Versioned):
    """A person's phone number or e-mail address, sealed and blind; used once its owner proved it by a code.

    Sealed under the instance's own data key (county 0, label ``contact.sms`` or ``contact.email``, uid).
    """

    class Channel(models.TextChoices):
        SMS = "sms", _("短信")
        EMAIL = "email", _("电子邮件")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel)
    sealed = models.BinaryField()
    blind = models.BinaryField()
    verified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "channel"], name="inbox_contact_one_each")]
        indexes = [models.Index(fields=["blind"], name="inbox_contact_blind")]


class Delivery(models.Model):
    """One thing to be sent outside, by one channel: waiting, under way, and what came of it.

    ``template`` and the sealed ``payload`` say what is sent to whom; the payload is dropped as soon as
    nothing more will be sent. ``idempotency_key`` goes to the provider with every attempt: a process killed
    between sending and recording sends again with the same key (at least once; the provider makes it once).
    """

    class Channel(models.TextChoices):
        SMS = "sms", _("短信")
        EMAIL = "email", _("电子邮件")

    class State(models.TextChoices):
        WAITING = "waiting", _("待发送")
        SENDING = "sending", _("发送中")
        SENT = "sent", _("已发送")
        GIVEN_UP = "given_up", _("已放弃")
        OFF = "off", _("通道未启用")

    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="deliveries")
    recipient = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel)
    template = models.CharField(max_length=20)
    payload = models.BinaryField(null=True)
    idempotency_key = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    provider_reference = models.CharField(max_length=80, blank=True, default="")
    error = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "channel"], name="inbox_delivery_once_per_channel"),
            models.CheckConstraint(condition=Q(attempts__gte=0), name="inbox_delivery_attempts"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sending"], finished_at__isnull=True)
                | Q(state__in=["sent", "given_up", "off"], finished_at__isnull=False, payload__isnull=True),
                name="inbox_delivery_finished_without_payload",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                name="inbox_delivery_due",
                condition=Q(state__in=["waiting", "sending"]),
            ),
            models.Index(fields=["state", "-id"], name="inbox_delivery_state"),
            models.Index(fields=["channel", "-id"], name="inbox_delivery_channel"),
        ]


class DigestRun(models.Model):
    """A person's digest of one period was made. Once per person and first day."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    period_from = models.DateField()
    count = models.IntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "period_from"], name="inbox_digest_once")]


class OneTimeCode(models.Model):
    """A six-digit code sent to a phone number or address: a keyed hash, good for minutes and few tries.

    ``target_blind`` and ``address_blind`` (where the request came from) serve the rate limits.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    purpose = models.CharField(max_length=30)
    target_blind = models.BinaryField()
    address_blind = models.BinaryField()
    code_hash = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tries__range=(0, 5)), name="inbox_code_tries"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="inbox_code_dates"),
        ]
        indexes = [
            models.Index(fields=["target_blind", "purpose", "-id"], name="inbox_code_target"),
            models.Index(fields=["address_blind", "created_at"], name="inbox_code_address"),
        ]
