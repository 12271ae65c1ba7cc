"""The lines of the demo's report, and the list of cases behind them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Row:
    """One line: what was asked, the truth, what the platform said, and whether that is as it must be."""

    subject: str
    truth: str
    platform: str
    verdict: str = ""
    must_hold: bool | None = None


@dataclass
class Errors:
    """The cases behind the figures, for the Parquet file."""

    kind: list[str] = field(default_factory=list)
    household: list[str] = field(default_factory=list)
    note: list[str] = field(default_factory=list)

    def add(self, kind: str, household: str, note: str) -> None:
        """List one case."""
        self.kind.append(kind)
        self.household.append(household)
        self.note.append(note)


def share(part: int, whole: int) -> str:
    """A part of a whole with its percentage."""
    return f"{part:,} / {whole:,} = {100 * part / whole:.2f} %" if whole else "—"


def percent(part: int, whole: int) -> str:
    """The percentage alone."""
    return f"{100 * part / whole:.0f} %" if whole else "—"
