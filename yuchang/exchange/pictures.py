"""Who gives what to whom, what is missing, what does not sell, and at what prices. Set-wise reads only.

Every picture is one statement over the postings or agreements of an area, whatever their number. Prices
are those of published clearings, in bands, and only where at least ``LEAST_OWNERS`` sell and buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.queries import LEVEL_COLUMNS
from yuchang.core.language import is_english
from yuchang.places.models import Place

LEAST_OWNERS = 3
"""Nobody's price is to be read off a band: so many different owners on each side."""
BAND_DAYS = 90
CATEGORIES_SHOWN = 12
PLACES_SHOWN = 12
LINES_SHOWN = 40
_LEVELS = ("province_id", "province_id", "prefecture_id", "county_id", "township_id", "village_id")
_HELD = "a.state IN ('agreed', 'fulfilled', 'closed')"
_WORTH = "CASE a.state WHEN 'closed' THEN a.fulfilled ELSE a.quantity END * a.price_fen"


@dataclass(frozen=True)
class Area:
    """What is looked at: a place, or the whole country (None)."""

    place: Place | None

    @property
    def column(self) -> str:
        """The place key that says whether something lies in the area; empty for the country."""
        return "" if self.place is None else LEVEL_COLUMNS[self.place.level]

    @property
    def part(self) -> str:
        """The place key of the parts that are told apart inside the area."""
        return _LEVELS[min(self.place.level + 1, 5)] if self.place is not None else "province_id"

    def holds(self, *names: str) -> str:
        """SQL: any of these rows lies in the area."""
        if not self.column:
            return "true"
        return "(" + " OR ".join(f"{name}.{self.column} = %(area)s" for name in names) + ")"

    def part_of(self, name: str) -> str:
        """SQL: the part of the area in which a row lies; its province when it lies outside."""
        own = f"coalesce({name}.{self.part}, {name}.place_id)"
        return (
            own if not self.column else f"CASE WHEN {self.holds(name)} THEN {own} ELSE {name}.province_id END"
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of these fragments."""
        return {"area": self.place.pk if self.place else None}


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _name() -> str:
    return "name_en" if is_english() else "name_zh"


def _unit() -> str:
    return "unit_en" if is_english() else "unit"


def flows(area: Area, since: date) -> dict[str, Any]:
    """Agreements as a Sankey: from where, what, to where; the smaller ones together. Worth in fen."""
    sql = f"""
        SELECT f.name, c.{_name()}, t.name, sum({_WORTH})::bigint AS worth
        FROM exchange_agreement a JOIN exchange_posting o ON o.id = a.offer_id
        JOIN exchange_posting n ON n.id = a.need_id JOIN exchange_category c ON c.code = a.category_id
        LEFT JOIN places_place f ON f.id = {area.part_of("o")}
        LEFT JOIN places_place t ON t.id = {area.part_of("n")}
        WHERE {_HELD} AND a.agreed_at >= %(since)s AND {area.holds("o", "n")}
        GROUP BY 1, 2, 3 HAVING sum({_WORTH}) > 0 ORDER BY worth DESC, 1, 2, 3
    """  # noqa: S608
    rows = _rows(sql, {**area.values, "since": since})
    return sankey_of([(f or "", c, t or "", int(worth)) for f, c, t, worth in rows])


def sankey_of(rows: list[tuple[str, str, str, int]]) -> dict[str, Any]:
    """Nodes and links of three columns; beyond the largest of each column everything is one rest."""
    rest = _("其他")
    totals: list[dict[str, int]] = [{}, {}, {}]
    for *names, worth in rows:
        for column, name in zip(totals, names, strict=True):
            column[name] = column.get(name, 0) + worth
    limits = (PLACES_SHOWN, CATEGORIES_SHOWN, PLACES_SHOWN)
    shown = [
        set(sorted(column, key=lambda n: (-column[n], n))[:limit])
        for column, limit in zip(totals, limits, strict=True)
    ]
    links: dict[tuple[str, str], int] = {}
    for *names, worth in rows:
        keys = [f"{at}:{name if name in shown[at] else rest}" for at, name in enumerate(names)]
        for pair in ((keys[0], keys[1]), (keys[1], keys[2])):
            links[pair] = links.get(pair, 0) + worth
    names = sorted({key for pair in links for key in pair})
    return {
        "unit": "fen",
        "nodes": [{"name": key, "title": key[2:] or rest} for key in names],
        "links": [{"source": a, "target": b, "value": worth} for (a, b), worth in links.items()],
    }


def county_lines(area: Area, since: date) -> list[dict[str, Any]]:
    """What moves between counties, the largest first: names, points (if known) and worth in fen."""
    sql = f"""
        SELECT f.name, t.name, f.longitude, f.latitude, t.longitude, t.latitude,
               count(*), sum({_WORTH})::bigint AS worth
        FROM exchange_agreement a JOIN exchange_posting o ON o.id = a.offer_id
        JOIN exchange_posting n ON n.id = a.need_id
        JOIN places_place f ON f.id = o.county_id JOIN places_place t ON t.id = n.county_id
        WHERE {_HELD} AND a.agreed_at >= %(since)s AND o.county_id <> n.county_id AND {area.holds("o", "n")}
        GROUP BY f.id, t.id ORDER BY worth DESC, f.id, t.id LIMIT {LINES_SHOWN}
    """  # noqa: S608
    return [
        {
            "giver": row[0],
            "taker": row[1],
            "from": None if None in row[2:4] else list(row[2:4]),
            "to": None if None in row[4:6] else list(row[4:6]),
            "count": row[6],
            "worth_fen": int(row[7]),
        }
        for row in _rows(sql, {**area.values, "since": since})
    ]


@dataclass(frozen=True)
class Heat:
    """Open quantities by place (rows) and category (columns), with a shade from 0 to 5 by column."""

    categories: list[dict[str, str]]
    rows: list[dict[str, Any]]


def open_heat(area: Area, direction: str) -> Heat:
    """What is open and not agreed, by part of the area and category; the most frequent categories."""
    sql = f"""
        WITH own AS (
            SELECT p.category_id, {area.part_of("p")} AS part, p.quantity - p.agreed_quantity AS quantity
            FROM exchange_posting p
            WHERE p.state = 'open' AND p.direction = %(direction)s AND {area.holds("p")}
              AND p.quantity > p.agreed_quantity
        ), most AS (
            SELECT category_id FROM own GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {CATEGORIES_SHOWN}
        )
        SELECT l.name, c.{_name()}, c.{_unit()}, sum(own.quantity)::bigint
        FROM own JOIN most USING (category_id) JOIN exchange_category c ON c.code = own.category_id
        JOIN places_place l ON l.id = own.part
        GROUP BY l.id, l.name, c.code ORDER BY c.position, l.code
    """  # noqa: S608
    rows = _rows(sql, {**area.values, "direction": direction})
    categories = list(dict.fromkeys((name, unit) for _where, name, unit, _n in rows))
    most: dict[str, int] = {}
    cells: dict[str, dict[str, int]] = {}
    for place, name, _kind, quantity in rows:
        most[name] = max(most.get(name, 0), int(quantity))
        cells.setdefault(place, {})[name] = int(quantity)
    return Heat(
        [{"name": name, "unit": unit} for name, unit in categories],
        [
            {"place": place, "cells": [_cell(own.get(name, 0), most[name]) for name, _kind in categories]}
            for place, own in cells.items()
        ],
    )


def _cell(quantity: int, most: int) -> dict[str, int]:
    return {"quantity": quantity, "shade": -(-quantity * 5 // most) if quantity else 0}


def unsold(area: Area, today: date) -> list[dict[str, Any]]:
    """Open supply by category: how much, of how many, how long it waits and how soon its window ends."""
    sql = f"""
        SELECT c.{_name()}, c.{_unit()}, count(*), count(*) FILTER (WHERE p.window_to < %(soon)s),
               sum(p.quantity - p.agreed_quantity)::bigint, %(today)s - min(p.created_at)::date
        FROM exchange_posting p JOIN exchange_category c ON c.code = p.category_id
        WHERE p.state = 'open' AND p.direction = 'offer' AND {area.holds("p")}
          AND p.quantity > p.agreed_quantity
        GROUP BY c.code ORDER BY 3 DESC, c.position
    """  # noqa: S608
    values = {**area.values, "today": today, "soon": today + timedelta(days=30)}
    names = ("category", "unit", "postings", "ending", "quantity", "days")
    return [dict(zip(names, row, strict=True)) for row in _rows(sql, values)]


def price_bands(area: Area, since: date) -> list[dict[str, Any]]:
    """Least, quartiles and most of the prices of published clearings, by category, in fen per unit.

    Left out: categories in which fewer than ``LEAST_OWNERS`` sell or fewer buy.
    """
    owner = "coalesce('h' || {0}.household_id, 'o' || {0}.organisation_id, 'v' || {0}.village_id)"
    sql = f"""
        SELECT c.{_name()}, c.{_unit()}, count(*), min(m.price_fen),
               percentile_disc(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY m.price_fen), max(m.price_fen)
        FROM exchange_match m JOIN exchange_clearing r ON r.id = m.clearing_id
        JOIN exchange_posting o ON o.id = m.offer_id JOIN exchange_posting n ON n.id = m.need_id
        JOIN exchange_category c ON c.code = m.category_id
        WHERE r.state = 'published' AND r."on" >= %(since)s AND {area.holds("o", "n")}
        GROUP BY c.code
        HAVING count(DISTINCT {owner.format("o")}) >= {LEAST_OWNERS}
           AND count(DISTINCT {owner.format("n")}) >= {LEAST_OWNERS}
        ORDER BY c.position
    """  # noqa: S608
    return [
        {
            "category": row[0],
            "unit": row[1],
            "count": row[2],
            "least": row[3],
            "low": row[4][0],
            "middle": row[4][1],
            "high": row[4][2],
            "most": row[5],
        }
        for row in _rows(sql, {**area.values, "since": since})
    ]


def village_network(village: Place, since: date) -> dict[str, Any]:
    """With whom a village deals: organisations by name, households by their village; worth in fen."""
    partner = "coalesce(g.name, l.full_name)"
    sql = f"""
        SELECT partner, gives, sum(worth)::bigint, count(*) FROM (
            SELECT {partner} AS partner, true AS gives, {_WORTH} AS worth
            FROM exchange_agreement a JOIN exchange_posting o ON o.id = a.offer_id
            JOIN exchange_posting x ON x.id = a.need_id
            LEFT JOIN partners_organisation g ON g.id = x.organisation_id
            JOIN places_place l ON l.id = x.place_id
            WHERE {_HELD} AND a.agreed_at >= %(since)s AND o.village_id = %(village)s
            UNION ALL
            SELECT {partner}, false, {_WORTH}
            FROM exchange_agreement a JOIN exchange_posting n ON n.id = a.need_id
            JOIN exchange_posting x ON x.id = a.offer_id
            LEFT JOIN partners_organisation g ON g.id = x.organisation_id
            JOIN places_place l ON l.id = x.place_id
            WHERE {_HELD} AND a.agreed_at >= %(since)s AND n.village_id = %(village)s
        ) AS deals GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {LINES_SHOWN}
    """  # noqa: S608
    rows = _rows(sql, {"village": village.pk, "since": since})
    names = list(dict.fromkeys(row[0] for row in rows))
    return {
        "unit": "fen",
        "nodes": [
            {"name": village.full_name, "own": True},
            *({"name": n} for n in names if n != village.full_name),
        ],
        "links": [
            {
                "source": village.full_name if gives else name,
                "target": name if gives else village.full_name,
                "value": int(worth),
                "count": count,
            }
            for name, gives, worth, count in rows
        ],
    }
