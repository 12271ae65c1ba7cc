"""A small county whose loop has run: households, facts, alerts, a deal, an order, money. All made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from tests import people, things
from yuchang.exchange.models import Agreement, Category, Match, Posting
from yuchang.market.actions.settlements import settle_round
from yuchang.market.tests.world import World, build
from yuchang.monitoring.models import Alert, Assessment
from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Cause, Household, Member, MemberFacts, Resource, Source

TODAY = date(2026, 11, 21)


@dataclass
class Scene:
    """Everybody and everything."""

    village: Place
    county: Place
    household: Household
    households: list[Household]
    market: World
    alerts: list[Alert]
    agreement: Agreement


def build_scene(*, households: int = 4, facts_each: int = 3) -> Scene:
    """Listed and entered households in the first village of 成县, one of them with a whole story."""
    village, county = people.villages()[0], people.county()
    rows = [
        things.household(
            village, name=f"测试户{i}", state="listed" if i % 2 == 0 else "entered", main_cause="skill"
        )
        for i in range(households)
    ]
    for row in rows:
        for year in range(facts_each):
            things.facts(row, per_head_yuan=6_000 + 900 * year, on=date(2024 + year, 1, 10))
    member = rows[0].members.get()
    MemberFacts.objects.create(
        member=member,
        observed_on=things.SEEN,
        recorded_at=things.WRITTEN,
        source=Source.FORM,
        schooling="primary",
    )
    market = _sold()
    _grower(market.growers[0])
    alerts = [_alert(row, village, i) for i, row in enumerate([market.growers[0], *rows])]
    return Scene(village, county, market.growers[0], rows, market, alerts, _deal(market, village))


def _grower(row: Household) -> None:
    """Three people and three years of facts for the household whose page is looked at."""
    for i, (name, relation, sex) in enumerate(
        (("测试甲", "head", "male"), ("测试乙", "spouse", "female"), ("测试丙", "son", "male"))
    ):
        member = Member.objects.create(
            household=row, number=f"{row.number}{i:02d}", name=name, relation=relation, sex=sex,
            birth_on=date(1970 + 12 * i, 3, 4), joined_on=things.SEEN,
        )  # fmt: skip
        MemberFacts.objects.create(
            member=member, observed_on=things.SEEN, recorded_at=things.WRITTEN, source=Source.FORM,
            schooling="junior", labour="ordinary",
        )  # fmt: skip
    Cause.objects.create(household=row, code=row.main_cause, is_main=True, since_on=things.SEEN)
    for year, yuan in enumerate((5_800, 6_400, 7_000)):
        things.facts(
            row, per_head_yuan=yuan, on=date(2024 + year, 1, 10), wage_income_fen=900_000 + 50_000 * year,
            business_income_fen=600_000, transfer_income_fen=240_000, arable_land_mu_tenths=42, house_area_sqm=96,
        )  # fmt: skip


def _sold() -> World:
    """A round sold, delivered and settled."""
    market = build((50, 30, 20))
    market.pay(market.order(40))
    market.close()
    market.harvest(30, 20, 10)
    market.fulfil()
    market.deliver()
    settle_round(actor=market.wang, round_id=market.round.pk, version=market.reload().round.version)
    return market


def _alert(row: Household, village: Place, i: int) -> Alert:
    assessment = Assessment.objects.first() or Assessment.objects.create(
        on=TODAY,
        line_fen=800_000,
        line_source="测试",
        households=1,
        opened=1,
        created_at=things.WRITTEN,
        place=village,
        **keys_of(village),
    )
    today = timezone.localdate()
    return Alert.objects.create(
        household=row,
        assessment=assessment,
        kind="below_line",
        observed_fen=700_000,
        limit_fen=800_000,
        opened_on=today - timedelta(days=20),
        due_on=today + timedelta(days=5 if i % 2 else -5),
        place=village,
        **keys_of(village),
    )


def _deal(market: World, village: Place) -> Agreement:
    walnut, _made = Category.objects.get_or_create(
        code="goods.walnut",
        defaults={"name_zh": "核桃", "name_en": "walnuts", "unit": "公斤", "unit_en": "kg"},
    )
    window = {"window_from": timezone.localdate(), "window_to": timezone.localdate() + timedelta(days=10)}
    common: dict[str, Any] = {"category": walnut, "unit": "公斤", **window}
    grower = market.growers[0]
    offer = Posting.objects.create(
        direction="offer", owner_kind="household", household=grower, quantity=100, limit_fen=2000, agreed_quantity=80,
        place=village, **keys_of(village), **common,
    )  # fmt: skip
    seat = market.buyer.place
    need = Posting.objects.create(
        direction="need", owner_kind="organisation", organisation=market.buyer, quantity=80, limit_fen=3200, agreed_quantity=80,
        place=seat, **keys_of(seat), **common,
    )  # fmt: skip
    Resource.objects.create(
        household=grower, direction="offer", kind="produce", category="goods.walnut", quantity=100, unit="公斤",
        declared_at=things.WRITTEN, place=village, **keys_of(village),
    )  # fmt: skip
    match = Match.objects.create(
        offer=offer, need=need, category=walnut, quantity=80, price_fen=2500, offer_gain_fen=1, need_gain_fen=1,
        reason={}, **window, state="agreed", offer_answer="accepted", need_answer="accepted",
    )  # fmt: skip
    now = timezone.now()
    return Agreement.objects.create(
        match=match, offer=offer, need=need, category=walnut, quantity=80, price_fen=2500,
        delivery_from=window["window_from"], delivery_to=window["window_to"], proposed_side="offer",
        offer_yes_by_id=1, offer_yes_name="甲", offer_yes_at=now, need_yes_by_id=2, need_yes_name="乙",
        need_yes_at=now, state="agreed", agreed_at=now, place=village, **keys_of(village),
    )  # fmt: skip
