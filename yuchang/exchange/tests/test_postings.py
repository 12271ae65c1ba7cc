"""Everyone posts for his own; limits stay private; a county is posted at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions, catalogue, queries
from yuchang.exchange.catalogue import CATALOGUE, read_categories
from yuchang.exchange.models import Category, Posting
from yuchang.exchange.tests.world import Market, facts, household, organisation, resource

pytestmark = pytest.mark.django_db


def test_a_cadre_posts_for_a_household_of_the_village() -> None:
    home = household()
    row = actions.post(actor=people.li().actor, facts=facts("offer", household_id=home.pk))
    assert (row.state, row.unit, row.village_id) == ("open", "公斤", home.village_id)
    assert AuditEntry.objects.filter(action="exchange.post", object_id=str(row.pk)).count() == 1


def test_it_refuses_a_cadre_of_another_village_and_an_officer_of_the_next_county() -> None:
    home = household()
    other = people.li(people.villages()[1])
    for actor in (other.actor, people.outsider().actor):
        with pytest.raises(Hidden):
            actions.post(actor=actor, facts=facts("offer", household_id=home.pk))
    with pytest.raises(Refused):
        actions.post(actor=people.auditor().actor, facts=facts("offer", household_id=home.pk))


def test_a_partner_posts_for_its_own_vetted_organisation_only() -> None:
    firm, other = organisation(), organisation("邻县厂")
    zhao = people.zhao(firm.pk).actor
    assert actions.post(actor=zhao, facts=facts("need", organisation_id=firm.pk)).owner_kind == "organisation"
    with pytest.raises(Hidden):
        actions.post(actor=zhao, facts=facts("need", organisation_id=other.pk))
    unvetted = organisation("新厂", state="proposed")
    with pytest.raises(Refused):
        actions.post(actor=people.zhao(unvetted.pk).actor, facts=facts("need", organisation_id=unvetted.pk))


def test_staff_do_not_post_for_an_organisation_in_their_county() -> None:
    firm = organisation(county=people.CHENG)
    with pytest.raises(Hidden):
        actions.post(actor=people.wang().actor, facts=facts("need", organisation_id=firm.pk))


def test_a_village_posts_for_itself() -> None:
    village = people.villages()[0]
    row = actions.post(actor=people.li(village).actor, facts=facts("offer", village_id=village.pk))
    assert (row.owner_kind, row.place_id) == ("village", village.pk)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10**9 + 1}, "quantity"),
        ({"limit_fen": -1}, "limit"),
        ({"window_from": date(2027, 7, 1)}, "window_to"),
        ({"window_from": date(2020, 1, 1), "window_to": date(2020, 2, 1)}, "window_to"),
        ({"window_to": date(2099, 1, 1)}, "window_to"),
        ({"category": "goods"}, "category"),
        ({"category": "moon.dust"}, "category"),
        ({"direction": "gift"}, "direction"),
        ({"radius_km": -1}, "radius_km"),
        ({"village_id": 1}, "owner"),
    ],
)
def test_absurd_postings_are_refused_with_the_field_and_a_remedy(changes: dict[str, Any], field: str) -> None:
    home = household()
    given = {"direction": "offer", "household_id": home.pk} | changes
    with pytest.raises(Invalid) as caught:
        actions.post(actor=people.li().actor, facts=facts(given.pop("direction"), **given))
    assert field in {p.field for p in caught.value.problems}
    assert all(p.message and p.remedy for p in caught.value.problems)


def test_the_database_refuses_what_code_might_forget() -> None:
    market = Market()
    for change in ({"quantity": 0}, {"agreed_quantity": 999}, {"limit_fen": -1}, {"household_id": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Posting.objects.filter(pk=market.offer.pk).update(**change)


def test_a_resource_is_posted_once_and_only_by_its_owner() -> None:
    home, other = household(), household(name="王五")
    walnuts = resource(home)
    li = people.li().actor
    given = facts("offer", household_id=home.pk, resource_id=walnuts.pk)
    with pytest.raises(Invalid):
        actions.post(actor=li, facts=facts("offer", household_id=other.pk, resource_id=walnuts.pk))
    actions.post(actor=li, facts=given)
    with pytest.raises(Conflict), transaction.atomic():
        actions.post(actor=li, facts=given)


def test_a_village_is_posted_at_once_or_not_at_all() -> None:
    homes = [household(name=f"户{i}") for i in range(30)]
    li = people.li().actor
    rows = [facts("offer", household_id=home.pk, quantity=i + 1) for i, home in enumerate(homes)]
    assert actions.post_many(actor=li, rows=rows) == 30
    assert AuditEntry.objects.filter(action="exchange.post").count() == 30
    away = household(people.villages(people.WEN)[0])
    with pytest.raises(Hidden):
        actions.post_many(actor=li, rows=[*rows, facts("offer", household_id=away.pk)])
    with pytest.raises(Invalid) as caught:
        actions.post_many(actor=li, rows=[rows[0], facts("offer", household_id=homes[0].pk, quantity=0)])
    assert "第 2 条" in caught.value.problems[0].message
    assert Posting.objects.count() == 30


def test_a_posting_is_withdrawn_by_its_own_side_with_a_reason() -> None:
    market = Market()
    li = market.li.actor
    with pytest.raises(Hidden):
        actions.withdraw_posting(
            actor=market.zhao.actor, posting_id=market.offer.pk, version=1, reason="不要了"
        )
    with pytest.raises(Invalid):
        actions.withdraw_posting(actor=li, posting_id=market.offer.pk, version=1, reason=" ")
    row = actions.withdraw_posting(actor=li, posting_id=market.offer.pk, version=1, reason="已自销")
    assert row.state == "withdrawn"
    with pytest.raises(Stale):
        actions.withdraw_posting(actor=li, posting_id=market.offer.pk, version=1, reason="已自销")


def test_a_correction_takes_unanswered_proposals_off_the_table() -> None:
    market = Market()
    match = market.match()
    actions.correct_posting(
        actor=market.li.actor,
        posting_id=market.offer.pk,
        version=1,
        facts=facts("offer", household_id=market.home.pk, quantity=150),
    )
    match.refresh_from_db()
    assert match.state == "superseded"
    with pytest.raises(Invalid):
        actions.correct_posting(
            actor=market.li.actor, posting_id=market.offer.pk, version=2, facts=facts("need")
        )


def test_a_draft_is_not_cleared_until_opened() -> None:
    home = household()
    li = people.li().actor
    row = actions.post(actor=li, facts=facts("offer", household_id=home.pk, is_draft=True))
    assert row.state == "draft"
    assert actions.open_posting(actor=li, posting_id=row.pk, version=1).state == "open"
    with pytest.raises(Conflict):
        actions.open_posting(actor=li, posting_id=row.pk, version=2)


def test_old_postings_expire() -> None:
    market = Market()
    assert actions.expire_postings(actor=SYSTEM, on=date(2027, 6, 30)) == 0
    assert actions.expire_postings(actor=SYSTEM, on=date(2027, 7, 1)) == 2
    assert market.fresh(market.offer).state == "expired"


def test_others_see_an_open_posting_without_limit_or_person() -> None:
    market = Market()
    row = next(r for r in queries.open_market(direction="offer") if r.pk == market.offer.pk)
    assert "limit_fen" in row.get_deferred_fields()
    shown = queries.as_open(row)
    assert not hasattr(shown, "limit_fen")
    assert "李四" not in shown.owner
    assert not queries.speaks_for(market.zhao.actor, "exchange.read", market.offer)


def test_the_count_of_partners_ignores_prices() -> None:
    Market()
    given = {"category": "goods.walnut", "window_from": date(2026, 12, 1), "window_to": date(2026, 12, 2)}
    assert queries.count_partners(direction="offer", **given) == 1
    assert queries.count_partners(direction="need", **given) == 1


@pytest.mark.parametrize("word", ["土豆", "洋芋", "马铃薯", "potato"])
def test_a_category_is_found_by_every_name_it_goes_by(word: str) -> None:
    assert queries.find_categories(word)[0].code == "goods.potato"


def test_an_unknown_word_finds_no_category() -> None:
    assert queries.find_categories("月球") == []
    assert queries.find_categories("果\n果") == []


def test_names_come_before_parts_of_names_and_these_before_names_within_the_text() -> None:
    names = catalogue.names()
    leaves = {row["code"]: row for row in read_categories() if row["is_leaf"]}
    for text in ("苹果", "果", "花椒苗", "po", "potato", "鲜苹果和土豆", "运输", "a", "培训", "x"):
        ranks = {}
        for code, row in leaves.items():
            words = [name.lower() for name in (row["name_zh"], row["name_en"], *row["aliases"])]
            if text in words:
                ranks[code] = 0
            elif any(text in word for word in words):
                ranks[code] = 1
            elif any(word in text for word in words if len(word) > 1):
                ranks[code] = 2
        assert names.found(text) == sorted(ranks, key=lambda code: (ranks[code], leaves[code]["position"]))


def test_a_category_that_was_changed_is_found_by_its_new_name(tmp_path: Path) -> None:
    path = tmp_path / "categories.yaml"
    path.write_text(CATALOGUE.read_text(encoding="utf-8"), encoding="utf-8")
    assert catalogue.names(path).found("山药蛋")[0] == "goods.potato"
    assert catalogue.names(path) is catalogue.names(path)
    path.write_text(path.read_text(encoding="utf-8").replace("山药蛋", "地蛋蛋"), encoding="utf-8")
    assert catalogue.names(path).found("地蛋蛋")[0] == "goods.potato"
    assert "goods.potato" not in catalogue.names(path).found("山药蛋")


def test_the_shipped_tree_is_loaded_and_kept_in_line() -> None:
    assert Category.objects.count() == len(read_categories())
    assert actions.sync_categories(actor=SYSTEM) == 0
    Category.objects.filter(pk="goods.walnut").update(name_zh="核逃")
    assert actions.sync_categories(actor=SYSTEM) == 1
    assert Category.objects.get(pk="goods.walnut").name_zh == "核桃"
