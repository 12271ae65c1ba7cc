"""A whole resource sheet becomes drafts in one step; nothing is published before somebody has said a price."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Stale
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.actions import Reviewed
from yuchang.exchange.models import Posting
from yuchang.exchange.tests.world import household, resource
from yuchang.registry.models import Household, Resource

pytestmark = pytest.mark.django_db


@pytest.fixture
def homes() -> list[Household]:
    """Three households of one village: 斤, kilograms, something unknown, and a season that is over."""
    found = [household(name=name) for name in ("李四", "王五", "赵六")]
    Resource.objects.filter(pk=resource(found[0], 300).pk).update(unit="斤")
    resource(found[1], 120)
    Resource.objects.filter(pk=resource(found[1], 3).pk).update(unit="斤")
    Resource.objects.filter(pk=resource(found[2], 50).pk).update(category="goods.unicorn")
    Resource.objects.filter(pk=resource(found[2], 60).pk).update(
        season_from=date(2020, 1, 1), season_to=date(2020, 3, 1)
    )
    return found


def reviewed(row: Posting, **changes: object) -> Reviewed:
    given = {"posting_id": row.pk, "version": row.version, "limit_fen": 1800, "quantity": row.quantity}
    given |= {"window_from": row.window_from, "window_to": row.window_to}
    return Reviewed(**(given | changes))  # type: ignore[arg-type]


def test_a_village_is_drafted_once_and_the_rest_says_why(homes: list[Household]) -> None:
    li, village = people.li().actor, homes[0].place_id
    made = actions.draft_from_sheet(actor=li, village_id=village)
    assert made.count == 2
    assert len(made.left_out) == 3
    drafts = Posting.objects.order_by("quantity")
    assert [(d.quantity, d.entered_unit, d.state) for d in drafts] == [
        (120, "", "draft"),
        (150, "斤", "draft"),
    ]
    assert actions.draft_from_sheet(actor=li, village_id=village).count == 0
    assert AuditEntry.objects.filter(action="exchange.post").count() == 2
    with pytest.raises(Hidden):
        actions.draft_from_sheet(actor=people.outsider().actor, village_id=village)


def test_one_household_alone(homes: list[Household]) -> None:
    assert actions.draft_from_sheet(actor=people.li().actor, household_id=homes[1].pk).count == 1
    with pytest.raises(Hidden):
        actions.draft_from_sheet(actor=people.outsider().actor, household_id=homes[1].pk)


def test_drafts_are_published_together_or_not_at_all(homes: list[Household]) -> None:
    li = people.li().actor
    actions.draft_from_sheet(actor=li, village_id=homes[0].place_id)
    one, two = Posting.objects.order_by("pk")
    for bad in ({"quantity": 0}, {"limit_fen": -1}, {"window_to": one.window_from - timedelta(days=9)}):
        with pytest.raises(Invalid):
            actions.publish_drafts(actor=li, rows=[reviewed(one), reviewed(two, **bad)])
    with pytest.raises(Stale):
        actions.publish_drafts(actor=li, rows=[reviewed(one, version=9)])
    with pytest.raises(Hidden):
        actions.publish_drafts(actor=people.outsider().actor, rows=[reviewed(one)])
    with pytest.raises(Invalid):
        actions.publish_drafts(actor=li, rows=[])
    assert not Posting.objects.filter(state="open").exists()
    assert actions.publish_drafts(actor=li, rows=[reviewed(one, quantity=100), reviewed(two)]) == 2
    assert set(Posting.objects.values_list("state", "limit_fen")) == {("open", 1800)}
    one.refresh_from_db()
    with pytest.raises(Conflict):
        actions.publish_drafts(actor=li, rows=[reviewed(one)])


def test_the_page_drafts_in_one_click_and_asks_for_each_price(homes: list[Household]) -> None:
    client, village = people.li().client(), homes[0].place
    page = client.get(reverse("exchange:drafts")).content.decode()
    assert "一键起草 2 条" in page and "goods.unicorn" in page
    assert client.post(reverse("exchange:drafts_make"), {"village": village.code}).status_code == 302
    one, two = Posting.objects.order_by("pk")
    body = {"village": village.code}
    for row in (one, two):
        body |= {
            f"d{row.pk}-is_chosen": "1",
            f"d{row.pk}-limit": "18.5" if row == one else "",
            f"d{row.pk}-quantity": str(row.quantity),
            f"d{row.pk}-window_from": row.window_from.isoformat(),
            f"d{row.pk}-window_to": row.window_to.isoformat(),
            f"d{row.pk}-version": "1",
        }
    assert client.post(reverse("exchange:drafts_publish"), body).status_code == 422
    body[f"d{two.pk}-limit"] = "0.5"
    assert client.post(reverse("exchange:drafts_publish"), body).status_code == 302
    assert dict(Posting.objects.values_list("pk", "limit_fen")) == {one.pk: 1850, two.pk: 50}
    assert clock.today() <= one.window_from
