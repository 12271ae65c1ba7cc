"""The shipped definitions, read from ``definitions/*.yaml``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from yuchang.procedures.rules.machine import Faulty, digest_of, pairs_of, parse, waits_of

FOLDER = Path(__file__).with_name("definitions")
_BODY = ("limit", "ladder", "open_permission", "may_withdraw", "driver", "outcomes", "steps")


@dataclass(frozen=True)
class Shipped:
    """One version of a procedure as shipped; ``place_code`` empty: the whole country."""

    code: str
    place_code: str
    number: int
    title: str
    title_en: str
    valid_from: date
    valid_to: date | None
    document: str
    certainty: str
    source: str
    body: dict[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """The values of a ``Definition`` row, but for its place."""
        plan = parse(self.body)
        return {
            **{k: v for k, v in self.__dict__.items() if k != "place_code"},
            "digest": digest_of(self.body),
            "pairs": pairs_of(plan),
            "waits": waits_of(plan),
        }


def shipped_of(given: Mapping[str, Any]) -> Shipped:
    """One definition from its YAML mapping. Raises Faulty with its code when it cannot work."""
    body = {key: given[key] for key in _BODY if key in given}
    try:
        parse(body)
    except Faulty as error:
        raise Faulty([f"{given.get('code')}: {fault}" for fault in error.faults]) from error
    return Shipped(
        code=given["code"],
        place_code=given.get("place", ""),
        number=given["number"],
        title=given["title"],
        title_en=given["title_en"],
        valid_from=given["valid_from"],
        valid_to=given.get("valid_to"),
        document=given.get("document", ""),
        certainty=given["certainty"],
        source=given.get("source", ""),
        body=body,
    )


@lru_cache(maxsize=1)
def shipped() -> tuple[Shipped, ...]:
    """Every shipped definition."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        found += [shipped_of(given) for given in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return tuple(found)
