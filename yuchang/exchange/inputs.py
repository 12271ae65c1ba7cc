"""From stored postings to the engine's columns, and back from a frozen run. Reads only."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connection

from yuchang.exchange.clearing.checker import Certificate
from yuchang.exchange.clearing.problem import Ints, Problem, from_bytes, sha256
from yuchang.exchange.clearing.proposals import floor_prices
from yuchang.exchange.clearing.result import Clearing as Result
from yuchang.exchange.clearing.scenario import Outcome, Step, compute, outcome_from_bytes
from yuchang.exchange.clearing.scenario_checker import verify
from yuchang.exchange.clearing.terms import (
    Context,
    Parameters,
    context_from_bytes,
    empty_context,
    parameters_of,
)
from yuchang.exchange.models import Category, Clearing
from yuchang.exchange.rules import certificate_bits
from yuchang.places.models import Place

# A talk holds its quantity until it ends: what is being talked about is not proposed to others.
_OPEN = """
    WITH held AS (
        SELECT side.posting_id, sum(coalesce(t.quantity, m.quantity)) AS quantity
        FROM exchange_match m LEFT JOIN exchange_talk t ON t.match_id = m.id,
             LATERAL (VALUES (m.offer_id), (m.need_id)) AS side(posting_id)
        WHERE m.state = 'talking' GROUP BY side.posting_id
    ), local AS (
        SELECT DISTINCT category_id FROM exchange_posting
        WHERE state = 'open' AND county_id = %(county)s
    )
    SELECT p.id, p.direction = 'offer',
           CASE p.owner_kind WHEN 'household' THEN p.household_id * 3 WHEN 'village' THEN p.village_id * 3 + 1
                             ELSE p.organisation_id * 3 + 2 END,
           p.category_id, p.quantity - p.agreed_quantity - coalesce(h.quantity, 0), p.limit_fen,
           p.window_from, p.window_to, p.county_id, coalesce(p.radius_km, c.radius_km, -1), p.certificates
    FROM exchange_posting p JOIN exchange_category c ON c.code = p.category_id
    LEFT JOIN held h ON h.posting_id = p.id
    WHERE p.state = 'open' AND p.window_to >= %(on)s AND p.county_id IS NOT NULL
      AND p.quantity - p.agreed_quantity - coalesce(h.quantity, 0) > 0
      AND (%(county)s::bigint IS NULL OR p.category_id IN (SELECT category_id FROM local))
      AND (%(categories)s::text[] = '{}' OR p.category_id = ANY(%(categories)s))
    ORDER BY p.id
"""


def organisation_owner(organisation_id: int) -> int:
    """The number by which an organisation owns postings (``_OPEN``)."""
    return organisation_id * 3 + 2


def organisation_of(owner: int) -> int | None:
    """The organisation of an owner's number; None for households and villages."""
    return owner // 3 if owner % 3 == 2 else None


def load_postings(on: date, county_id: int | None, categories: Sequence[str]) -> Problem:
    """All open postings of a day as columns; with a county, only categories posted there, focused on it."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"on": on, "county": county_id, "categories": list(categories)})
        rows = cursor.fetchall()
    if county_id is not None and all(row[8] != county_id for row in rows):
        rows = []
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 11
    columns[10] = [certificate_bits(codes) for codes in columns[10]]
    codes = tuple(sorted(set(columns[3])))
    transport = dict(Category.objects.filter(pk__in=codes).values_list("code", "transport_fen_100km"))
    return problem_of(columns, codes, transport, tuple(sorted(set(columns[8]))), county_id)


def problem_of(
    columns: Sequence[Sequence[Any]],
    codes: tuple[str, ...],
    transport: dict[str, int],
    counties: tuple[int, ...],
    county_id: int | None,
) -> Problem:
    """Postings as columns (those of ``_OPEN``, by id) of these categories and counties. One query."""
    category_at = {code: i for i, code in enumerate(codes)}
    county_at = {number: i for i, number in enumerate(counties)}
    points = dict((r[0], r[1:]) for r in _points(counties))
    return Problem(
        id=_ints(columns[0]),
        is_offer=np.array(columns[1], dtype=bool),
        owner=_ints(columns[2]),
        category=_ints(category_at[code] for code in columns[3]),
        quantity=_ints(columns[4]),
        limit=_ints(columns[5]),
        start=_ints(day.toordinal() for day in columns[6]),
        end=_ints(day.toordinal() for day in columns[7]),
        county=_ints(county_at[number] for number in columns[8]),
        radius=_ints(columns[9]),
        certificates=_ints(columns[10]),
        category_codes=codes,
        transport_fen_100km=_ints(transport[code] for code in codes),
        county_ids=counties,
        longitude_e4=_ints(_e4(points[c][0]) for c in counties),
        latitude_e4=_ints(_e4(points[c][1]) for c in counties),
        has_point=np.array([None not in points[c] for c in counties], dtype=bool),
        focus=-1 if county_id is None else county_at.get(county_id, -1),
    )


def _points(counties: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    return Place.objects.filter(pk__in=counties).values_list("pk", "longitude", "latitude")


def _ints(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(list(values), dtype=np.int64)


def _e4(degrees: float | None) -> int:
    return 0 if degrees is None else round(degrees * 10_000)


@dataclass(frozen=True)
class Frozen:
    """What a run saw, what it was asked and what it found. ``result``: the cash trades."""

    problem: Problem
    context: Context
    asked: Parameters
    outcome: Outcome

    @property
    def result(self) -> Result:
        """The cash trades and every posting's dual."""
        return self.outcome.cleared

    @property
    def gains(self) -> Ints:
        """What every posting gains per unit by itself: its dual without the price of its floors."""
        floors = floor_prices(self.problem, self.asked, self.context, self.outcome)
        own: Ints = np.maximum(self.outcome.cleared.dual - floors, 0)
        return own


def thaw(run: Clearing) -> Frozen:
    """Read a stored run. Raises ValueError when its bytes do not match their hashes. One query."""
    stored = Clearing.objects.values_list("inputs", "result", "context").get(pk=run.pk)
    inputs, answer, context = (b"" if data is None else zlib.decompress(data) for data in stored)
    found = (sha256(inputs), sha256(answer), sha256(context) if context else "")
    if found != (run.inputs_hash, run.result_hash, run.context_hash):
        raise ValueError(f"clearing {run.pk}: the stored bytes do not match their hashes")
    problem = from_bytes(inputs)
    return Frozen(
        problem,
        context_from_bytes(context) if context else empty_context(len(problem)),
        parameters_of(run.parameters),
        outcome_from_bytes(answer),
    )


@dataclass(frozen=True)
class Again:
    """A run computed again from its frozen inputs, and checked again."""

    is_same: bool
    result_hash: str
    certificate: Certificate


def replay(run: Clearing, step: Step = lambda stage, percent: None) -> Again:
    """Compute the frozen inputs again: the same engine gives the same bytes.

    Raises ValueError when the stored bytes do not match their hashes, and what ``step`` raises.
    """
    step("start", 1)
    frozen = thaw(run)
    again = compute(frozen.problem, frozen.context, frozen.asked, step=step)
    found = sha256(again.to_bytes())
    certificate = verify(frozen.problem, frozen.context, frozen.asked, frozen.outcome)
    return Again(found == run.result_hash, found, certificate)
