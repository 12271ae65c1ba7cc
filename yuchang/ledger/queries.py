"""Reads of the book."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet

from yuchang.accounts.rules import Actor
from yuchang.ledger.models import Leg
from yuchang.places.models import Place


def household_book(actor: Actor, household_id: int) -> QuerySet[Leg]:
    """A household's statement lines with their transactions, newest first. Only what the actor may read."""
    raise NotImplementedError


def income_by_household(ids: Sequence[int], from_on: date, to_on: date) -> dict[int, int]:
    """Fen received by each household in the days given (both included); 0 for none."""
    raise NotImplementedError


def income_sql() -> str:
    """SQL text (household_id, income_fen) of a county's days: parameters %(county_id)s, %(from_on)s, %(to_on)s."""
    raise NotImplementedError


def money_flows(place: Place, from_on: date, to_on: date) -> dict[str, Any]:
    """The money of a place as Sankey ``nodes`` and ``links`` (value in fen), and ``total_fen``.

    Buyer kinds → channels → ways → townships (villages) → households by band; fees end at the third column.
    """
    raise NotImplementedError


def totals(place: Place, from_on: date, to_on: date) -> dict[str, int]:
    """Fen of the days: ``received`` from buyers, ``refunded``, ``households``, ``organisations``, ``residual``."""
    raise NotImplementedError
