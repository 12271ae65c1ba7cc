"""Postings leave as a file of their area, and nobody's price limit with them."""

from __future__ import annotations

from datetime import date

import pytest

from tests import people, things
from yuchang.core.errors import Refused
from yuchang.exchange import actions
from yuchang.sheets import outputs, reads
from yuchang.sheets.outputs import Wish

pytestmark = pytest.mark.django_db


def wish() -> Wish:
    return Wish(kind="table", source="exchange.postings", area_id=people.county().pk, format="csv")


def test_an_officer_exports_the_postings_of_the_county_without_limits() -> None:
    wang = people.wang()
    home = things.household(people.villages()[0], name="王核桃")
    facts = actions.PostingFacts(
        direction="offer",
        category="goods.walnut",
        quantity=300,
        limit_fen=1987,
        window_from=date(2026, 12, 1),
        window_to=date(2027, 6, 30),
        household_id=home.pk,
    )
    actions.post(actor=wang.actor, facts=facts)
    output = outputs.start_output(actor=wang.actor, wish=wish())
    outputs.make_output(output.pk)
    output.refresh_from_db()
    assert output.state == "done", output.message
    text = b"".join(reads.file_of(output)).decode("utf-8-sig")
    assert "王核桃" in text
    assert "300" in text
    assert "1987" not in text
    assert "19.87" not in text


def test_a_partner_may_not_export_them() -> None:
    with pytest.raises(Refused):
        outputs.start_output(actor=people.zhao(1).actor, wish=wish())
