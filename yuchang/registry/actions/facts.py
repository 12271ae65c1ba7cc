"""Dated observations: one household, or a county at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from yuchang.accounts.rules import Actor
from yuchang.registry.models import HouseholdFacts


def record_facts(
    *,
    actor: Actor,
    household_id: int,
    observed_on: date,
    source: str,
    facts: Mapping[str, Any],
    member_facts: Mapping[int, Mapping[str, Any]] | None = None,
) -> HouseholdFacts:
    """Add an observation (``registry.enter``). Columns not named are carried over from the latest one.

    ``member_facts``: member id → columns of ``MemberFacts``, and ``health`` (list of codes).
    Raises Invalid for an unknown column or a day in the future.
    """
    raise NotImplementedError


def record_facts_set(
    *,
    actor: Actor,
    observed_on: date,
    source: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> int:
    """Many observations at once: ``rows`` are (household_id, value, …) in the order of ``columns``.

    Every household must lie in the actor's area, or nothing is written (Refused). Other columns are
    carried over. Returns how many observations were added.
    """
    raise NotImplementedError
