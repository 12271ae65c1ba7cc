"""What the two pages that are opened most may cost: statements, whatever the register's size."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people, things

pytestmark = pytest.mark.django_db


def statements(person: people.Person, address: str) -> int:
    client = person.client()
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_a_household_with_nothing_but_its_entry_asks_for_nothing_else() -> None:
    home = things.household(people.villages()[0])
    assert statements(people.wang(), f"/households/{home.pk}") <= 17


def test_an_officers_home_reads_its_tallies_at_once_and_no_rows_of_empty_lists() -> None:
    things.household(people.villages()[0])
    assert statements(people.wang(), "/") <= 17
