"""Who gives what to whom, in public: nobody is found in it, not alone and not by subtraction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Refused
from yuchang.core.models import AuditEntry, Instance
from yuchang.exchange.models import Agreement, Match, Posting
from yuchang.exchange.tests.world import household, organisation
from yuchang.places.models import Place, keys_of
from yuchang.portal import actions
from yuchang.portal.queries.trades import next_deals, public_deals
from yuchang.portal.rules.trades import ALL_REST, REST, Cell, Line, line_of, lines_to_tell
from yuchang.registry.models import Household

W, H = "goods.walnut", "goods.honey"


def cell(category: str, province: str, givers: range, takers: int = 3, **more: Any) -> Cell:
    told = more.pop("told", ())
    names = frozenset(f"h{n}" for n in givers)
    buyers = frozenset(f"o{n}" for n in range(takers))
    return Cell(
        told, more.pop("is_new", True), category, province, names, buyers, len(names), 100 * len(names)
    )


def test_the_table_of_the_page() -> None:
    cells = [
        cell(W, "上海市", range(12)),
        cell(W, "甘肃省", range(12, 16)),
        cell(H, "上海市", range(4)),
        cell(H, "甘肃省", range(20, 29)),
    ]
    assert lines_to_tell(cells) == {(W, REST): (16, 1600), (H, REST): (13, 1300)}


def test_too_few_givers_or_takers_are_joined_or_nothing_is_said() -> None:
    assert lines_to_tell([cell(W, "上海市", range(9))]) is None
    assert lines_to_tell([cell(W, "上海市", range(30), takers=2)]) is None
    assert lines_to_tell([]) is None
    two = [cell(W, "上海市", range(6)), cell(W, "甘肃省", range(6, 10))]
    assert lines_to_tell(two) == {(W, REST): (10, 1000)}
    apart = [cell(W, "上海市", range(6)), cell(H, "甘肃省", range(6, 10))]
    assert lines_to_tell(apart) == {ALL_REST: (10, 1000)}


def test_what_differs_by_a_few_from_an_earlier_publication_is_not_said() -> None:
    line: Line = (W, "上海市")
    said = cell(W, "上海市", range(20), told=(line,))
    assert lines_to_tell([said]) == {line: (20, 2000)}
    assert lines_to_tell([said, cell(W, "上海市", range(20, 23), told=(None,))]) is None
    assert lines_to_tell([said, cell(W, "上海市", range(20, 30), told=(None,))]) == {line: (30, 3000)}


def test_a_rest_is_not_taken_apart_by_a_later_publication() -> None:
    """Honey (12 givers) and herbs (4) were one rest; telling honey now would tell herbs, too."""
    cells = [
        cell(H, "上海市", range(12), told=(ALL_REST,)),
        cell("goods.herb", "上海市", range(30, 34), told=(ALL_REST,)),
    ]
    assert lines_to_tell(cells) == {ALL_REST: (16, 1600)}


provinces, categories = st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "z"])
deals = st.lists(
    st.tuples(categories, provinces, st.integers(0, 40), st.integers(0, 5), st.integers(1, 3)), max_size=120
)


@settings(max_examples=60, deadline=None)
@given(deals)
def test_every_piece_of_three_publications_holds_ten_givers_and_three_takers(rows: list[Any]) -> None:
    told: list[set[Line]] = []
    for release in (1, 2, 3):
        found = lines_to_tell(_cells(rows, release, told))
        if found is None:
            return
        told.append(set(found))
        pieces: dict[Any, tuple[set[int], set[int]]] = {}
        for category, province, giver, taker, first in rows:
            key = tuple(
                line_of(category, province, lines) if first <= n else None for n, lines in enumerate(told, 1)
            )
            if any(key):
                givers, takers = pieces.setdefault(key, (set(), set()))
                givers.add(giver)
                takers.add(taker)
        assert all(len(givers) >= 10 and len(takers) >= 3 for givers, takers in pieces.values())
        assert sum(n for n, _fen in found.values()) == sum(first <= release for *_row, first in rows)


def _cells(rows: list[Any], release: int, told: list[set[Line]]) -> list[Cell]:
    """Cells as the database groups them: deals that the same publications count."""
    grouped: dict[Any, list[Any]] = {}
    for row in rows:
        grouped.setdefault((row[0], row[1], row[4]), []).append(row)
    return [
        Cell(
            tuple(line_of(c, p, lines) if first <= n else None for n, lines in enumerate(told, 1)),
            first <= release,
            c,
            p,
            frozenset(str(row[2]) for row in some),
            frozenset(str(row[3]) for row in some),
            len(some),
            len(some),
        )
        for (c, p, first), some in grouped.items()
    ]


@pytest.fixture
def november(db: None) -> None:
    """A day on which the year is neither new nor over."""
    at = datetime(2026, 11, 21, 4, tzinfo=UTC)
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": at})


def deals_of(
    count: int, *, on: date, takers: int = 3, homes: Sequence[Household] = (), note: str = ""
) -> None:
    """So many households of a village have sold walnuts to so many firms of another county."""
    firms = [organisation(f"采购{n}") for n in range(takers)]
    at = timezone.make_aware(datetime(on.year, on.month, on.day, 12))
    needs = [
        _posting("need", owner_kind="organisation", organisation=firm, place=firm.place) for firm in firms
    ]
    for n in range(count):
        home = homes[n] if homes else household(name="李四")
        offer = _posting("offer", owner_kind="household", household=home, place=home.place, note=note)
        _agreement(offer, needs[n % takers], at)


def _posting(direction: str, *, place: Place, **owner: Any) -> Posting:
    return Posting.objects.create(
        direction=direction,
        category_id=W,
        quantity=1000,
        unit="公斤",
        limit_fen=1,
        window_from=date(2026, 9, 1),
        window_to=date(2027, 12, 1),
        place=place,
        **keys_of(place),
        **owner,
    )


def _agreement(offer: Posting, need: Posting, at: datetime) -> None:
    match = Match.objects.create(
        offer=offer,
        need=need,
        category_id=W,
        quantity=10,
        price_fen=2000,
        offer_gain_fen=0,
        need_gain_fen=0,
        window_from=offer.window_from,
        window_to=offer.window_to,
        reason={},
    )
    Posting.objects.filter(pk__in=[offer.pk, need.pk]).update(agreed_quantity=F("agreed_quantity") + 10)
    Agreement.objects.create(
        match=match,
        offer=offer,
        need=need,
        category_id=W,
        quantity=10,
        price_fen=2000,
        delivery_from=offer.window_from,
        delivery_to=offer.window_to,
        proposed_side="offer",
        state="agreed",
        offer_yes_by_id=1,
        offer_yes_at=at,
        need_yes_by_id=2,
        need_yes_at=at,
        agreed_at=at,
        place=offer.place,
        **keys_of(offer.place),
    )


def test_a_county_says_what_it_gave_and_everybody_reads_it(november: None, public: Any) -> None:
    county, yesterday = people.county(), clock.today() - timedelta(days=1)
    deals_of(12, on=yesterday)
    row = actions.publish_deals(actor=people.wang().actor, county_id=county.pk)
    assert (row.dataset, row.as_of) == ("deals", yesterday)
    assert row.rows["lines"] == [[W, "甘肃省", 12, 12 * 10 * 2000]]
    assert AuditEntry.objects.filter(action="portal.publish_deals").exists()
    found = public_deals(clock.today())
    assert (found.counties, found.count, found.fen) == (1, 12, 240_000)
    assert found.lines[0]["giver"] == "甘肃省" and found.sankey["links"][0]["value"] == 240_000
    with public() as client:
        for address in ("/trades", f"/trades/{county.code}"):
            page = client.get(address).content.decode()
            assert (
                "核桃" in page and 'data-value="240000"' in page and "李四" not in page and "采购" not in page
            )
        english = client.get("/trades", headers={"accept-language": "en"}).content.decode()
        assert "Who gives what" in english
        assert client.get("/trades/000000000000").status_code == 404
        files = client.get(f"/data/{county.code}").content.decode()
        assert "deals-621221" in files
        assert 'href="/trades"' in client.get("/").content.decode()


def test_what_is_too_little_is_not_said_and_a_few_more_wait(november: None) -> None:
    county, today = people.county(), clock.today()
    deals_of(9, on=today - timedelta(days=3))
    with pytest.raises(Conflict, match="不足十家"):
        actions.publish_deals(actor=people.wang().actor, county_id=county.pk)
    deals_of(3, on=today - timedelta(days=2))
    first = next_deals(county, today - timedelta(days=1))
    assert first is not None and sum(n for n, _fen in first.lines.values()) == 12
    actions.publish_deals(actor=people.wang().actor, county_id=county.pk)
    deals_of(9, on=today)
    assert next_deals(county, today + timedelta(days=1)) is None
    deals_of(1, on=today)
    more = next_deals(county, today + timedelta(days=1))
    assert more is not None and sum(n for n, _fen in more.lines.values()) == 22


def test_only_an_officer_of_the_county_publishes_its_deals(db: None) -> None:
    for stranger, error in ((people.outsider(), Hidden), (people.li(), Refused), (people.auditor(), Refused)):
        with pytest.raises(error):
            actions.publish_deals(actor=stranger.actor, county_id=people.county().pk)
