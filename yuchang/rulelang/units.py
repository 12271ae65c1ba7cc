"""Units: 元/人/年 is not 元/户/月. Every quantity is stored as an integer of its smallest part (fen)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

# base: (English singular, English plural, stored parts in one)
BASES: dict[str, tuple[str, str, int]] = {
    "元": ("yuan", "yuan", 100),
    "亩": ("mu", "mu", 10),
    "平方米": ("square metre", "square metres", 1),
    "人": ("person", "persons", 1),
    "户": ("household", "households", 1),
    "年": ("year", "years", 1),
    "月": ("month", "months", 1),
    "日": ("day", "days", 1),
    "岁": ("year of age", "years of age", 1),
    "次": ("time", "times", 1),
}
_ORDER = list(BASES)


@dataclass(frozen=True)
class Unit:
    """A product of bases with whole exponents, for example 元¹·人⁻¹·年⁻¹. Empty: a pure number."""

    powers: tuple[tuple[str, int], ...] = ()

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """The unit of a product (``sign`` 1) or of a quotient (-1)."""
        powers = dict(self.powers)
        for base, power in other.powers:
            powers[base] = powers.get(base, 0) + sign * power
        return _unit(powers.items())

    @property
    def parts(self) -> Fraction:
        """How many stored parts make one: 100 (fen) for 元/人/年, 10 for 元/亩."""
        return _parts(self)

    def text(self) -> str:
        """As it is written in a rule: 元/人/年."""
        top = "·".join(b for b, p in self.powers for _ in range(p))
        bottom = "".join("/" + b for b, p in self.powers for _ in range(-p))
        return (top or ("1" if bottom else "")) + bottom

    def english(self, plural: bool = True) -> str:
        """In words: yuan per person per year."""
        words = [BASES[b][1] if plural else BASES[b][0] for b, p in self.powers for _ in range(p)]
        top = " ".join(words)
        bottom = "".join(f" per {BASES[b][0]}" for b, p in self.powers for _ in range(-p))
        return (top + bottom).strip()


@lru_cache(maxsize=256)
def _parts(unit: Unit) -> Fraction:
    result = Fraction(1)
    for base, power in unit.powers:
        result *= Fraction(BASES[base][2]) ** power
    return result


NUMBER = Unit()


def _unit(powers: Iterable[tuple[str, int]]) -> Unit:
    kept = [(base, power) for base, power in powers if power]
    return Unit(tuple(sorted(kept, key=lambda item: _ORDER.index(item[0]))))


def parse_unit(text: str) -> Unit:
    """Read 元/人/年 or 人·月. Raises ValueError naming the unknown part."""
    if text in ("", "1"):
        return NUMBER
    powers: dict[str, int] = {}
    for i, factor in enumerate(text.replace(" ", "").split("/")):
        for base in factor.split("·"):
            if base == "1" and i == 0:
                continue
            if base not in BASES:
                raise ValueError(base)
            powers[base] = powers.get(base, 0) + (1 if i == 0 else -1)
    return _unit(powers.items())
