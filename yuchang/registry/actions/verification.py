"""The second person's check."""

from __future__ import annotations

from collections.abc import Sequence

from yuchang.accounts.rules import Actor
from yuchang.registry.models import Household


def verify_household(*, actor: Actor, household_id: int, version: int | None) -> Household:
    """Confirm an entry or correction made by somebody else (``registry.verify``).

    Raises Refused for one's own entry, Conflict when nothing waits, Stale.
    """
    raise NotImplementedError


def verify_households(*, actor: Actor, household_ids: Sequence[int] | None = None) -> int:
    """Confirm all of these, or all that wait in the actor's area; one's own entries are left out.

    Returns how many were verified.
    """
    raise NotImplementedError
