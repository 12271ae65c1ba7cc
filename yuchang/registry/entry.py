"""What is said of one household at entry, as plain values. Pure.

The form, the official workbook and the simulator all bring a ``HouseholdEntry``; the rules judge it
and the actions store it. Codes are those of ``registry.codes``; None and empty text are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True)
class MemberEntry:
    """One person. ``number`` is the person number 人编号; sex and birth follow from an 18-digit ID."""

    number: str
    name: str
    relation: str
    id_number: str = ""
    sex: str = ""
    birth_on: date | None = None
    ethnicity: str = ""
    phone: str = ""
    schooling: str | None = None
    enrolment: str | None = None
    health: tuple[str, ...] = ()
    labour: str | None = None
    work_status: str | None = None
    work_months: int | None = None
    has_serious_illness_cover: bool | None = None
    has_medical_insurance: bool | None = None


@dataclass(frozen=True)
class HouseholdEntry:
    """One household. ``facts`` may name any further column of ``HouseholdFacts`` (money in fen a year)."""

    number: str
    attribute: str
    main_cause: str
    members: tuple[MemberEntry, ...]
    other_causes: tuple[str, ...] = ()
    hamlet: str = ""
    exit_attribute: str = "not_exited"
    exit_year: int | None = None
    declared_size: int | None = None
    net_income_per_head_fen: int | None = None
    unsafe_house: str | None = None
    safe_water: bool | None = None
    water_hardship: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def head(self) -> MemberEntry | None:
        """The first member marked as head."""
        return next((m for m in self.members if m.relation == "head"), None)
