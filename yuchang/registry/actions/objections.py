"""Objections to a notice: raised by a cadre for a villager, or taken in from the public page."""

from __future__ import annotations

from yuchang.accounts.rules import Actor
from yuchang.registry.models import Objection


def raise_objection(*, actor: Actor, entry_id: int, text: str) -> Objection:
    """Note a villager's objection to an entry of a live notice (``registry.enter``)."""
    raise NotImplementedError


def take_in_objections(*, actor: Actor) -> int:
    """Turn what the public page received into objections (``registry.publish``, or the system).

    Returns how many were taken in; those naming no live entry are marked and dropped.
    """
    raise NotImplementedError


def decide_objection(
    *, actor: Actor, objection_id: int, version: int | None, upheld: bool, reason: str
) -> Objection:
    """Decide it (``registry.decide_objection``).

    Raises Refused for who entered the household or raised the objection, Conflict when decided.
    """
    raise NotImplementedError
