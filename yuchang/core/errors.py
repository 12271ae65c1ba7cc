"""Errors that are messages to a person: what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field


class YuchangError(Exception):
    """The base of all refusals that a page or an API shows to a person."""

    status = 400

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.remedy = str(remedy)


class Refused(YuchangError):
    """The actor's role or area does not allow this. Names the rule and whom to ask."""

    status = 403


class Hidden(YuchangError):
    """The object does not exist for this reader: absent, or outside the reader's area."""

    status = 404


class Stale(YuchangError):
    """The write named an older version than the stored one."""

    status = 409


class Conflict(YuchangError):
    """The state of the object does not allow this step (twice the same step, sold out, closed)."""

    status = 409


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input: the field, what is wrong, what to do."""

    field: str
    message: str
    remedy: str = ""


@dataclass
class Invalid(YuchangError):
    """The input breaks one or more rules; nothing was written."""

    problems: list[Problem] = field(default_factory=list)
    status = 422

    def __post_init__(self) -> None:
        super().__init__("；".join(p.message for p in self.problems) or "invalid")

    __hash__ = Exception.__hash__


def invalid(field_name: str, message: str, remedy: str = "") -> Invalid:
    """An ``Invalid`` with one problem."""
    return Invalid([Problem(field_name, str(message), str(remedy))])
