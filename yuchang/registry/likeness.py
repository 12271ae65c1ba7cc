"""Whether two registered persons may be one and the same. Pure; the page is docs/rules/likeness.md.

The ID number finds a person who is entered twice with the same number. Here is the search for the others:
names with swapped or like-sounding signs, a number or a birthday misread. Two persons are compared when
they share a meeting key; points say how alike they are. Points propose, a person decides, nothing is merged
(rules of our own).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from pypinyin import lazy_pinyin

LIKELY, POSSIBLE = 80, 70
"""From so many points on, a pair is shown as likely or possible."""


@dataclass(frozen=True)
class Person:
    """What is compared. ``id_number`` and ``phone`` may be empty; ``phone`` may be any stand-in for it."""

    name: str
    birth_on: date | None
    sex: str
    id_number: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Likeness:
    """How alike two persons are, and why: codes of ``REASONS``."""

    points: int
    reasons: tuple[str, ...]

    @property
    def grade(self) -> str:
        """``likely``, ``possible``, or empty when the pair is not worth a look."""
        return "likely" if self.points >= LIKELY else "possible" if self.points >= POSSIBLE else ""


# code: points. Exactly one of each group holds at most. That two people born on one day carry the same signs
# in another order is chance less often than that they carry the same, maybe common, name.
REASONS: dict[str, int] = {
    "same_name": 35,
    "swapped_name": 45,
    "same_sound": 30,
    "same_birth": 25,
    "near_birth": 10,
    "id_one_sign": 5,
    "id_swapped": 5,
    "same_phone": 20,
    "other_phone": -15,
    "other_sex": -40,
    # No longer given, still on pairs found before: within one county and birthday any two numbers differ so.
    "id_two_signs": 15,
    "id_three_signs": 10,
}


@cache
def _sound(sign: str) -> str:
    return "".join(lazy_pinyin(sign, errors="ignore")) or sign


def _signs(name: str) -> str:
    return name.replace("·", "").replace("•", "").replace(" ", "")


def _sounds(name: str) -> tuple[str, ...]:
    """The syllables of a name in alphabetical order: the same for swapped and for like-sounding signs."""
    return tuple(sorted(map(_sound, _signs(name))))


def meeting_keys(name: str, birth_on: date | None) -> list[str]:
    """Keys under which two persons are compared: the name's sounds with two of the birthday's three parts.

    So one misread part of the birthday still leaves a key in common. No birthday, no key.
    """
    if birth_on is None or not name:
        return []
    sounds = " ".join(_sounds(name))
    year, month, day = birth_on.year, birth_on.month, birth_on.day
    return [f"{sounds}|{year}-{month}", f"{sounds}|{year}--{day}", f"{sounds}|{month}-{day}"]


def compare(one: Person, other: Person) -> Likeness:
    """The points of a pair, with the reasons in the order of the table."""
    reasons = [code for code in (_name(one, other), _birth(one, other), _number(one, other)) if code]
    if one.phone and other.phone:
        reasons.append("same_phone" if one.phone == other.phone else "other_phone")
    if one.sex and other.sex and one.sex != other.sex:
        reasons.append("other_sex")
    return Likeness(sum(REASONS[code] for code in reasons), tuple(reasons))


def _name(one: Person, other: Person) -> str:
    mine, theirs = _signs(one.name), _signs(other.name)
    if mine == theirs:
        return "same_name"
    if sorted(mine) == sorted(theirs):
        return "swapped_name"
    return "same_sound" if _sounds(mine) == _sounds(theirs) else ""


def _birth(one: Person, other: Person) -> str:
    if one.birth_on is None or other.birth_on is None:
        return ""
    a, b = one.birth_on, other.birth_on
    same = (a.year == b.year) + (a.month == b.month) + (a.day == b.day)
    return {3: "same_birth", 2: "near_birth"}.get(same, "")


def _number(one: Person, other: Person) -> str:
    """Whether one of the first 17 signs differs, or two neighbours are swapped; the 18th follows from them.

    Weak evidence: the check digit (GB 11643) catches every such slip that stands alone.
    """
    mine, theirs = one.id_number[:17], other.id_number[:17]
    if len(mine) != 17 or len(theirs) != 17:
        return ""
    off = [i for i in range(17) if mine[i] != theirs[i]]
    if (
        len(off) == 2
        and off[1] == off[0] + 1
        and mine[off[0]] == theirs[off[1]]
        and mine[off[1]] == theirs[off[0]]
    ):
        return "id_swapped"
    return "id_one_sign" if len(off) == 1 else ""
