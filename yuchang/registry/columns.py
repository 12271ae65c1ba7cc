"""A county's households and people as columns, and which of them may not enter. Pure.

The same refusals as ``rules.check_household`` gives, for a hundred thousand people in a second. Warnings
are left out: they are for a person who reads one household.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from yuchang.registry import codes
from yuchang.registry.rules import clean_id, read_id

Texts = npt.NDArray[np.str_]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]

_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECK = np.array([1, 0, 40, 9, 8, 7, 6, 5, 4, 3, 2])  # by remainder; X is 40 signs above 0
_X = 40


@dataclass(frozen=True)
class HouseholdColumns:
    """One value per household in each column. ``village_id`` is a place of level 5.

    ``facts``: columns of ``HouseholdFacts`` beyond those named here, None is unknown. ``state``: where the
    household stands in the register it comes from (entered, listed, exited); empty: all are entered.
    """

    number: Sequence[str]
    village_id: Sequence[int]
    attribute: Sequence[str]
    main_cause: Sequence[str]
    hamlet: Sequence[str] = ()
    exit_attribute: Sequence[str] = ()
    state: Sequence[str] = ()
    declared_size: Sequence[int] = ()
    facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class MemberColumns:
    """One value per person in each column; ``household`` is a position in ``HouseholdColumns``, ascending.

    Sex and birth follow from the ID number. ``health``: codes per person. ``facts``: columns of
    ``MemberFacts``.
    """

    household: Sequence[int]
    number: Sequence[str]
    name: Sequence[str]
    relation: Sequence[str]
    id_number: Sequence[str]
    phone: Sequence[str]
    ethnicity: Sequence[str]
    health: Sequence[Sequence[str]]
    facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class IdColumns:
    """What the ID numbers say: ``error`` empty or a code of ``rules.read_id``; the person, birth and sex."""

    error: Texts
    person: Texts
    birth_on: Days
    is_male: Flags


@dataclass(frozen=True)
class Refusal:
    """A household that may not enter, and the first reason (a code of ``rules.MESSAGES`` or the layout's)."""

    number: str
    code: str


def read_ids(numbers: Sequence[str], on: date) -> IdColumns:
    """``rules.read_id`` of many numbers."""
    cleaned = np.array([clean_id(str(number)) for number in numbers], dtype="U22")
    usual = np.char.str_len(cleaned) == 18
    points = np.ascontiguousarray(cleaned.astype("U18")).view(np.uint32).reshape(len(cleaned), 18)
    signs = points.astype(np.int64) - ord("0")
    first, last = signs[:, :17], signs[:, 17]
    good_signs = ((first >= 0) & (first <= 9)).all(axis=1) & (((last >= 0) & (last <= 9)) | (last == _X))
    good_check = _CHECK[(np.clip(first, 0, 9) @ _WEIGHTS) % 11] == last
    birth, good_birth = _births(np.clip(first, 0, 9), on)
    error = np.select(
        [~usual, ~good_signs, ~good_check, ~good_birth], ["id_length", "id_signs", "id_check", "id_birth"], ""
    ).astype("U12")
    found = IdColumns(error, cleaned.astype("U18"), birth, first[:, 16] % 2 == 1)
    for i in np.flatnonzero(~usual).tolist():
        verdict = read_id(str(cleaned[i]), on)
        error[i], found.person[i] = verdict.error, verdict.person
        if verdict.birth_on:
            birth[i], found.is_male[i] = np.datetime64(verdict.birth_on), verdict.sex == "male"
    return found


def _births(digits: Ints, on: date) -> tuple[Days, Flags]:
    year = digits[:, 6:10] @ np.array([1000, 100, 10, 1])
    month = digits[:, 10:12] @ np.array([10, 1])
    day = digits[:, 12:14] @ np.array([10, 1])
    months = (np.clip(year, 1, 9999) - 1970) * 12 + np.clip(month, 1, 12) - 1
    birth = months.astype("datetime64[M]").astype("datetime64[D]") + (np.clip(day, 1, 31) - 1)
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    exists &= birth.astype("datetime64[M]").astype(np.int64) == months
    return birth, exists & (year >= 1890) & (birth <= np.datetime64(on))


def refusals(
    homes: HouseholdColumns, people: MemberColumns, ids: IdColumns, places: frozenset[int]
) -> dict[int, str]:
    """Position of a household → why it may not enter. ``places``: the villages within reach."""
    count = len(homes.number)
    of = np.asarray(people.household, dtype=np.int64)
    size = np.bincount(of, minlength=count)
    heads = np.bincount(of, weights=np.asarray(people.relation) == "head", minlength=count)
    found: dict[int, str] = {}

    def refuse(positions: npt.NDArray[np.intp], code: str) -> None:
        for position in positions.tolist():
            found.setdefault(int(position), code)

    villages = np.asarray(homes.village_id, dtype=np.int64)
    refuse(np.flatnonzero(~np.isin(villages, list(places))), "village_outside")
    for column in (homes.number, homes.attribute, homes.main_cause):
        refuse(np.flatnonzero(np.asarray(column) == ""), "missing")
    for column in (people.number, people.name, people.relation):
        refuse(of[np.asarray(column) == ""], "missing")
    for values, known in (
        (homes.attribute, codes.ATTRIBUTES),
        (homes.main_cause, codes.CAUSES),
        (homes.exit_attribute, codes.EXIT_ATTRIBUTES),
    ):
        refuse(np.flatnonzero(~np.isin(np.asarray(values), [c.code for c in known])), "code")
    refuse(of[~np.isin(np.asarray(people.relation), [c.code for c in codes.RELATIONS])], "code")
    if len(homes.declared_size):
        refuse(np.flatnonzero(np.asarray(homes.declared_size) != size), "size")
    refuse(np.flatnonzero(heads == 0), "head_none")
    refuse(np.flatnonzero(heads > 1), "head_many")
    refuse(np.flatnonzero(_repeated(np.asarray(homes.number))), "number_repeated")
    refuse(of[_repeated(np.asarray(people.number))], "person_number_twice")
    given = np.array([bool(number) for number in people.id_number])
    for code in ("id_length", "id_signs", "id_check", "id_birth"):
        refuse(of[given & (ids.error == code)], code)
    refuse(of[_repeated(ids.person) & given & (ids.error == "")], "id_twice")
    return found


def _repeated(values: Texts) -> Flags:
    """Which values occur more than once; empty ones do not count."""
    _, first, counts = np.unique(values, return_inverse=True, return_counts=True)
    several: Flags = (counts[first] > 1) & (values != "")
    return several
