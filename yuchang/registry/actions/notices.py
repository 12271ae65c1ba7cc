"""Public notices of verified households."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.registry.models import Notice


def publish_notice(
    *, actor: Actor, village_id: int, household_ids: Sequence[int], opens_on: date, days: int = 7
) -> Notice:
    """Show verified households of one village in public, masked, for ``days`` days (``registry.publish``).

    Raises Conflict when one of them is not verified, Invalid for fewer than 5 or more than 60 days.
    """
    raise NotImplementedError


def publish_notices(*, actor: Actor, opens_on: date, days: int = 7, county_id: int | None = None) -> int:
    """A notice for every village of the actor's area with verified households. Returns the notices made."""
    raise NotImplementedError


def close_notice(*, actor: Actor, notice_id: int, version: int | None) -> Notice:
    """After its last day: list the households without an upheld objection, withhold the others.

    Raises Conflict while days are left or an objection is open.
    """
    raise NotImplementedError


def close_notices(*, actor: Actor) -> int:
    """Close every notice of the actor's area that is over and has no open objection. Returns how many."""
    raise NotImplementedError
