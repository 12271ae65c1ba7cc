"""What a telephone may hold and for how long, and when two reports contradict. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PACK_HOURS = 72  # what was taken along is readable that long without a network
DEVICE_DAYS = 90  # after that a telephone is made ready anew
PIN_DIGITS = 6
TRIES = 5
MOST_HOUSEHOLDS = 1_000
MOST_ALERTS = 400
MOST_FIELDS = 2_000
MOST_SIGNS = 4_000  # of one value
MOST_PHOTOS = 6  # of one report
KINDS = ("visit", "facts", "entry")
_NUMBER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Sent:
    """One report as a telephone sends it.

    ``number`` is given out by the telephone, once per report. ``subject`` is the alert of a visit, the
    household of an observation, 0 for a new household; ``read`` is the version of the alert or the number of
    the observation that the visitor had before the eyes. ``fields`` are the names and values of the form.
    """

    number: str
    kind: str
    subject: int
    read: int
    made_at: datetime
    fields: tuple[tuple[str, str], ...]

    @property
    def fingerprint(self) -> bytes:
        """The same for the same content, whenever and however often it is sent."""
        content = [self.kind, self.subject, self.read, list(map(list, self.fields))]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()


def sent_of(given: Any) -> Sent | None:
    """A report out of what came over the line; None when it is none of ours."""
    if not isinstance(given, dict):
        return None
    number, kind, fields = given.get("number"), given.get("kind"), given.get("fields")
    if not (isinstance(number, str) and is_number(number)) or kind not in KINDS:
        return None
    subject, read, made_at = _whole(given, "subject"), _whole(given, "read"), _instant(given.get("made_at"))
    if subject is None or read is None or made_at is None or not _are_fields(fields):
        return None
    return Sent(number, kind, subject, read, made_at, tuple((name, value) for name, value in fields or ()))


def is_number(text: str) -> bool:
    """Whether this is a number as telephones give them out."""
    return bool(_NUMBER.fullmatch(text))


def _whole(given: Mapping[str, Any], name: str) -> int | None:
    found = given.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63 else None


def _are_fields(given: Any) -> bool:
    return (
        isinstance(given, list)
        and len(given) <= MOST_FIELDS
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(text, str) and len(text) <= MOST_SIGNS for text in pair)
            for pair in given
        )
    )


def _instant(given: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(given).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def clashes(taken: Mapping[str, Any], now: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    """The facts of ``mine`` that somebody else changed since they were taken along, to something else.

    A three-way comparison: what nobody else touched, and what both say alike, does not clash.
    """
    return sorted(
        name for name, value in mine.items() if now.get(name) != taken.get(name) and now.get(name) != value
    )


def device_until(opened_at: datetime) -> datetime:
    """When a telephone must be made ready anew."""
    return opened_at + timedelta(days=DEVICE_DAYS)
