"""Two installations for tests: the inside is the tests' own database, the outside a second one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from tests.databases import point_at
from yuchang.accounts.rules import SYSTEM
from yuchang.portal import keys
from yuchang.portal.actions import trust_peer
from yuchang.portal.keys import NAME as KEY

KEYS = {"inside": "inside-bundle-key-of-the-tests", "public": "outside-bundle-key-of-the-tests"}


@dataclass
class Pair:
    """Both zones. Django stands inside, and outside within ``with pair.outside():``."""

    inside_name: str
    outside_name: str
    settings: Any
    monkeypatch: pytest.MonkeyPatch

    @contextmanager
    def outside(self, role: str = "app") -> Iterator[None]:
        self._stand("public", self.outside_name, role)
        try:
            yield
        finally:
            self._stand("inside", self.inside_name, "app")

    def _stand(self, zone: str, database: str, role: str) -> None:
        self.settings.ZONE = zone
        self.monkeypatch.setenv(KEY, KEYS[zone])
        point_at(database, role)

    def introduce(self) -> None:
        """Each zone accepts the other's card."""
        self._stand("inside", self.inside_name, "app")
        inside = card()
        with self.outside():
            outside = card()
            trust_peer(actor=SYSTEM, card=inside)
        trust_peer(actor=SYSTEM, card=outside)

    def environment(self, zone: str, role: str) -> dict[str, str]:
        """For a process of one zone under one database role."""
        at: dict[str, Any] = connection.settings_dict
        name = self.outside_name if zone == "public" else self.inside_name
        address = (
            f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@/{name}"
            f"?host={quote(at['HOST'], safe='')}&port={at['PORT']}"
        )
        return dict(os.environ) | {
            "YUCHANG_ZONE": zone,
            "YUCHANG_DEBUG": "1",
            "YUCHANG_MFA_ROLES": "",
            "YUCHANG_SECRET_KEY": self.settings.SECRET_KEY if zone == "inside" else "outside",
            KEY: KEYS[zone],
            "DATABASE_URL": address,
            "DATABASE_PORTAL_URL": address,
            "PGOPTIONS": f"-c role=yuchang_{role}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }


def card() -> str:
    """The card of the zone in which we stand."""
    from django.conf import settings

    said = {"zone": settings.ZONE, "sign": keys.signer().public_raw.hex(), "seal": keys.seal_key()}
    return json.dumps(said)
