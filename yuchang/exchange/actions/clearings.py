"""Clearing runs: frozen, checked independently, then published as proposals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import Clearing
from yuchang.places.models import Place


def run_clearing(
    *, actor: Actor, on: date, county: Place | None = None, categories: Sequence[str] | None = None
) -> Clearing:
    """Clear all open postings as of a day and freeze the run (state ``computed``).

    With ``county``: matches with at least one side in that county. Without: the whole nation (needs a
    nation-wide ``exchange.clear``). ``categories`` limits the run to some category codes. The certificate
    is checked by the independent checker before the run is stored; a run that fails it can be looked at
    but never published. Raises Invalid when there is nothing to clear or the arithmetic would overflow.
    """
    raise NotImplementedError


def publish_clearing(*, actor: Actor, clearing_id: int, version: int) -> Clearing:
    """Turn a certified run into proposals to both sides, and store why the rest found nobody.

    Older unanswered proposals of the same postings are superseded. Raises Conflict when the run is not
    certified, already published, or a posting it matched has changed since.
    """
    raise NotImplementedError


def discard_clearing(*, actor: Actor, clearing_id: int, version: int, reason: str) -> Clearing:
    """Set a computed run aside; it stays readable and is never published."""
    raise NotImplementedError
