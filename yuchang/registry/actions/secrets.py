"""Showing a sealed field: a write, because it leaves a trace."""

from __future__ import annotations

from yuchang.accounts.rules import Actor


def reveal(*, actor: Actor, member_id: int, field: str) -> str:
    """The clear ``id_number`` or ``phone`` of a member (``registry.reveal``), with an audit entry."""
    raise NotImplementedError
