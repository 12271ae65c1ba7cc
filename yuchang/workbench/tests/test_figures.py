"""Every figure of a page equals an SQL total, and its link lists exactly that count."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import people, things
from yuchang.workbench.queries.figures import Selection, by_child, number_of, rows_of, value_of
from yuchang.workbench.queries.sources import SOURCES
from yuchang.workbench.tests.scene import build_scene

LINK = re.compile(r'<a[^>]*href="([^"]+)"[^>]*data-figure="([^"]+)"[^>]*data-value="(-?\d+)"|'
                  r'<a[^>]*class="[^"]*"[^>]*href="([^"]+)"[^>]*data-figure="([^"]+)"[^>]*data-value="(-?\d+)"')  # fmt: skip
TOTAL = re.compile(r'data-total="(-?\d+)" data-count="(\d+)"')


def figures_in(html: str) -> list[tuple[str, str, int]]:
    """(name, address, value) of every figure that is a link."""
    return [(b or e, unescape(a or d), int(c or f)) for a, b, c, d, e, f in LINK.findall(html)]


def test_every_figure_of_the_dashboard_opens_a_list_of_exactly_its_count(db: None) -> None:
    build_scene()
    client = people.wang().client()
    for address in ("/dashboard", "/dashboard?by=paid", "/dashboard?by=alerts", "/"):
        page = client.get(address)
        assert page.status_code == 200
        found = figures_in(page.content.decode())
        assert len(found) >= 5, address
        for name, href, value in found:
            answer = client.get(href)
            assert answer.status_code == 200, href
            total = TOTAL.search(answer.content.decode())
            assert total and int(total[1]) == value, (name, href, value, total and total[0])


def test_the_figures_are_not_all_zero_and_equal_sql(db: None) -> None:
    scene = build_scene()
    html = people.wang().client().get("/dashboard").content.decode()
    values = {name: value for name, _href, value in figures_in(html)}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT count(*) FROM registry_household WHERE state <> 'removed' AND county_id = %(c)s),
                      (SELECT count(*) FROM registry_household WHERE state = 'listed' AND county_id = %(c)s),
                      (SELECT sum(amount_fen) FROM ledger_leg WHERE household_id IS NOT NULL AND county_id = %(c)s),
                      (SELECT count(DISTINCT household_id) FROM ledger_leg WHERE county_id = %(c)s),
                      (SELECT sum(quantity * price_fen) FROM exchange_agreement WHERE county_id = %(c)s)""",
            {"c": scene.county.pk},
        )
        households, listed, paid, households_paid, agreed = cursor.fetchone()
    assert (values["households"], values["listed"]) == (households, listed) == (7, 5)
    assert (values["paid"], values["households_paid"]) == (paid, households_paid)
    assert paid > 0 and values["agreed_value"] == agreed == 200_000
    assert values["overdue"] == 3 and values["alerts"] == 5


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_what_is_tallied_equals_what_is_counted(name: str, db: None) -> None:
    scene = build_scene()
    wang, today = people.wang().actor, timezone.localdate()
    for chosen in (Selection(), Selection(scene.county), Selection(scene.village)):
        rows = rows_of(SOURCES[name], wang, today, chosen)
        assert number_of(SOURCES[name], wang, today, chosen) == value_of(SOURCES[name], rows)
    tiles = by_child(name, wang, today, scene.county)
    assert sum(t.figure.value for t in tiles) <= number_of(
        SOURCES[name], wang, today, Selection(scene.county)
    )


def test_an_officer_of_the_next_county_counts_nothing_of_this_one(db: None) -> None:
    scene = build_scene()
    outsider = people.outsider().client()
    html = outsider.get("/dashboard").content.decode()
    assert {value for _name, _href, value in figures_in(html)} <= {0}
    assert outsider.get(f"/dashboard?place={scene.county.pk}").status_code == 404
    assert outsider.get(f"/figures/households?place={scene.county.pk}").status_code == 404
    assert 'data-total="0"' in outsider.get("/figures/households").content.decode()


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_list_page_costs_the_same_for_few_and_many_rows(name: str, db: None) -> None:
    build_scene(households=2)
    client = people.wang().client()

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/figures/{name}").status_code == 200
        return len(caught)

    client.get(f"/figures/{name}")
    few = queries()
    for i in range(58):
        things.household(people.villages()[0], name=f"更多户{i}", state="entered" if i % 2 else "listed")
    assert queries() == few


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_without_the_permission_a_figure_is_refused(name: str, db: None) -> None:
    assert people.administrator().client().get(f"/figures/{name}").status_code == 403


def test_an_unknown_figure_is_not_found(db: None) -> None:
    assert people.wang().client().get("/figures/nothing").status_code == 404
    assert people.wang().client().get("/figures/paid?month=2026-13").status_code == 422
    assert people.wang().client().get("/figures/paid?place=x").status_code == 404
