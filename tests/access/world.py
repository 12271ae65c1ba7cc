"""The seeded objects of the matrix: two counties, two organisations, one of each thing on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from django.test import Client

from tests import people
from tests.access.cells import ADMIN, ANYONE, AUDITOR, CADRE, OFFICER, PARTNER, REVIEWER
from tests.access.urlconf import Address

Body = Callable[[SimpleNamespace], dict[str, Any]]


@dataclass
class World:
    """Both sides and the visitors, who all belong to the own side."""

    own: SimpleNamespace
    neighbour: SimpleNamespace
    visitors: dict[str, people.Person | None]
    must_write: set[str] = field(default_factory=set)

    def client(self, visitor: str) -> Client:
        """A browser of this visitor."""
        person = self.visitors[visitor]
        return person.client() if person else Client()

    def kwargs(self, address: Address, side: str) -> dict[str, Any]:
        """The numbers in the address, from the objects of one side."""
        if not address.parameters:
            return {}
        given = KWARGS.get(address.name)
        assert given, f"tests/access/world.py: KWARGS lacks {address.name} {address.parameters}"
        return given(getattr(self, side))

    def query(self, address: Address, side: str) -> str:
        """What stands behind the question mark of a GET."""
        given = QUERIES.get(address.name)
        return f"?{given(getattr(self, side))}" if given else ""


KWARGS: dict[str, Callable[[SimpleNamespace], dict[str, Any]]] = {}
QUERIES: dict[str, Callable[[SimpleNamespace], str]] = {}
BODIES: dict[str, Body] = {}


def build_side(county_code: str) -> SimpleNamespace:
    """One of each thing in one county."""
    side = SimpleNamespace()
    side.county = people.county(county_code)
    side.villages = people.villages(county_code)
    side.village = side.villages[0]
    return side


def build_world() -> World:
    """Two sides alike, and one visitor for each role on the own side."""
    own, neighbour = build_side(people.CHENG), build_side(people.WEN)
    visitors = {
        CADRE: people.li(own.village),
        REVIEWER: people.zhang(),
        OFFICER: people.wang(own.county),
        PARTNER: people.zhao(1),
        AUDITOR: people.auditor(),
        ADMIN: people.administrator(),
        ANYONE: None,
    }
    return World(own, neighbour, visitors)
