"""The targets of the marginals, in one table, each with its source or the word "assumed".

No value is a statistic of a real place. ``measure`` computes the same figures from a generated county,
so that a test and the demo's report can hold one beside the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.county.tables import Flags, Households, Members, Texts


@dataclass(frozen=True)
class Target:
    """One marginal: the value aimed at, how far the generated one may lie from it, and where it is from."""

    name: str
    value: float
    tolerance: float
    source: str


HOUSEHOLD_KINDS: dict[str, float] = {
    "elder alone": 0.06,
    "elder couple": 0.10,
    "couple": 0.36,
    "three generations": 0.26,
    "elder head": 0.13,
    "lone parent": 0.05,
    "adult alone": 0.04,
}
"""Shares of household kinds, assumed; their mean size is about 3.6."""

CAUSES: dict[str, float] = {
    "illness": 0.34,
    "skill": 0.15,
    "capital": 0.13,
    "labour": 0.12,
    "disability": 0.09,
    "schooling": 0.06,
    "motivation": 0.03,
    "transport": 0.03,
    "disaster": 0.02,
    "land": 0.02,
    "water": 0.01,
}
"""True main cause among the poor. The order follows the project's field notes; the shares are assumed."""

TARGETS: tuple[Target, ...] = (
    Target(
        "mean household size", 3.6, 0.25, "assumed; registered households commonly have three to four members"
    ),
    Target("share aged 60 and over", 0.21, 0.05, "assumed, a village population older than the nation's"),
    Target("share under 16", 0.19, 0.05, "assumed"),
    Target("share male", 0.52, 0.03, "assumed"),
    Target("share serious illness", 0.02, 0.01, "assumed"),
    Target("share chronic illness", 0.12, 0.04, "assumed"),
    Target("share disabled", 0.04, 0.02, "assumed"),
    Target("share of workers working away", 0.45, 0.10, "assumed"),
    Target("share below the line", 0.10, 0.02, "assumed: 5 to 15 % before help (simulator notes)"),
    Target("share unsafe house", 0.04, 0.02, "assumed"),
    Target("share without safe water", 0.06, 0.04, "assumed"),
    *(
        Target(
            f"main cause {code}", share / sum(CAUSES.values()), 0.035, "assumed; illness is the most frequent"
        )
        for code, share in CAUSES.items()
    ),
)


def measure(households: Households, members: Members, is_poor: Flags, cause: Texts) -> dict[str, float]:
    """The generated value of every target, by name."""
    from_16_to_59 = (members.age >= 16) & (members.labour <= 2)
    figures = {
        "mean household size": float(households.size.mean()),
        "share aged 60 and over": float((members.age >= 60).mean()),
        "share under 16": float((members.age < 16).mean()),
        "share male": float(members.is_male.mean()),
        "share serious illness": float(members.is_serious.mean()),
        "share chronic illness": float(members.is_chronic.mean()),
        "share disabled": float(members.is_disabled.mean()),
        "share of workers working away": float((members.work_place[from_16_to_59] > 0).mean()),
        "share below the line": float(is_poor.mean()),
        "share unsafe house": float((households.unsafe_house != "no").mean()),
        "share without safe water": float((~households.has_safe_water).mean()),
    }
    poor_causes = cause[is_poor]
    for code in CAUSES:
        figures[f"main cause {code}"] = float(np.mean(poor_causes == code))
    return figures
