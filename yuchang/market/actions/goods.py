"""What households bring in, which order it fills, what goes back to buyers, and the way to the buyer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import organisation_filter, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.exchange.actions import Ordered, deliver_orders
from yuchang.ledger.actions import Draft, organisation_accounts, post_set
from yuchang.ledger.models import Transaction
from yuchang.ledger.rules import LegDraft
from yuchang.market import rules
from yuchang.market.actions.payments import clearing_accounts
from yuchang.market.models import Commitment, Lot, Offer, Order, OrderLine, Round
from yuchang.market.queries import paid_lines, ready_growers, round_reach
from yuchang.market.words import SHORT_HARVEST

_LOT_SET = """
    INSERT INTO market_lot (number, offer_id, household_id, harvested, lost, sold, harvested_on,
        recorded_by_id, place_id, province_id, prefecture_id, county_id, township_id, village_id)
    SELECT c.offer_id || '-' || c.household_id || '-' || (1 + (
               SELECT count(*) FROM market_lot x
               WHERE x.offer_id = c.offer_id AND x.household_id = c.household_id)),
           c.offer_id, c.household_id, w.harvested, w.lost, 0, %(on)s, %(user)s,
           c.place_id, c.province_id, c.prefecture_id, c.county_id, c.township_id, c.village_id
    FROM unnest(%(offers)s::bigint[], %(households)s::bigint[], %(harvested)s::bigint[], %(lost)s::bigint[])
         WITH ORDINALITY AS w(offer_id, household_id, harvested, lost, position)
    JOIN market_commitment c ON c.household_id = w.household_id AND c.offer_id = w.offer_id
    ORDER BY w.position
    RETURNING id
"""
_PROMISED = """
    SELECT count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS w(offer_id, household_id)
    JOIN market_commitment c ON c.household_id = w.household_id AND c.offer_id = w.offer_id
    WHERE c.id = ANY(%s)
"""
_LOTS = """
    SELECT l.id::text, l.place_id, jsonb_build_object('offer', l.offer_id, 'household', l.household_id,
                                                      'harvested', l.harvested, 'lost', l.lost)
    FROM market_lot l WHERE l.id = ANY(%s) ORDER BY l.id
"""
_FULFIL_LINES = """
    UPDATE market_orderline l SET fulfilled = u.quantity
    FROM unnest(%s::bigint[], %s::bigint[]) AS u(id, quantity) WHERE l.id = u.id
"""
_ALLOCATE = """
    INSERT INTO market_allocation (line_id, household_id, lot_id, quantity)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
_MOVE_ORDERS = """
    UPDATE market_order SET state = %(to)s, {stamp} version = version + 1, updated_at = %(at)s
    WHERE round_id = ANY(%(rounds)s) AND state = ANY(%(from)s) RETURNING id
"""
_MOVED = "SELECT id::text, place_id, jsonb_build_object('state', state) FROM market_order WHERE id = ANY(%s)"


@dataclass(frozen=True)
class Harvest:
    """What one household brought in: harvested, and of that declared lost."""

    household_id: int
    harvested: int
    lost: int = 0


def record_lot(*, actor: Actor, offer_id: int, harvest: Harvest, harvested_on: date | None = None) -> Lot:
    """Record one household's goods for an offer. Raises Hidden, Refused, Invalid or Conflict."""
    ids = lot_set(actor=actor, offer_id=offer_id, harvests=[harvest], harvested_on=harvested_on)
    return Lot.objects.get(pk=ids[0])


def lot_set(
    *, actor: Actor, offer_id: int, harvests: Sequence[Harvest], harvested_on: date | None = None
) -> list[int]:
    """Record the goods of many households for one offer, all or nothing. Returns the lots' ids."""
    return lots_set(actor=actor, harvests={offer_id: harvests}, harvested_on=harvested_on)


def lots_set(
    *, actor: Actor, harvests: Mapping[int, Sequence[Harvest]], harvested_on: date | None = None
) -> list[int]:
    """Record goods for many offers, {offer id: harvests}, all or nothing, in a fixed number of statements."""
    rows = [(offer_id, harvest) for offer_id, each in harvests.items() for harvest in each]
    _check_harvests(rows)
    with write("market.record_lot", actor) as audit:
        _check_offers_for_lots(actor, list(harvests))
        _check_promised(actor, rows)
        parameters: dict[str, Any] = {
            "on": harvested_on or clock.today(),
            "user": actor.user_id,
            "offers": [offer_id for offer_id, _harvest in rows],
            "households": [harvest.household_id for _offer, harvest in rows],
            "harvested": [harvest.harvested for _offer, harvest in rows],
            "lost": [harvest.lost for _offer, harvest in rows],
        }
        with connection.cursor() as cursor:
            cursor.execute(_LOT_SET, parameters)
            ids = [int(pk) for (pk,) in cursor.fetchall()]
        audit.add_bulk("lot", _LOTS, [ids])
    return ids


def _check_harvests(rows: Sequence[tuple[int, Harvest]]) -> None:
    for _offer, harvest in rows:
        if harvest.harvested <= 0 or not 0 <= harvest.lost <= harvest.harvested:
            raise invalid("harvested", _("收获量须为正整数，损耗不能超过收获量。"))
    if not rows or len({(offer_id, harvest.household_id) for offer_id, harvest in rows}) < len(rows):
        raise invalid("household", _("每户每次登记一条收获记录。"))


def _check_offers_for_lots(actor: Actor, offer_ids: Sequence[int]) -> None:
    """All offers in the actor's reach and in a round that takes goods; locked meanwhile."""
    require(actor, "market.commit")
    rounds = Round.objects.filter(round_reach(actor, "market.commit"))
    rows = Offer.objects.select_related("round").select_for_update(of=("self",), no_key=True)
    offers = list(rows.filter(round__in=rounds, pk__in=offer_ids).order_by("id"))
    if len(offers) < len(set(offer_ids)):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请核对编号。"))
    for offer in offers:
        if offer.round.state not in (Round.State.OPEN, Round.State.CLOSED):
            raise Conflict(
                _("这一团处于“%(state)s”，不能再登记收获。") % {"state": offer.round.get_state_display()}
            )


def _check_promised(actor: Actor, rows: Sequence[tuple[int, Harvest]]) -> None:
    """Every household has promised to its offer and lies in the actor's places."""
    offers, households = [pk for pk, _h in rows], [harvest.household_id for _pk, harvest in rows]
    mine = Commitment.objects.filter(place_filter(actor, "market.commit"), offer_id__in=set(offers))
    with connection.cursor() as cursor:
        cursor.execute(_PROMISED, [offers, households, list(mine.values_list("pk", flat=True))])
        (found,) = cursor.fetchone()
    if found < len(rows):
        raise Hidden(_("有农户没有承诺供货，或不在您的管辖范围内。"), remedy=_("请先登记承诺。"))


@dataclass(frozen=True)
class Fulfilment:
    """What came of filling orders: lines, quantity missing, fen refunded."""

    lines: int
    missing: int
    refunded_fen: int


def fulfil_round(*, actor: Actor, round_id: int, version: int | None) -> Fulfilment:
    """Fill a closed round's paid orders from the lots; refund what is missing by the round's rule.

    Done before: returns what came of it and changes nothing.
    """
    return _fulfil(actor, [round_id], version)


def fulfil_rounds(*, actor: Actor, round_ids: Sequence[int]) -> Fulfilment:
    """Fill the paid orders of many closed rounds; rounds with unpaid orders are left for another time."""
    return _fulfil(actor, round_ids, None, is_set=True)


def _fulfil(
    actor: Actor, round_ids: Sequence[int], version: int | None, *, is_set: bool = False
) -> Fulfilment:
    with write("market.fulfil_round", actor) as audit:
        rounds = locked_rounds(actor, round_ids)
        waiting = [row for row in rounds if row.state == Round.State.CLOSED]
        early = [row for row in rounds if row.state in (Round.State.DRAFT, Round.State.OPEN)]
        if early:
            raise Conflict(_("“%s”尚未截单，不能配货。") % early[0].title, remedy=_("请先截单。"))
        if waiting and not is_set:
            check_version(waiting[0], version)
        waiting = _without_unpaid(waiting, is_set=is_set)
        lines = paid_lines([row.pk for row in waiting])
        fulfilled = _allocate(waiting, lines)
        refunded = _refund(actor, lines, fulfilled)
        move_rounds(waiting, Round.State.FULFILLED)
        missing = sum(line.quantity - fulfilled[line.pk] for line in lines)
        for row in rounds:
            audit.add("round", row.pk, place_id=row.place_id, state=row.state)
    return Fulfilment(len(lines), missing, refunded)


def _without_unpaid(rounds: Sequence[Round], *, is_set: bool) -> list[Round]:
    """Rounds in which no order waits for money any more; what is paid after filling would get nothing."""
    held = Order.objects.filter(round__in=rounds, state=Order.State.HELD)
    unpaid = set(held.values_list("round_id", flat=True).distinct())
    if unpaid and not is_set:
        raise Conflict(_("还有订单在等待付款，不能配货。"), remedy=_("请等付款到账或超时释放后再配货。"))
    return [row for row in rounds if row.pk not in unpaid]


def locked_rounds(actor: Actor, round_ids: Sequence[int]) -> list[Round]:
    """The rounds to be settled by this actor, locked in id order. Raises Refused or Hidden."""
    require(actor, "market.settle")
    rows = Round.objects.filter(round_reach(actor, "market.settle"), pk__in=round_ids)
    rounds = list(rows.select_related("place").select_for_update(of=("self",)).order_by("id"))
    if len(rounds) < len(set(round_ids)):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请核对编号。"))
    return rounds


def move_rounds(rounds: Sequence[Round], state: str) -> None:
    """Bring locked rounds into a state."""
    at = clock.now()
    for row in rounds:
        row.state, row.version, row.updated_at = state, row.version + 1, at
    Round.objects.bulk_update(rounds, ["state", "version", "updated_at"], batch_size=500)


def _allocate(rounds: Sequence[Round], lines: Sequence[OrderLine]) -> dict[int, int]:
    """Fill the lines offer by offer and store who filled what; {line id: quantity delivered}."""
    shortfall = {row.pk: row.shortfall_rule for row in rounds}
    offers: dict[int, list[OrderLine]] = {}
    for line in lines:
        offers.setdefault(line.offer_id, []).append(line)
    growers = ready_growers(list(offers))
    fulfilled: dict[int, int] = {}
    fills: list[rules.Filled] = []
    for offer_id, mine in offers.items():
        rule = shortfall[mine[0].order.round_id]
        result = rules.allocate([(line.pk, line.quantity) for line in mine], growers[offer_id], rule)
        fulfilled |= result.fulfilled
        fills += result.fills
    with connection.cursor() as cursor:
        cursor.execute(_FULFIL_LINES, [list(fulfilled), list(fulfilled.values())])
        columns = [
            [f.line_id for f in fills],
            [f.household_id for f in fills],
            [f.lot_id for f in fills],
            [f.quantity for f in fills],
        ]
        cursor.execute(_ALLOCATE, columns)
    return fulfilled


def _refund(actor: Actor, lines: Sequence[OrderLine], fulfilled: dict[int, int]) -> int:
    """Book each order's missing quantity times price back to its buyer; wholly missing orders end here."""
    fen: dict[int, int] = {}
    for line in lines:
        missing = line.quantity - fulfilled[line.pk]
        if missing:
            fen[line.order_id] = fen.get(line.order_id, 0) + missing * line.price_fen
    if not fen:
        return 0
    orders = {row.pk: row for row in Order.objects.filter(pk__in=fen).select_related("place")}
    accounts = organisation_accounts(order.organisation_id for order in orders.values())
    clearing = clearing_accounts({order.place_id: order.place for order in orders.values()})
    drafts = []
    for pk, amount in sorted(fen.items()):
        order = orders[pk]
        buyer = accounts[order.organisation_id]
        drafts.append(
            Draft(
                source="market.order",
                source_id=str(pk),
                kind=Transaction.Kind.REFUND,
                place=order.place,
                legs=(LegDraft(clearing[order.place_id], -amount), LegDraft(buyer, amount)),
                channel=order.channel,
                payer_id=buyer,
                memo=SHORT_HARVEST,
            )
        )
    post_set(actor=actor, drafts=drafts)
    empty = sorted(pk for pk, amount in fen.items() if amount == orders[pk].total_fen)
    if empty:
        Order.objects.filter(pk__in=empty).update(state=Order.State.REFUNDED, updated_at=clock.now())
    return sum(fen.values())


def dispatch_rounds(*, actor: Actor, round_ids: Sequence[int]) -> int:
    """Note that the filled orders of these rounds are on their way. Returns how many."""
    name, state = "market.dispatched", Order.State.DISPATCHED
    return _move_orders(name, actor, round_ids, [Order.State.PAID], state, "dispatched_at")


def deliver_rounds(*, actor: Actor, round_ids: Sequence[int]) -> int:
    """Note, on the carrier's receipts, that the orders of these rounds were delivered. Returns how many."""
    states = [Order.State.PAID, Order.State.DISPATCHED]
    name, state = "market.delivered", Order.State.DELIVERED
    return _move_orders(name, actor, round_ids, states, state, "delivered_at")


def _move_orders(
    action: str, actor: Actor, round_ids: Sequence[int], states: Sequence[str], to: str, column: str
) -> int:
    with write(action, actor) as audit:
        rounds = locked_rounds(actor, round_ids)
        filled = [row for row in rounds if row.state == Round.State.FULFILLED]
        if not filled and any(row.state != Round.State.SETTLED for row in rounds):
            raise Conflict(_("请先配货，再发货或签收。"), remedy=_("请在团购页面办理配货。"))
        parameters: dict[str, Any] = {
            "to": str(to),
            "at": clock.now(),
            "rounds": [row.pk for row in filled],
            "from": [str(state) for state in states],
        }
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_ORDERS.format(stamp=f"{column} = %(at)s,"), parameters)
            ids = sorted(int(pk) for (pk,) in cursor.fetchall())
        if to == Order.State.DELIVERED:
            _fulfil_agreements(actor, ids)
        audit.add_bulk("order", _MOVED, [ids])
    return len(ids)


def deliver_order(*, actor: Actor, order_id: int, version: int | None) -> Order:
    """The buyer confirms receipt. Confirming again changes nothing. Raises Conflict before dispatch."""
    with write("market.deliver_order", actor) as audit:
        reach = organisation_filter(actor, "market.order")
        order = open_door(Order.objects.all(), actor, "market.order", order_id, within=reach, lock=True)
        if order.state not in (Order.State.DELIVERED, Order.State.SETTLED):
            check_version(order, version)
            if order.state != Order.State.DISPATCHED:
                raise Conflict(
                    _("订单处于“%(state)s”，还不能签收。") % {"state": order.get_state_display()},
                    remedy=_("请在收到货物后再签收。"),
                )
            order.state = Order.State.DELIVERED
            order.delivered_at = clock.now()
            order.version += 1
            order.save(update_fields=["state", "delivered_at", "version", "updated_at"])
            _fulfil_agreements(actor, [order.pk])
        audit.add("order", order.pk, place_id=order.place_id, state=order.state)
    return order


def _fulfil_agreements(actor: Actor, order_ids: Sequence[int]) -> None:
    """What these orders delivered counts for the agreements of the exchange that they were made from."""
    lines = OrderLine.objects.filter(order__in=order_ids, order__round__agreement_id__isnull=False)
    rows = lines.values_list("order__round__agreement_id", "order_id").annotate(units=Sum("fulfilled"))
    delivered = [
        Ordered(agreement, order, units or 0) for agreement, order, units in rows.order_by("order_id")
    ]
    deliver_orders(actor=actor, delivered=delivered)
