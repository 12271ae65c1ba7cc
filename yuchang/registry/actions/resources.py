"""What households and villages have and need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from yuchang.accounts.rules import Actor
from yuchang.registry.models import Resource


def declare_resource(
    *,
    actor: Actor,
    direction: str,
    kind: str,
    category: str,
    quantity: int,
    unit: str,
    household_id: int | None = None,
    village_id: int | None = None,
    season_from: date | None = None,
    season_to: date | None = None,
    note: str = "",
) -> Resource:
    """Note an offer or need of a household, or of a village (``registry.enter``)."""
    raise NotImplementedError


def declare_resources_set(*, actor: Actor, rows: Iterable[Mapping[str, Any]]) -> int:
    """Many at once: mappings with the arguments of ``declare_resource``. Returns how many.

    Every household and village must lie in the actor's area, or nothing is written (Refused).
    """
    raise NotImplementedError


def withdraw_resource(*, actor: Actor, resource_id: int, version: int | None) -> Resource:
    """Mark a resource as no longer there."""
    raise NotImplementedError
