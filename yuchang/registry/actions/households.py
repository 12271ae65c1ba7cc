"""Enter, correct, exit and remove a household."""

from __future__ import annotations

from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.registry.entry import HouseholdEntry
from yuchang.registry.models import Household


def register_household(
    *, actor: Actor, village_id: int, entry: HouseholdEntry, observed_on: date
) -> Household:
    """Enter a household of a village in the actor's area (``registry.enter``).

    Raises Invalid with every blocking finding of the rules, Refused or Hidden outside the area,
    Conflict when the number or a person is already registered.
    """
    raise NotImplementedError


def correct_household(
    *, actor: Actor, household_id: int, version: int | None, entry: HouseholdEntry, observed_on: date
) -> Household:
    """Correct an entered household; the roster in ``entry`` is complete, who is missing has left.

    A verified household goes back to the second person. Raises Stale, Conflict (under notice, removed).
    """
    raise NotImplementedError


def exit_household(*, actor: Actor, household_id: int, version: int | None, on: date) -> Household:
    """Mark a listed household as exited (``registry.publish``). Raises Conflict in another state."""
    raise NotImplementedError


def remove_household(*, actor: Actor, household_id: int, version: int | None, reason: str) -> Household:
    """Strike a household off the register; its rows and history stay. Raises Conflict under notice."""
    raise NotImplementedError
