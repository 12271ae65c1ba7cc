"""Giving back what an order held. Lock order everywhere: orders by id, then offers by id."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from yuchang.core import clock

_LOCK = "SELECT id FROM market_order WHERE id = ANY(%s) AND state = 'held' ORDER BY id FOR NO KEY UPDATE"
_LOCK_OFFERS = """
    SELECT o.id FROM market_offer o
    WHERE o.id IN (SELECT offer_id FROM market_orderline WHERE order_id = ANY(%s))
    ORDER BY o.id FOR NO KEY UPDATE
"""
_END = """
    WITH ended AS (
        UPDATE market_order SET state = %(state)s, version = version + 1, updated_at = %(at)s
        WHERE id = ANY(%(ids)s) RETURNING id, organisation_id
    ), freed AS (
        SELECT l.offer_id, e.organisation_id, sum(l.quantity) AS quantity
        FROM ended e JOIN market_orderline l ON l.order_id = e.id GROUP BY 1, 2
    ), counted AS (
        UPDATE market_buyercount c SET bought = c.bought - f.quantity
        FROM freed f WHERE c.offer_id = f.offer_id AND c.organisation_id = f.organisation_id
    )
    UPDATE market_offer o SET sold = o.sold - f.quantity
    FROM (SELECT offer_id, sum(quantity) AS quantity FROM freed GROUP BY 1) f WHERE o.id = f.offer_id
"""


def release(order_ids: Sequence[int], state: str) -> list[int]:
    """Within the caller's transaction: end those of the orders that are still held, give back their goods.

    Returns the ids of the orders ended; an order paid meanwhile is left alone.
    """
    if not order_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(order_ids)])
        ids = [pk for (pk,) in cursor.fetchall()]
        if ids:
            cursor.execute(_LOCK_OFFERS, [ids])
            cursor.execute(_END, {"state": str(state), "at": clock.now(), "ids": ids})
    return ids
