"""The columns of a generated county. One array per column, one dataclass per table.

Rows refer to each other by position: ``members.household[i]`` is a row number of ``households``.
Money is yuan as float inside the generator (a model of the world); it becomes integer fen where it
leaves through a workbook or an action.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]
Days = npt.NDArray[np.datetime64]

MARK = "模拟数据"
"""The mark that every exported file carries."""


@dataclass(frozen=True)
class Seat:
    """A real village of the tree: its code, its name, and the names above it."""

    code: str
    name: str
    township_code: str
    township_name: str
    county_code: str
    county_name: str


@dataclass(frozen=True)
class Recipe:
    """What is to be generated. ``series`` (0 to 8) keeps the numbers of a later lot of people apart."""

    seed: int = 1
    households: int = 20_000
    on: date = date(2026, 1, 5)
    line_yuan: float = 8550.0
    poor_share: float = 0.10
    months: int = 36
    series: int = 0


@dataclass(frozen=True)
class Villages:
    """What makes one village nearer or farther than another. Seats are real, everything else is made up."""

    code: Texts
    name: Texts
    township_code: Texts
    township_name: Texts
    remoteness: Floats
    altitude_m: Floats
    distance_km: Floats
    mu_per_head: Floats
    has_safe_water: Flags
    has_paved_road: Flags
    has_broadband: Flags
    has_courier_point: Flags
    weight: Floats


@dataclass(frozen=True)
class Households:
    """One row per household as it truly is."""

    village: Ints
    kind: Ints
    size: Ints
    hamlet: Texts
    ethnicity: Texts
    land_mu: Floats
    forest_mu: Floats
    floor_area: Floats
    unsafe_house: Texts
    has_safe_water: Flags
    savings_yuan: Floats
    debt_yuan: Floats


@dataclass(frozen=True)
class Members:
    """One row per person, ordered by household, the head first."""

    household: Ints
    slot: Ints
    relation: Texts
    is_male: Flags
    birth_on: Days
    age: Ints
    name: Texts
    id_number: Texts
    phone: Texts
    ethnicity: Texts
    schooling: Ints
    enrolment: Texts
    is_chronic: Flags
    is_serious: Flags
    is_disabled: Flags
    labour: Ints
    work_place: Ints
    work_months: Ints
    monthly_wage: Floats


@dataclass(frozen=True)
class Income:
    """One income year of every household, in yuan."""

    wage: Floats
    business_gross: Floats
    expense: Floats
    transfer: Floats
    property: Floats
    medical_spending: Floats
    net_per_head: Floats


@dataclass(frozen=True)
class Produce:
    """What a household can give in a year: goods, days of work, land. Whole units of the category.

    ``floor_fen`` is the least it would take for a unit; nobody but the household knows it.
    """

    household: Ints
    category: Texts
    quantity: Ints
    floor_fen: Ints


@dataclass(frozen=True)
class Events:
    """What happens to households, by month after the start."""

    month: Ints
    household: Ints
    kind: Texts
    loss_yuan: Floats


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random numbers of one purpose: a new purpose never disturbs the others."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode())]))
