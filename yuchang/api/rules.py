"""Tokens and the pace of retries. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

PREFIX_SIGNS = 10
_TOKEN = re.compile(r"yuc_([0-9a-z]{10})_([A-Za-z0-9_-]{43})")
LONGEST_DAYS = 365
# After the first, second, … failed attempt; then the delivery is given up.
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)

# What a token may be given: permission → (Chinese, English). A token never has more than its owner.
OFFERED: dict[str, tuple[str, str]] = {
    "registry.read": ("读取农户(脱敏)", "read households (masked)"),
    "registry.enter": ("录入农户与观测", "enter households and facts"),
    "policy.read": ("读取认定结论", "read decisions"),
    "monitoring.read": ("读取监测预警", "read alerts"),
    "partners.read": ("读取伙伴", "read partners"),
    "exchange.read": ("读取供需与撮合", "read postings and matches"),
    "exchange.post": ("发布供需", "post offers and needs"),
    "exchange.talk": ("答复撮合", "answer matches"),
    "market.read": ("读取轮次与订单", "read rounds and orders"),
    "market.order": ("下单", "place orders"),
    "ledger.read": ("读取账本", "read the book"),
    "audit.read": ("读取审计根", "read the roots of the audit log"),
}


def split_token(text: str) -> tuple[str, str] | None:
    """(prefix, secret) of a token as sent; None for anything else."""
    found = _TOKEN.fullmatch(text)
    return (found[1], found[2]) if found else None


def joined_token(prefix: str, secret: str) -> str:
    """The token as its owner sees it, once."""
    return f"yuc_{prefix}_{secret}"


def secret_hash(secret: str) -> bytes:
    """SHA-256: the secret has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).digest()


def next_attempt(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None when it is time to give up."""
    return RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None


def is_wanted(action: str, events: list[str]) -> bool:
    """Whether one of the patterns names the action: ``exchange.post``, ``exchange.*`` or ``*``."""
    return any(e in ("*", action) or (e.endswith(".*") and action.startswith(e[:-1])) for e in events)
