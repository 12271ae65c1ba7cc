"""Objects that tests need without walking the whole way to them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Cause, Household, HouseholdFacts, Member, Source

_numbers = count(1)
SEEN = date(2026, 1, 10)
WRITTEN = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)


def household(
    village: Place, *, name: str = "王小满", size: int = 3, state: str = "listed", **more: Any
) -> Household:
    """A household with its head, its main cause, and no facts yet."""
    number = f"T{next(_numbers):010d}"
    values: dict[str, Any] = {
        "attribute": "ordinary",
        "main_cause": "illness",
        "entered_at": WRITTEN,
        "search_keys": [name],
    } | more
    row = Household.objects.create(
        number=number, size=size, head_name=name, state=state, place=village, **keys_of(village), **values
    )
    Member.objects.create(
        household=row, number=f"{number}01", name=name, relation="head", sex="male", joined_on=SEEN
    )
    Cause.objects.create(household=row, code=row.main_cause, is_main=True, since_on=SEEN)
    return row


def facts(
    row: Household, *, per_head_yuan: int | None = 12_000, on: date = SEEN, **more: Any
) -> HouseholdFacts:
    """One observation of a household; a sound house and safe water unless told."""
    values: dict[str, Any] = {"unsafe_house": "no", "safe_water": True} | more
    return HouseholdFacts.objects.create(
        household=row,
        observed_on=on,
        recorded_at=WRITTEN,
        source=Source.FORM,
        size=row.size,
        net_income_per_head_fen=None if per_head_yuan is None else per_head_yuan * 100,
        **values,
    )
