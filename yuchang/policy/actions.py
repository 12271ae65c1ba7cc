"""Writes: decisions on one household, runs over a county."""

from __future__ import annotations

from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.places.models import Place
from yuchang.policy.models import Decision, Run


def decide_household(*, actor: Actor, household_id: int, on: date) -> Decision:
    """Apply the rules of ``policies/`` to one household as known on the day, and store the decision.

    Needs ``policy.decide`` over the household's village. Raises Invalid (422) when no usable line
    is stored for the place and day; nothing is decided without one.
    """
    raise NotImplementedError


def run_policy(*, actor: Actor, county: Place, on: date) -> Run:
    """Freeze the county's households and apply the rules to all of them at once.

    Stores a ``Run`` with its plan and snapshot and one ``RunResult`` per household. Call it outside
    a transaction for the fast path. Raises like ``decide_household``.
    """
    raise NotImplementedError
