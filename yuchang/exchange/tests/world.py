"""Households, organisations and postings for the exchange's tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests import people
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange import actions
from yuchang.exchange.actions import PostingFacts
from yuchang.exchange.models import Clearing, Match, Posting
from yuchang.partners.models import Organisation
from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Household, Resource

WALNUT = "goods.walnut"


def household(village: Place | None = None, name: str = "李四") -> Household:
    village = village or people.villages()[0]
    return Household.objects.create(
        place=village,
        **keys_of(village),
        number=f"H{Household.objects.count() + 1:06d}",
        attribute="ordinary",
        size=3,
        head_name=name,
        main_cause="illness",
        entered_at=clock.now(),
    )


def organisation(name: str = "陇上商会", county: str = people.WEN, state: str = "vetted") -> Organisation:
    place = people.county(county)
    return Organisation.objects.create(
        place=place,
        **keys_of(place),
        host=people.county(),
        name=name,
        kind="chamber",
        state=state,
        vetted_at=clock.now() if state != "proposed" else None,
    )


def resource(home: Household, quantity: int = 300, category: str = WALNUT) -> Resource:
    return Resource.objects.create(
        place=home.place,
        **keys_of(home.place),
        household=home,
        direction="offer",
        kind="produce",
        category=category,
        quantity=quantity,
        unit="公斤",
        season_from=date(2026, 12, 1),
        season_to=date(2027, 3, 1),
        declared_at=clock.now(),
    )


def facts(direction: str, **changes: Any) -> PostingFacts:
    """Walnuts for a winter: 300 kg offered from 20 yuan, or needed up to 26."""
    given: dict[str, Any] = {
        "direction": direction,
        "category": WALNUT,
        "quantity": 300,
        "limit_fen": 2000 if direction == "offer" else 2600,
        "window_from": date(2026, 12, 1),
        "window_to": date(2027, 6, 30),
    }
    return PostingFacts(**(given | changes))


class Market:
    """成县's household 李四 offers walnuts, 陇上商会 of the next county needs them."""

    def __init__(self) -> None:
        self.home = household()
        self.firm = organisation()
        self.li, self.wang = people.li(), people.wang()
        self.zhao = people.zhao(self.firm.pk)
        self.offer = actions.post(actor=self.li.actor, facts=facts("offer", household_id=self.home.pk))
        self.need = actions.post(
            actor=self.zhao.actor, facts=facts("need", organisation_id=self.firm.pk, quantity=200)
        )

    def run(self, actor: Actor | None = None) -> Clearing:
        return actions.run_clearing(
            actor=actor or self.wang.actor, on=date(2026, 11, 21), county=people.county()
        )

    def match(self) -> Match:
        """The proposal between the two, published."""
        run = self.run()
        actions.publish_clearing(actor=self.wang.actor, clearing_id=run.pk, version=1)
        return Match.objects.get(clearing=run)

    def match_any(self) -> Match:
        """One proposal of a published run."""
        run = self.run()
        actions.publish_clearing(actor=self.wang.actor, clearing_id=run.pk, version=1)
        first = Match.objects.filter(clearing=run).order_by("pk").first()
        assert first is not None
        return first

    def fresh(self, row: Posting) -> Posting:
        return Posting.objects.get(pk=row.pk)
