"""The reviewed file: who may do what, by address and method. Every cell must stand here.

``own`` lists the visitors who may use the address on objects of their own area, organisation or
household; ``neighbour`` those who may use it on the same objects of the next county or of another
organisation. Whoever is not listed is refused. ``body`` is built by ``tests.access.bodies``.
"""

from __future__ import annotations

from dataclasses import dataclass

CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR, ADMIN, ANYONE = (
    "cadre",
    "reviewer",
    "officer",
    "partner",
    "auditor",
    "administrator",
    "anonymous",
)
SIGNED_IN = (CADRE, REVIEWER, OFFICER, PARTNER, AUDITOR, ADMIN)
EVERYONE = (*SIGNED_IN, ANYONE)
STAFF = (CADRE, REVIEWER, OFFICER)
NOBODY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """Who may use one method of one address."""

    own: tuple[str, ...]
    neighbour: tuple[str, ...] = NOBODY


CELLS: dict[tuple[str, str], Cell] = {
    ("core:healthz", "GET"): Cell(EVERYONE, EVERYONE),
    ("core:readyz", "GET"): Cell(EVERYONE, EVERYONE),
    ("core:set_language", "POST"): Cell(EVERYONE, EVERYONE),
    ("accounts:sign_in", "GET"): Cell(EVERYONE, EVERYONE),
    ("accounts:sign_in", "POST"): Cell(EVERYONE, EVERYONE),
    ("accounts:sign_out", "POST"): Cell(SIGNED_IN, SIGNED_IN),
}
