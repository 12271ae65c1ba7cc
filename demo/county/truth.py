"""The truth, written apart: a Parquet folder that only tests, bench and the demo's own report may read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.county.build import County
from demo.county.columns import Doubled
from demo.county.reporting import Report, Told
from demo.county.tables import MARK


def write(folder: Path, county: County, report: Report) -> None:
    """Write every table of the truth into ``folder``, each file carrying the simulated mark."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    homes, everyone = county.households, county.members
    first = county.incomes[0]
    _write(
        folder / "households.parquet",
        {
            "household": np.arange(len(homes.size)),
            "number": report.household_number,
            "village_code": county.villages.code[homes.village],
            "size": homes.size,
            "is_poor": county.is_poor,
            "is_monitored": county.is_monitored,
            "cause": county.cause,
            "net_per_head_yuan": first.net_per_head,
            "wage_yuan": first.wage,
            "business_yuan": first.business_gross,
            "expense_yuan": first.expense,
            "transfer_yuan": first.transfer,
            "property_yuan": first.property,
            "medical_yuan": first.medical_spending,
            **{f"net_per_head_year_{i}": year.net_per_head for i, year in enumerate(county.incomes) if i},
            "is_reported": report.is_reported,
            "is_favoured": report.is_favoured,
            "is_claimed_poor": report.is_claimed_poor,
            "reported_cause": report.reported_cause,
        },
    )
    _write(
        folder / "members.parquet",
        {
            "household": everyone.household,
            "name": everyone.name,
            "id_number": everyone.id_number,
            "birth_on": everyone.birth_on.astype("datetime64[D]"),
            "is_male": everyone.is_male,
        },
    )
    _write(folder / "villages.parquet", {k: v for k, v in vars(county.villages).items()})
    _write(folder / "events.parquet", {k: v for k, v in vars(county.events).items()})
    _write(folder / "produce.parquet", {k: v for k, v in vars(county.produce).items()})
    slips = [vars(slip) | {"sent_as": slip.sent_as} for slip in report.slips]
    _write(folder / "slips.parquet", {k: np.array([s[k] for s in slips]) for k in slips[0]})


def write_told(folder: Path, county: County, told: Told, doubled: Sequence[Doubled]) -> None:
    """The truth of a county that is handed over as columns: its households and its doubled people."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    homes = county.households
    _write(
        folder / "households.parquet",
        {
            "number": told.number,
            "size": homes.size,
            "is_poor": county.is_poor,
            "is_monitored": county.is_monitored,
            "cause": county.cause,
            **{f"net_per_head_year_{i}": year.net_per_head for i, year in enumerate(county.incomes)},
            "is_reported": told.is_reported,
            "is_favoured": told.is_favoured,
            "is_claimed_poor": told.is_claimed_poor,
            "reported_cause": told.cause,
        },
    )
    _write(
        folder / "doubled.parquet",
        {
            "kind": np.array([one.kind for one in doubled]),
            "number": told.number[[one.household for one in doubled]],
            "other": told.number[[one.other for one in doubled]],
            "name": np.array([one.name for one in doubled]),
            "name_entered": np.array([one.name_entered for one in doubled]),
        },
    )


def append(folder: Path, table: str, names: Sequence[str], rows: Sequence[Sequence[int]]) -> None:
    """Add rows of whole numbers to a table of the truth; rows that are there already are not added again."""
    known: list[tuple[int, ...]] = []
    if (folder / f"{table}.parquet").exists():
        found = read(folder, table)
        known = [tuple(map(int, row)) for row in zip(*(found[name] for name in names), strict=True)]
    every = list(dict.fromkeys([*known, *map(tuple, rows)]))
    _write(
        folder / f"{table}.parquet",
        {name: np.array([row[i] for row in every], dtype=np.int64) for i, name in enumerate(names)},
    )


def _write(path: Path, columns: dict[str, Any]) -> None:
    arrays = {
        name: pa.array(values.tolist() if values.dtype.kind == "U" else values)
        for name, values in columns.items()
    }
    table = pa.table(arrays).replace_schema_metadata({"mark": MARK})
    pq.write_table(table, path, compression="zstd")


def read(folder: Path, table: str) -> dict[str, Any]:
    """One table of the truth as numpy columns."""
    found = pq.read_table(folder / f"{table}.parquet")
    return {name: found[name].to_numpy(zero_copy_only=False) for name in found.column_names}
