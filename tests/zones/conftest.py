"""The pair of zones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.databases import own_name, second_database
from tests.zones.pair import Pair


@pytest.fixture
def pair(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Two zones that know each other."""
    with second_database(own_name("yc_out")) as outside:
        made = Pair(str(connection.settings_dict["NAME"]), outside, settings, monkeypatch)
        made.introduce()
        yield made
        connection.close()
