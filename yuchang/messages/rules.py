"""When and how often to tell a person, how codes are limited. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

# Days before the due day on which a person is reminded once each; negative: days after it.
REMINDER_STAGES = (3, 1, 0, -1, -7)
# Pauses after the first, second … failed attempt; after the last one the delivery is given up.
PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 720))
LEASE = timedelta(minutes=2)

# How long a message that was read, and asks for nothing more, stays in the inbox before it is put away.
KEPT_READ = timedelta(days=90)

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
# (window, most codes in it): for one phone number or address, and for one origin of requests.
TARGET_LIMITS = ((timedelta(minutes=1), 1), (timedelta(hours=1), 5), (timedelta(days=1), 10))
ORIGIN_LIMITS = ((timedelta(minutes=1), 10), (timedelta(hours=1), 60))

_PHONE = re.compile(r"1[3-9]\d{9}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")

# What leaves the house says that there is something, never what: titles and texts stay in the inbox.
TEXTS: dict[str, tuple[str, str]] = {
    "code": ("验证码", "【渔场】验证码 {code}，{minutes} 分钟内有效。工作人员不会向您索要验证码。"),
    "task": ("新的待办", "【渔场】您有一项新的待办，请登录平台办理。"),
    "due": ("待办到期提醒", "【渔场】您有一项待办将于 {due_on} 到期，请登录平台办理。"),
    "notice": ("新的消息", "【渔场】您有一条新消息，请登录平台查看。"),
    "digest": ("消息摘要", "【渔场】您有 {count} 条未读消息，请登录平台查看。"),
}


def stage_of(days_left: int) -> int | None:
    """The reminder that is due with so many days left: the latest stage reached; None before the first."""
    reached = [stage for stage in REMINDER_STAGES if days_left <= stage]
    return min(reached) if reached else None


def is_quiet(hour: int, quiet_from: int, quiet_to: int) -> bool:
    """Whether an hour of the day lies in the quiet time, which may go over midnight."""
    if quiet_from <= quiet_to:
        return quiet_from <= hour < quiet_to
    return hour >= quiet_from or hour < quiet_to


def next_allowed(at: datetime, quiet_from: int, quiet_to: int) -> datetime:
    """The first moment from ``at`` (local time) on that is not quiet."""
    if not is_quiet(at.hour, quiet_from, quiet_to):
        return at
    end = at.replace(hour=quiet_to, minute=0, second=0, microsecond=0)
    return end if end > at else end + timedelta(days=1)


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def period_from(on: date, digest: str) -> date:
    """The first day of the period that a digest made on this day stands for."""
    return on - timedelta(days=on.weekday()) if digest == "weekly" else on


def is_phone(text: str) -> bool:
    """A mobile number of the mainland: 11 digits."""
    return bool(_PHONE.fullmatch(text))


def is_email(text: str) -> bool:
    """An e-mail address as people have them."""
    return bool(_EMAIL.fullmatch(text)) and len(text) <= 120


def mask(target: str) -> str:
    """A phone number or address for display: only enough to recognise one's own."""
    if "@" in target:
        name, _at, host = target.partition("@")
        return f"{name[:1]}***@{host}"
    return f"{target[:3]}****{target[-2:]}"


def words_for(template: str, parameters: dict[str, str]) -> tuple[str, str]:
    """Subject and text of a template. Raises KeyError for an unknown template or a missing parameter."""
    subject, text = TEXTS[template]
    return subject, text.format_map(parameters)
