"""What a clearing knows of the postings besides: owners, lots, pairs apart, budgets, emergencies. Reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connection

from yuchang.exchange.budgets import budgets_free, pairings_on
from yuchang.exchange.clearing.problem import ANYWHERE, Flaw, Problem, Unfit
from yuchang.exchange.clearing.terms import Context, help_of, with_values
from yuchang.exchange.inputs import load_postings, organisation_of, organisation_owner
from yuchang.exchange.learning import learned_limits

PAIRS_MAX = 500_000
"""No clearing bars more pairs one by one."""
_OWNERS = """
    SELECT coalesce(p.household_id, 0),
           CASE p.owner_kind WHEN 'organisation' THEN 0 ELSE coalesce(p.village_id, 0) END,
           coalesce(h.state = 'listed', false), p.min_lot, p.radius_km IS NULL
    FROM exchange_posting p LEFT JOIN registry_household h ON h.id = p.household_id
    WHERE p.id = ANY(%(ids)s) ORDER BY p.id
"""
_KEPT = """
    SELECT m.offer_id, m.need_id FROM exchange_match m
    WHERE m.state <> 'declined' AND m.clearing_id = (
        SELECT id FROM exchange_clearing
        WHERE state = 'published' AND county_id IS NOT DISTINCT FROM %(county)s
        ORDER BY published_at DESC, id DESC LIMIT 1)
      AND m.offer_id = ANY(%(ids)s) AND m.need_id = ANY(%(ids)s)
    ORDER BY 1, 2
"""
# Declined for anything but the price.
_BARRED = """
    SELECT m.offer_id, m.need_id FROM exchange_match m
    WHERE m.state = 'declined' AND m.offer_id = ANY(%(ids)s) AND m.need_id = ANY(%(ids)s)
      AND NOT EXISTS (SELECT 1 FROM exchange_message s JOIN exchange_talk t ON t.id = s.talk_id
                      WHERE t.match_id = m.id AND s.kind IN ('decline', 'refuse') AND s.code = 'price')
    ORDER BY 1, 2 LIMIT %(most)s
"""
# What an emergency's fund has promised: agreements hold it, and so do talks.
_EMERGENCIES = """
    SELECT e.id, e.posting_id, e.category_id, e.county_id, e.quantity, e.radius_km, e.help_fen,
           (e.fund_fen - coalesce(sum(h.help_fen * coalesce(a.quantity, t.quantity, m.quantity)), 0))::bigint
    FROM exchange_emergency e
    LEFT JOIN exchange_emergencyhelp h ON h.emergency_id = e.id
    LEFT JOIN exchange_match m ON m.id = h.match_id AND m.state IN ('talking', 'agreed')
    LEFT JOIN exchange_talk t ON t.match_id = m.id
    LEFT JOIN exchange_agreement a ON a.match_id = m.id AND a.state <> 'refused'
    WHERE e.state = 'live' AND e.until >= %(on)s
    GROUP BY e.id ORDER BY e.posting_id IS NULL, e.id
"""


@dataclass(frozen=True)
class Inputs:
    """Everything a clearing sees, ready to be frozen."""

    problem: Problem
    context: Context


@dataclass(frozen=True)
class _Live:
    """An emergency of the day; ``fund_fen`` is what its fund has left."""

    pk: int
    posting_id: int | None
    category: str
    county_id: int
    quantity: int
    radius_km: int | None
    help_fen: int
    fund_fen: int


def load_inputs(on: date, county_id: int | None, categories: Sequence[str]) -> Inputs:
    """The open postings of a day with all that is known of them.

    A limit is what a declined price has taught, if that is stricter than stated; emergencies lower limits by
    their help and widen radii. Raises Unfit (``too many pairs``) when too many pairs are barred one by one.
    """
    stated = load_postings(on, county_id, categories)
    problem = with_values(stated, "limit", learned_limits(stated.id.tolist()))
    values = {"ids": problem.id.tolist(), "county": county_id, "most": PAIRS_MAX + 1, "on": on}
    owners = _rows(_OWNERS, values)
    barred = _rows(_BARRED, values)
    if len(barred) > PAIRS_MAX:
        raise Unfit([Flaw("too many pairs", 0, str(PAIRS_MAX))])
    columns = list(zip(*owners, strict=True)) if owners else [()] * 5
    household, village, lots = (np.array(columns[c], dtype=np.int64) for c in (0, 1, 3))
    helps, radius = _relief(problem, village.tolist(), list(columns[4]), values)
    fen = {number: help_fen for number, _emergency, help_fen in helps}
    limits = dict(zip(problem.id.tolist(), problem.limit.tolist(), strict=True))
    problem = with_values(problem, "limit", {number: limits[number] - fen[number] for number in fen})
    problem = with_values(problem, "radius", radius)
    moved = np.nonzero(problem.limit != stated.limit)[0]
    context = Context(
        household,
        village,
        np.array(columns[2], dtype=bool),
        lots,
        kept=tuple(_rows(_KEPT, values)),
        barred=tuple(barred),
        helps=helps,
        stated=tuple((int(stated.id[i]), int(stated.limit[i])) for i in moved.tolist()),
        budgets=_budgets(problem, on, county_id),
        pairings=tuple(
            (number, fen, organisation_owner(helper) if helper else 0, helping, county, village)
            for number, fen, helper, helping, county, village in pairings_on(on, county_id)
        ),
    )
    return Inputs(problem, context)


def _budgets(problem: Problem, on: date, county_id: int | None) -> tuple[tuple[int, int], ...]:
    """What is free of the budget of every organisation that needs something, beside other runs' proposals."""
    owners = np.unique(problem.owner[~problem.is_offer]).tolist()
    numbers = [one for owner in owners if (one := organisation_of(owner)) is not None]
    found = budgets_free(numbers, on, replaced=problem.id.tolist(), county_id=county_id)
    return tuple((organisation_owner(one), fen) for one, fen in found.items())


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _relief(
    problem: Problem, village: list[int], is_usual: list[bool], values: dict[str, Any]
) -> tuple[tuple[tuple[int, int, int], ...], dict[int, int]]:
    """What emergencies add per unit (posting, emergency, fen), and the radii they widen, by posting id."""
    helps: dict[int, tuple[int, int, int]] = {}
    radius: dict[int, int] = {}
    for row in _rows(_EMERGENCIES, values):
        one = _Live(*row)
        covered = [i for i in _covered(problem, village, one) if int(problem.id[i]) not in helps]
        units = sum(int(problem.quantity[i]) for i in covered)
        for i in covered:
            number = int(problem.id[i])
            fen = help_of(one.help_fen, int(problem.limit[i]), one.fund_fen, units)
            helps[number] = (number, one.pk, fen)
            radius[number] = _wider(int(problem.radius[i]), one.radius_km)
        if covered:
            radius |= _usual_needs(problem, one, is_usual)
    return tuple(helps[number] for number in sorted(helps)), radius


def _covered(problem: Problem, village: list[int], one: _Live) -> list[int]:
    """The offers an emergency is for: its posting, or the county's own of the category up to its quantity."""
    if one.posting_id is not None:
        return np.nonzero(problem.id == one.posting_id)[0].tolist()
    if one.category not in problem.category_codes or one.county_id not in problem.county_ids:
        return []
    own = (
        problem.is_offer
        & (problem.category == problem.category_codes.index(one.category))
        & (problem.county == problem.county_ids.index(one.county_id))
    )
    found, left = [], one.quantity
    for i in np.nonzero(own)[0].tolist():
        if village[i] and left > 0:
            found.append(i)
            left -= int(problem.quantity[i])
    return found


def _usual_needs(problem: Problem, one: _Live, is_usual: list[bool]) -> dict[int, int]:
    """Needs that name no distance of their own do not keep an emergency away either."""
    if one.category not in problem.category_codes:
        return {}
    code = problem.category_codes.index(one.category)
    rows = np.nonzero(~problem.is_offer & (problem.category == code))[0].tolist()
    return {int(problem.id[i]): _wider(int(problem.radius[i]), one.radius_km) for i in rows if is_usual[i]}


def _wider(own: int, wanted: int | None) -> int:
    return ANYWHERE if wanted is None or own == ANYWHERE else max(own, wanted)
