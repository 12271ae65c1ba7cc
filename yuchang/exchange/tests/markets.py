"""Made-up markets for the engine's tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from yuchang.exchange.clearing.problem import Problem

COUNTIES = 3
calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""Examples enough to matter; a busy machine is no failure."""


def problem(rows: list[dict[str, Any]], **changes: Any) -> Problem:
    """A problem from plain rows; what a row leaves out is one unit at price 0, always and anywhere."""
    plain = {"offer": True, "category": 0, "quantity": 1, "limit": 0, "start": 0, "end": 9}
    plain |= {"county": 0, "radius": -1, "certificates": 0}
    filled = [{**plain, "owner": i, **row} for i, row in enumerate(rows)]

    def column(name: str) -> Any:
        return np.array([row[name] for row in filled], dtype=np.int64)

    given: dict[str, Any] = {
        "id": np.arange(1, len(rows) + 1),
        "is_offer": column("offer").astype(bool),
        "owner": column("owner"),
        "category": column("category"),
        "quantity": column("quantity"),
        "limit": column("limit"),
        "start": column("start"),
        "end": column("end"),
        "county": column("county"),
        "radius": column("radius"),
        "category_codes": ("goods.walnut", "goods.honey"),
        "transport_fen_100km": np.array([5, 0]),
        "county_ids": (11, 12, 13),
        "longitude_e4": np.array([1_050_000, 1_060_000, 1_150_000]),
        "latitude_e4": np.array([330_000, 330_000, 350_000]),
        "has_point": np.array([True, True, True]),
        "certificates": column("certificates"),
    }
    return Problem(**(given | changes))


def offer(limit: int, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"offer": True, "limit": limit, "quantity": quantity, **more}


def need(limit: int, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"offer": False, "limit": limit, "quantity": quantity, **more}


@st.composite
def problems(draw: st.DrawFn, most: int = 9) -> Problem:
    """Small markets with few distinct values, so that ties, twins and empty windows are frequent."""
    small = st.integers(0, 3)
    row = st.builds(
        lambda side, owner, category, quantity, limit, start, length, county, radius, certificates: {
            "offer": side,
            "owner": owner,
            "category": category,
            "quantity": quantity,
            "limit": limit,
            "start": start,
            "end": start + length,
            "county": county,
            "radius": radius,
            "certificates": certificates,
        },
        st.booleans(),
        st.integers(0, 6),
        st.integers(0, 1),
        st.integers(1, 4),
        st.integers(0, 12),
        small,
        small,
        st.integers(0, COUNTIES - 1),
        st.sampled_from([-1, -1, 0, 100, 1000]),
        st.sampled_from([0, 0, 0, 1, 2, 3]),
    )
    focus = draw(st.sampled_from([-1, -1, 0]))
    return problem(draw(st.lists(row, max_size=most)), focus=focus)
