"""Opening a round, gathering commitments, selling, closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, write
from yuchang.core.errors import Conflict, Hidden, Problem, Refused, Stale, invalid
from yuchang.core.errors import Invalid as InvalidInput
from yuchang.ledger.models import Way
from yuchang.market.actions.holds import release
from yuchang.market.models import Commitment, Offer, Order, Round, ShortfallRule
from yuchang.market.queries import round_for
from yuchang.partners.models import Organisation
from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Household

_COMMIT_SET = """
    INSERT INTO market_commitment (version, created_at, updated_at, offer_id, household_id, quantity,
        committed_by_id, place_id, province_id, prefecture_id, county_id, township_id, village_id)
    SELECT 1, now(), now(), %(offer)s, h.id, w.quantity, %(user)s,
           h.place_id, h.province_id, h.prefecture_id, h.county_id, h.township_id, h.village_id
    FROM unnest(%(households)s::bigint[], %(quantities)s::bigint[])
         WITH ORDINALITY AS w(household_id, quantity, position)
    JOIN registry_household h ON h.id = w.household_id
    ORDER BY w.position
    ON CONFLICT (offer_id, household_id) DO UPDATE
        SET quantity = EXCLUDED.quantity, version = market_commitment.version + 1, updated_at = now(),
            committed_by_id = EXCLUDED.committed_by_id
"""
_COMMITTED = """
    SELECT c.id::text, c.place_id, jsonb_build_object('offer', c.offer_id, 'household', c.household_id,
                                                      'quantity', c.quantity)
    FROM market_commitment c WHERE c.offer_id = %s AND c.household_id = ANY(%s) ORDER BY c.id
"""


@dataclass(frozen=True)
class Terms:
    """What a round promises: the sales window, the day of delivery, the promise and what if it is broken."""

    title: str
    sales_from: datetime
    sales_to: datetime
    deliver_on: date
    promise: str
    shortfall_rule: str = ShortfallRule.PRO_RATA
    way: str = Way.DIRECT


@dataclass(frozen=True)
class Goods:
    """What an offer sells: goods, unit, and the parts of its price in fen per unit."""

    title: str
    category_code: str
    unit: str
    price_fen: int
    grower_fen: int
    coop_fen: int = 0
    logistics_fen: int = 0
    coop_id: int | None = None
    logistics_id: int | None = None
    buyer_limit: int | None = None

    @property
    def residual_fen(self) -> int:
        """What of the price is left for the platform; shown to everybody."""
        return self.price_fen - self.grower_fen - self.coop_fen - self.logistics_fen


def open_round(*, actor: Actor, place: Place, terms: Terms, organisation_id: int | None = None) -> Round:
    """Begin a round in ``place``, as its officer or, with ``organisation_id``, as a co-op seated there.

    Raises Refused or Hidden outside the actor's reach, Invalid for terms that make no sense.
    """
    _check_terms(terms)
    with write("market.open_round", actor) as audit:
        _check_opener(actor, place, organisation_id)
        row = Round.objects.create(
            place=place,
            **keys_of(place),
            organisation_id=organisation_id,
            opened_by_id=actor.user_id,
            title=terms.title.strip(),
            sales_from=terms.sales_from,
            sales_to=terms.sales_to,
            deliver_on=terms.deliver_on,
            promise=terms.promise.strip(),
            shortfall_rule=terms.shortfall_rule,
            way=terms.way,
        )
        audit.add("round", row.pk, place_id=place.pk, title=row.title, organisation=organisation_id)
    return row


def _check_terms(terms: Terms) -> None:
    problems = []
    if not terms.title.strip():
        problems.append(Problem("title", _("请填写标题。")))
    if terms.sales_to <= terms.sales_from:
        problems.append(Problem("sales_to", _("截单时间须晚于开售时间。")))
    if terms.deliver_on < terms.sales_to.date():
        problems.append(Problem("deliver_on", _("发货日期不能早于截单。")))
    if not terms.promise.strip():
        problems.append(Problem("promise", _("请写明对买方的承诺。")))
    if terms.shortfall_rule not in ShortfallRule.values:
        problems.append(Problem("shortfall_rule", _("请选择收成不足时的处理办法。")))
    if terms.way not in Way.values:
        problems.append(Problem("way", _("请选择带动方式。")))
    if problems:
        raise InvalidInput(problems)


def _check_opener(actor: Actor, place: Place, organisation_id: int | None) -> None:
    require(actor, "market.open")
    if organisation_id is None:
        open_door(Place.objects.all(), actor, "market.open", place.pk)
        return
    coop = Organisation.objects.filter(pk=organisation_id, kind=Organisation.Kind.COOPERATIVE).first()
    mine = organisation_id in actor.organisation_ids("market.open")
    if coop is None or not mine:
        raise Refused(_("只有县级专员或本合作社可以开团。"), remedy=_("请联系县级专员。"))
    if coop.state != Organisation.State.VETTED or coop.county_id != place.county_id:
        raise Refused(_("合作社须经核验，并且只能在所在县开团。"), remedy=_("请联系所在县核验。"))


def add_offer(*, actor: Actor, round_id: int, version: int | None, goods: Goods) -> Offer:
    """Add goods to a round that is not yet on sale. Raises Invalid, Conflict, Stale, Refused or Hidden."""
    _check_goods(goods)
    with write("market.add_offer", actor) as audit:
        row = round_for(actor, round_id, "market.open", lock=True)
        check_version(row, version)
        _must_be(row, Round.State.DRAFT)
        offer = Offer.objects.create(
            round=row,
            place_id=row.place_id,
            province_id=row.province_id,
            prefecture_id=row.prefecture_id,
            county_id=row.county_id,
            township_id=row.township_id,
            village_id=row.village_id,
            title=goods.title.strip(),
            category_code=goods.category_code,
            unit=goods.unit,
            price_fen=goods.price_fen,
            grower_fen=goods.grower_fen,
            coop_fen=goods.coop_fen,
            logistics_fen=goods.logistics_fen,
            residual_fen=goods.residual_fen,
            coop_id=goods.coop_id,
            logistics_id=goods.logistics_id,
            buyer_limit=goods.buyer_limit,
        )
        audit.add("offer", offer.pk, place_id=row.place_id, round=row.pk, price_fen=goods.price_fen)
    return offer


def _check_goods(goods: Goods) -> None:
    if not goods.title.strip() or not goods.unit.strip():
        raise invalid("title", _("请填写品名和计量单位。"))
    if goods.price_fen <= 0 or goods.grower_fen <= 0 or goods.coop_fen < 0 or goods.logistics_fen < 0:
        raise invalid("price_fen", _("单价和农户所得须大于零，费用不能为负。"))
    if goods.residual_fen < 0:
        raise invalid(
            "grower_fen",
            _("各方所得之和超过了单价。"),
            _("请调整农户所得、服务费或物流费，使其合计不超过单价。"),
        )
    if (goods.coop_fen and not goods.coop_id) or (goods.logistics_fen and not goods.logistics_id):
        raise invalid("coop_fen", _("有费用就要写明收取单位。"), _("请选择合作社和物流单位。"))


def _must_be(row: Round, *states: str) -> None:
    if row.state not in states:
        raise Conflict(
            _("这一团处于“%(state)s”，不能办理此步。") % {"state": row.get_state_display()},
            remedy=_("请刷新页面，查看当前可办的步骤。"),
        )


def commit(
    *, actor: Actor, offer_id: int, household_id: int, quantity: int, version: int | None = None
) -> Commitment:
    """A household promises ``quantity`` to an offer, or changes its promise (then ``version`` is needed).

    The cap of an offer on sale follows. Raises Conflict when more is sold already than would be promised.
    """
    with write("market.commit", actor) as audit:
        offer = _offer_for_commitment(actor, offer_id)
        household = _growers(actor, offer, [household_id])[0]
        old = Commitment.objects.select_for_update().filter(offer=offer, household=household).first()
        if old is not None:
            check_version(old, version)
        elif version is not None:
            raise Stale(_("这条承诺已不存在。"), remedy=_("请刷新页面后重试。"))
        _store_commitments(actor, offer, {household_id: quantity})
        row = Commitment.objects.get(offer=offer, household=household)
        audit.add("commitment", row.pk, place_id=row.place_id, offer=offer.pk, quantity=quantity)
    return row


def commit_set(*, actor: Actor, offer_id: int, quantities: dict[int, int]) -> int:
    """Many households' promises to one offer: {household id: quantity}. Returns how many. All or nothing."""
    with write("market.commit", actor) as audit:
        offer = _offer_for_commitment(actor, offer_id)
        _growers(actor, offer, list(quantities))
        _store_commitments(actor, offer, quantities)
        return audit.add_bulk("commitment", _COMMITTED, [offer_id, list(quantities)])


def _offer_for_commitment(actor: Actor, offer_id: int) -> Offer:
    require(actor, "market.commit")
    offer = Offer.objects.select_related("round").select_for_update(of=("self",)).filter(pk=offer_id).first()
    if offer is None:
        raise Hidden(_("没有找到这件商品。"))
    round_for(actor, offer.round_id, "market.commit")
    if offer.state not in (Round.State.DRAFT, Round.State.OPEN):
        raise Conflict(_("这一团已截单，不能再改承诺。"), remedy=_("请在下一团登记。"))
    return offer


def _growers(actor: Actor, offer: Offer, household_ids: Sequence[int]) -> list[Household]:
    """The households, all within the actor's places and the county of the offer, none removed."""
    rows = Household.objects.filter(place_filter(actor, "market.commit"), pk__in=household_ids)
    rows = rows.filter(county_id=offer.county_id).exclude(state=Household.State.REMOVED)
    found = list(rows)
    if len(found) != len(set(household_ids)):
        raise Hidden(_("有农户不存在，或不在您的管辖范围内。"), remedy=_("请核对户编号。"))
    return found


def _store_commitments(actor: Actor, offer: Offer, quantities: dict[int, int]) -> None:
    if not quantities or min(quantities.values()) <= 0:
        raise invalid("quantity", _("承诺数量须为正整数。"))
    old = Commitment.objects.filter(offer=offer, household_id__in=quantities).values_list(
        "quantity", flat=True
    )
    change = sum(quantities.values()) - sum(old)
    is_open = offer.state == Round.State.OPEN
    if is_open and offer.cap + change < offer.sold:
        raise Conflict(
            _("已售出 %(sold)s%(unit)s，承诺总量不能低于已售。") % {"sold": offer.sold, "unit": offer.unit},
            remedy=_("请先由其他农户补足承诺。"),
        )
    if is_open and change < 0:
        Offer.objects.filter(pk=offer.pk).update(cap=F("cap") + change)
    parameters = {
        "offer": offer.pk,
        "user": actor.user_id,
        "households": list(quantities),
        "quantities": list(quantities.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COMMIT_SET, parameters)
    if is_open and change > 0:
        Offer.objects.filter(pk=offer.pk).update(cap=F("cap") + change)


def start_sales(*, actor: Actor, round_id: int, version: int | None) -> Round:
    """Put a round on sale; the cap of every offer is what households have committed to it."""
    with write("market.start_sales", actor) as audit:
        row = round_for(actor, round_id, "market.open", lock=True)
        check_version(row, version)
        _must_be(row, Round.State.DRAFT)
        offers = Offer.objects.filter(round=row)
        if not offers.filter(committed__gt=0).exists():
            raise Conflict(_("还没有农户承诺供货，不能开售。"), remedy=_("请先登记农户承诺。"))
        offers.update(state=Round.State.OPEN, cap=F("committed"))
        _move(row, Round.State.OPEN)
        audit.add("round", row.pk, place_id=row.place_id, state=row.state)
    return row


def close_round(*, actor: Actor, round_id: int, version: int | None) -> Round:
    """End sales: nothing more can be ordered, unpaid holds are released."""
    with write("market.close_round", actor) as audit:
        row = round_for(actor, round_id, "market.open", lock=True)
        check_version(row, version)
        _must_be(row, Round.State.OPEN)
        Offer.objects.filter(round=row).update(state=Round.State.CLOSED)
        held = Order.objects.filter(round=row, state=Order.State.HELD)
        released = release(list(held.order_by("id").values_list("pk", flat=True)), Order.State.EXPIRED)
        _move(row, Round.State.CLOSED)
        audit.add("round", row.pk, place_id=row.place_id, state=row.state, released=released)
    return row


def _move(row: Round, state: str) -> None:
    row.state = state
    row.version += 1
    row.updated_at = clock.now()
    row.save(update_fields=["state", "version", "updated_at"])
