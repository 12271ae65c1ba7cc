"""Placing, cancelling and expiring orders.

The normal lane is one SQL statement: it takes the goods with one conditional UPDATE per offer, counts the
buyer's limit, and writes order and lines. What does not fit is not taken, and nothing of it is kept.
Several lines lock their offers in id order first, so that orders in opposite order cannot block each other.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import organisation_filter
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, write
from yuchang.core.errors import Conflict, invalid
from yuchang.market.actions.holds import release
from yuchang.market.models import BuyerCount, Offer, Order, Round
from yuchang.market.queries import buyer_id

HOLD = timedelta(minutes=30)
"""How long goods are held for an order that is not paid yet."""

_KEYS = "place_id, province_id, prefecture_id, county_id, township_id, village_id"
_LOCK = "SELECT id FROM market_offer WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_PLACE = f"""
    WITH wanted AS (
        SELECT * FROM unnest(%(offers)s::bigint[], %(quantities)s::bigint[]) AS w(offer_id, quantity)
    ), moment AS (
        SELECT coalesce((SELECT clock_at FROM core_instance WHERE id = 1), clock_timestamp()) AS at
    ), known AS (
        SELECT id FROM market_order WHERE idempotency_key = %(key)s
    ), buyer AS (
        SELECT id FROM partners_organisation WHERE id = %(organisation)s AND state = 'vetted'
    ), taken AS (
        UPDATE market_offer o SET sold = o.sold + w.quantity
        FROM wanted w, moment m, buyer b, market_round r
        WHERE o.id = w.offer_id AND r.id = o.round_id AND o.state = 'open'
          AND o.sold + w.quantity <= o.cap AND m.at BETWEEN r.sales_from AND r.sales_to
          AND NOT EXISTS (SELECT 1 FROM known)
        RETURNING o.*, r.way, r.channel, w.quantity AS wanted
    ), ordered AS (
        INSERT INTO market_order (version, created_at, updated_at, uid, round_id, organisation_id, channel,
            idempotency_key, fingerprint, state, total_fen, placed_by_id, placed_at, expires_at, {_KEYS})
        SELECT 1, m.at, m.at, %(uid)s, t.round_id, %(organisation)s, t.channel, %(key)s, %(fingerprint)s,
               'held', t.total, %(user)s, m.at, m.at + %(hold)s, t.place_id, t.province_id, t.prefecture_id,
               t.county_id, t.township_id, t.village_id
        FROM (SELECT round_id, channel, {_KEYS}, sum(price_fen * wanted) AS total, count(*) AS lines
              FROM taken GROUP BY round_id, channel, {_KEYS}) t, moment m
        WHERE t.lines = %(count)s
        RETURNING id
    ), counted AS (
        INSERT INTO market_buyercount AS c (offer_id, organisation_id, bought, buyer_limit)
        SELECT t.id, %(organisation)s, t.wanted, t.buyer_limit FROM taken t, ordered
        WHERE t.buyer_limit IS NOT NULL
        ON CONFLICT (offer_id, organisation_id)
            DO UPDATE SET bought = c.bought + EXCLUDED.bought, buyer_limit = EXCLUDED.buyer_limit
    ), lines AS (
        INSERT INTO market_orderline (order_id, offer_id, quantity, price_fen, grower_fen, coop_fen,
            logistics_fen, residual_fen, way)
        SELECT ordered.id, t.id, t.wanted, t.price_fen, t.grower_fen, t.coop_fen, t.logistics_fen,
               t.residual_fen, t.way
        FROM taken t, ordered
    )
    SELECT (SELECT id FROM ordered), (SELECT id FROM known), (SELECT min(place_id) FROM taken)
"""  # noqa: S608 - _KEYS is a constant of this file


class _NotPlaced(Exception):
    """Undoes the statement; ``known_id`` is the order that the same key has placed before."""

    def __init__(self, known_id: int | None) -> None:
        super().__init__()
        self.known_id = known_id


def fingerprint(organisation_id: int, quantities: dict[int, int]) -> str:
    """What an order asks for, hashed: the same request gives the same text."""
    text = json.dumps([organisation_id, sorted(quantities.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def place_order(
    *, actor: Actor, organisation_id: int, quantities: dict[int, int], idempotency_key: str
) -> Order:
    """Order ``{offer id: quantity}`` of one round for the actor's organisation; held until paid or expired.

    The same key again returns the same order. Raises Refused for another's organisation, Invalid for
    quantities that are not positive, Conflict when sold out (with what is left), closed, above the buyer's
    limit, or when the key was used for something else.
    """
    organisation_id = buyer_id(actor, organisation_id)
    _check_request(quantities, idempotency_key)
    print_ = fingerprint(organisation_id, quantities)
    try:
        with write("market.place_order", actor) as audit:
            pk, place_id = _take(actor, organisation_id, quantities, idempotency_key, print_)
            audit.add("order", pk, place_id=place_id, organisation=organisation_id, quantities=quantities)
    except _NotPlaced as refusal:
        if refusal.known_id is None:
            raise _why_not(organisation_id, quantities) from None
        return _replayed(idempotency_key, print_)
    except IntegrityError as error:
        if _constraint(error) == "market_buyercount_limit":
            raise _over_limit(organisation_id, quantities) from error
        if "idempotency_key" in _constraint(error):
            return _replayed(idempotency_key, print_)
        raise
    return Order.objects.get(pk=pk)


def _check_request(quantities: dict[int, int], key: str) -> None:
    if not quantities or min(quantities.values()) <= 0 or max(quantities.values()) > 10**9:
        raise invalid("quantity", _("数量须为正整数。"))
    if not 8 <= len(key) <= 80:
        raise invalid("idempotency_key", _("缺少订单防重编号。"), _("请刷新页面后重新下单。"))


def _take(
    actor: Actor, organisation_id: int, quantities: dict[int, int], key: str, print_: str
) -> tuple[int, int]:
    offers = sorted(quantities)
    parameters: dict[str, Any] = {
        "offers": offers,
        "quantities": [quantities[pk] for pk in offers],
        "count": len(offers),
        "organisation": organisation_id,
        "key": key,
        "fingerprint": print_,
        "uid": uuid.uuid4(),
        "user": actor.user_id,
        "hold": HOLD,
    }
    with connection.cursor() as cursor:
        if len(offers) > 1:
            cursor.execute(_LOCK, [offers])
        cursor.execute(_PLACE, parameters)
        pk, known_id, place_id = cursor.fetchone()
    if pk is None:
        raise _NotPlaced(known_id)
    return int(pk), int(place_id)


def _constraint(error: IntegrityError) -> str:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


def _replayed(key: str, print_: str) -> Order:
    order = Order.objects.get(idempotency_key=key)
    if order.fingerprint != print_:
        raise Conflict(_("这个订单编号已用于另一内容。"), remedy=_("请刷新页面后重新下单。"))
    return order


def _why_not(organisation_id: int, quantities: dict[int, int]) -> Conflict:
    """The sentence for a refused order: not on sale, or how much is left."""
    offers = list(Offer.objects.filter(pk__in=quantities).select_related("round").order_by("id"))
    moment = clock.now()
    closed = [
        o
        for o in offers
        if o.state != Round.State.OPEN or not o.round.sales_from <= moment <= o.round.sales_to
    ]
    if len(offers) < len(quantities) or closed:
        return Conflict(_("不在销售时间内，不能下单。"), remedy=_("请看其他正在预售的团。"))
    if len({o.round_id for o in offers}) > 1:
        return Conflict(_("一张订单只能买同一团的商品。"), remedy=_("请分开下单。"))
    short = [o for o in offers if o.sold + quantities[o.pk] > o.cap]
    if not short:
        return Conflict(_("采购单位尚未核验，不能下单。"), remedy=_("请联系引进本单位的县核验。"))
    left = "；".join(f"{o.title} {o.cap - o.sold}{o.unit}" for o in short)
    return Conflict(_("余量不足，现余：%(left)s。") % {"left": left}, remedy=_("请减少数量后重试。"))


def _over_limit(organisation_id: int, quantities: dict[int, int]) -> Conflict:
    limits = dict(Offer.objects.filter(pk__in=quantities).values_list("pk", "buyer_limit"))
    rows = BuyerCount.objects.filter(organisation_id=organisation_id, offer_id__in=quantities)
    bought = dict(rows.values_list("offer_id", "bought"))
    left = [limit - bought.get(pk, 0) for pk, limit in limits.items() if limit is not None]
    return Conflict(
        _("超过每个买方的限购量，您还可以购买 %(left)s。") % {"left": min(left, default=0)},
        remedy=_("请减少数量后重试。"),
    )


def cancel_order(*, actor: Actor, order_id: int, version: int | None) -> Order:
    """The buyer gives back an order that is not paid yet. Cancelling again changes nothing."""
    with write("market.cancel_order", actor) as audit:
        reach = organisation_filter(actor, "market.order")
        order = open_door(Order.objects.all(), actor, "market.order", order_id, within=reach, lock=True)
        if order.state != Order.State.CANCELLED:
            check_version(order, version)
            if not release([order.pk], Order.State.CANCELLED):
                raise Conflict(
                    _("订单处于“%(state)s”，不能取消。") % {"state": order.get_state_display()},
                    remedy=_("已付款的订单请联系卖方县处理。"),
                )
        audit.add("order", order.pk, place_id=order.place_id, state="cancelled")
    order.refresh_from_db()
    return order


def release_expired(*, actor: Actor = SYSTEM, limit: int = 1000) -> int:
    """Give back the goods of orders whose time to pay is over. Run every minute; returns how many."""
    due = Order.objects.filter(state=Order.State.HELD, expires_at__lte=clock.now()).order_by(
        "expires_at", "id"
    )
    ids = sorted(due.values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    with write("market.release_expired", actor) as audit:
        released = release(ids, Order.State.EXPIRED)
        sql = "SELECT id::text, place_id, '{}'::jsonb FROM market_order WHERE id = ANY(%s) ORDER BY id"
        audit.add_bulk("order", sql, [released])
    return len(released)


@dataclass(frozen=True)
class OrderRow:
    """One single-line order of a set."""

    organisation_id: int
    offer_id: int
    quantity: int
    idempotency_key: str


_FIT = """
    CREATE TEMPORARY TABLE market_order_draft ON COMMIT DROP AS
    WITH wanted AS (
        SELECT * FROM unnest(%(organisations)s::bigint[], %(offers)s::bigint[], %(quantities)s::bigint[],
                             %(keys)s::text[], %(prints)s::text[])
             WITH ORDINALITY AS w(organisation_id, offer_id, quantity, key, fingerprint, position)
    )
    SELECT f.* FROM (
        SELECT w.*,
               sum(w.quantity) OVER (PARTITION BY w.offer_id ORDER BY w.position) <= o.cap - o.sold
               AND (o.buyer_limit IS NULL OR o.buyer_limit - coalesce(c.bought, 0) >=
                    sum(w.quantity) OVER (PARTITION BY w.offer_id, w.organisation_id ORDER BY w.position))
               AS fits
        FROM wanted w
        JOIN public.market_offer o ON o.id = w.offer_id AND o.state = 'open'
        JOIN public.market_round r ON r.id = o.round_id AND %(at)s BETWEEN r.sales_from AND r.sales_to
        JOIN public.partners_organisation b ON b.id = w.organisation_id AND b.state = 'vetted'
        LEFT JOIN public.market_buyercount c
               ON c.offer_id = w.offer_id AND c.organisation_id = w.organisation_id
        WHERE NOT EXISTS (SELECT 1 FROM public.market_order k WHERE k.idempotency_key = w.key)
    ) f WHERE f.fits
"""
_ORDER_SET = f"""
    WITH ordered AS (
        INSERT INTO market_order (version, created_at, updated_at, uid, round_id, organisation_id, channel,
            idempotency_key, fingerprint, state, total_fen, placed_by_id, placed_at, expires_at, {_KEYS})
        SELECT 1, %(at)s, %(at)s, gen_random_uuid(), o.round_id, d.organisation_id, r.channel, d.key,
               d.fingerprint, 'held', o.price_fen * d.quantity, %(user)s, %(at)s, %(at)s + %(hold)s,
               o.place_id, o.province_id, o.prefecture_id, o.county_id, o.township_id, o.village_id
        FROM market_order_draft d
        JOIN market_offer o ON o.id = d.offer_id
        JOIN market_round r ON r.id = o.round_id
        ORDER BY d.position
        RETURNING id, idempotency_key
    ), lines AS (
        INSERT INTO market_orderline (order_id, offer_id, quantity, price_fen, grower_fen, coop_fen,
            logistics_fen, residual_fen, way)
        SELECT n.id, o.id, d.quantity, o.price_fen, o.grower_fen, o.coop_fen, o.logistics_fen,
               o.residual_fen, r.way
        FROM ordered n
        JOIN market_order_draft d ON d.key = n.idempotency_key
        JOIN market_offer o ON o.id = d.offer_id
        JOIN market_round r ON r.id = o.round_id
        ORDER BY n.id
    ), counted AS (
        INSERT INTO market_buyercount AS c (offer_id, organisation_id, bought, buyer_limit)
        SELECT d.offer_id, d.organisation_id, sum(d.quantity), o.buyer_limit
        FROM market_order_draft d JOIN market_offer o ON o.id = d.offer_id
        WHERE o.buyer_limit IS NOT NULL
        GROUP BY d.offer_id, d.organisation_id, o.buyer_limit
        ON CONFLICT (offer_id, organisation_id)
            DO UPDATE SET bought = c.bought + EXCLUDED.bought, buyer_limit = EXCLUDED.buyer_limit
    ), sold AS (
        UPDATE market_offer o SET sold = o.sold + d.quantity
        FROM (SELECT offer_id, sum(quantity) AS quantity FROM market_order_draft GROUP BY 1) d
        WHERE o.id = d.offer_id
    )
    SELECT id, idempotency_key FROM ordered
"""  # noqa: S608
_ORDERED = """
    SELECT o.id::text, o.place_id, jsonb_build_object('organisation', o.organisation_id, 'total', o.total_fen)
    FROM market_order o WHERE o.id = ANY(%s) ORDER BY o.id
"""


def order_set(*, actor: Actor, rows: Sequence[OrderRow]) -> dict[str, int]:
    """Place many single-line orders at once, in the given order; {idempotency key: order id} of those placed.

    Per offer, orders are accepted while the running total of all asked so far fits (a small order behind one
    that was too big is refused). Keys used before are skipped. The actor must act for every buyer named.
    """
    if not rows:
        return {}
    for organisation_id in {row.organisation_id for row in rows}:
        buyer_id(actor, organisation_id)
    for row in rows:
        _check_request({row.offer_id: row.quantity}, row.idempotency_key)
    if len({row.idempotency_key for row in rows}) < len(rows):
        raise invalid("idempotency_key", _("同一批订单的防重编号重复。"))
    parameters: dict[str, Any] = {"at": clock.now(), "user": actor.user_id, "hold": HOLD}
    with write("market.place_order", actor) as audit, connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted({row.offer_id for row in rows})])
        cursor.execute(_FIT, _columns(rows) | parameters)
        cursor.execute(_ORDER_SET, parameters)
        placed = {key: int(pk) for pk, key in cursor.fetchall()}
        cursor.execute("DROP TABLE market_order_draft")
        audit.add_bulk("order", _ORDERED, [sorted(placed.values())])
    return placed


def _columns(rows: Sequence[OrderRow]) -> dict[str, Any]:
    return {
        "organisations": [row.organisation_id for row in rows],
        "offers": [row.offer_id for row in rows],
        "quantities": [row.quantity for row in rows],
        "keys": [row.idempotency_key for row in rows],
        "prints": [fingerprint(row.organisation_id, {row.offer_id: row.quantity}) for row in rows],
    }
