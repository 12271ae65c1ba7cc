"""Agreements of the exchange become orders: delivered, paid and settled like any other.

An agreement has one buyer and one seller, so its round has one offer and one order, sold out and closed from
the start. The goods of a village need the households that grow them named; a household's are its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.queries import organisation_filter, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.exchange.models import Agreement, Posting
from yuchang.market.models import Order
from yuchang.market.words import AS_AGREED
from yuchang.registry.models import Household

_KEYS = "place_id, province_id, prefecture_id, county_id, township_id, village_id"
_A_KEYS = ", ".join(f"a.{key}" for key in _KEYS.split(", "))
_O_KEYS = ", ".join(f"o.{key}" for key in _KEYS.split(", "))

_ROUNDS = f"""
    INSERT INTO market_round (version, created_at, updated_at, title, channel, state, sales_from, sales_to,
        deliver_on, promise, shortfall_rule, way, opened_by_id, agreement_id,
        {_KEYS})
    SELECT 1, %(at)s, %(at)s, c.name_zh || ' #' || a.id, 'agreement', 'closed', a.agreed_at,
           a.agreed_at + interval '1 second', a.delivery_to, %(promise)s, 'pro_rata', 'direct',
           %(user)s, a.id, {_A_KEYS}
    FROM exchange_agreement a JOIN exchange_category c ON c.code = a.category_id
    WHERE a.id = ANY(%(ids)s) ORDER BY a.id
    ON CONFLICT (agreement_id) WHERE agreement_id IS NOT NULL DO NOTHING
    RETURNING id
"""  # noqa: S608 - the keys are constants of this file
_OFFERS = f"""
    INSERT INTO market_offer (version, created_at, updated_at, round_id, title, category_code, unit,
        price_fen, grower_fen, coop_fen, logistics_fen, residual_fen, logistics_id, state, committed, cap,
        sold, {_KEYS})
    SELECT 1, %(at)s, %(at)s, r.id, r.title, a.category_id, c.unit,
           a.price_fen + x.carried, a.price_fen, 0, x.carried, 0,
           CASE WHEN x.carried > 0 THEN %(logistics)s::bigint END, 'closed', 0, 0, 0, {_A_KEYS}
    FROM market_round r
    JOIN exchange_agreement a ON a.id = r.agreement_id
    JOIN exchange_category c ON c.code = a.category_id,
    LATERAL (SELECT CASE WHEN %(logistics)s::bigint IS NULL THEN 0 ELSE a.transport_fen END AS carried) x
    WHERE r.id = ANY(%(rounds)s) ORDER BY r.id
"""  # noqa: S608
_COMMITMENTS = """
    INSERT INTO market_commitment (version, created_at, updated_at, offer_id, household_id, quantity,
        committed_by_id, place_id, province_id, prefecture_id, county_id, township_id, village_id)
    SELECT 1, %(at)s, %(at)s, o.id, h.id, g.quantity, %(user)s,
           h.place_id, h.province_id, h.prefecture_id, h.county_id, h.township_id, h.village_id
    FROM unnest(%(agreements)s::bigint[], %(households)s::bigint[], %(quantities)s::bigint[])
         WITH ORDINALITY AS g(agreement_id, household_id, quantity, position)
    JOIN market_round r ON r.agreement_id = g.agreement_id AND r.id = ANY(%(rounds)s)
    JOIN market_offer o ON o.round_id = r.id
    JOIN registry_household h ON h.id = g.household_id
    ORDER BY g.position
"""
_SELL_OUT = """
    UPDATE market_offer SET cap = committed, sold = committed WHERE round_id = ANY(%(rounds)s)
"""
_ORDERS = f"""
    WITH ordered AS (
        INSERT INTO market_order (version, created_at, updated_at, uid, round_id, organisation_id, channel,
            idempotency_key, fingerprint, state, total_fen, placed_by_id, placed_at, expires_at, {_KEYS})
        SELECT 1, %(at)s, %(at)s, gen_random_uuid(), r.id, n.organisation_id, 'agreement',
               'agreement:' || a.id, encode(sha256(convert_to('agreement:' || a.id, 'UTF8')), 'hex'), 'held',
               o.sold * o.price_fen, %(user)s, %(at)s,
               greatest(%(at)s, (a.delivery_to + 31)::timestamptz), {_O_KEYS}
        FROM market_round r
        JOIN exchange_agreement a ON a.id = r.agreement_id
        JOIN exchange_posting n ON n.id = a.need_id
        JOIN market_offer o ON o.round_id = r.id
        WHERE r.id = ANY(%(rounds)s) ORDER BY r.id
        RETURNING id, round_id
    ), lines AS (
        INSERT INTO market_orderline (order_id, offer_id, quantity, price_fen, grower_fen, coop_fen,
            logistics_fen, residual_fen, way)
        SELECT d.id, o.id, o.sold, o.price_fen, o.grower_fen, o.coop_fen, o.logistics_fen, o.residual_fen,
               r.way
        FROM ordered d JOIN market_offer o ON o.round_id = d.round_id
        JOIN market_round r ON r.id = d.round_id
        ORDER BY d.id
    )
    SELECT id FROM ordered
"""  # noqa: S608
_AUDITED = """
    SELECT o.id::text, o.place_id, jsonb_build_object('agreement', r.agreement_id, 'total', o.total_fen)
    FROM market_order o JOIN market_round r ON r.id = o.round_id WHERE o.id = ANY(%s) ORDER BY o.id
"""
Growers = Mapping[int, Sequence[tuple[int, int]]]


def order_from_agreement(
    *,
    actor: Actor,
    agreement_id: int,
    growers: Sequence[tuple[int, int]] = (),
    logistics_id: int | None = None,
) -> Order:
    """The order of one agreement; made before, it is returned as it is.

    ``growers``: (household id, quantity) for a village's goods; they must make up the agreed quantity.
    ``logistics_id``: who carries the goods and receives the agreed transport; without, the buyer collects.
    Raises Conflict unless both sides said yes, a household or village sells and an organisation buys.
    """
    given = {agreement_id: growers} if growers else {}
    orders_from_agreements(
        actor=actor, agreement_ids=[agreement_id], growers=given, logistics_id=logistics_id
    )
    return Order.objects.get(round__agreement_id=agreement_id)


def orders_from_agreements(
    *,
    actor: Actor,
    agreement_ids: Sequence[int],
    growers: Growers | None = None,
    logistics_id: int | None = None,
) -> list[int]:
    """The orders of many agreements at once, all or nothing. Returns the ids of the new orders."""
    with write("market.order_from_agreement", actor) as audit:
        agreements = _agreements(actor, agreement_ids)
        supplied = _supplied(agreements, growers or {})
        with connection.cursor() as cursor:
            parameters: dict[str, Any] = {
                "at": clock.now(),
                "user": actor.user_id,
                "ids": [row.pk for row in agreements],
                "promise": AS_AGREED,
                "logistics": logistics_id,
                "agreements": [a for a, _household, _quantity in supplied],
                "households": [household for _a, household, _quantity in supplied],
                "quantities": [quantity for _a, _household, quantity in supplied],
            }
            cursor.execute(_ROUNDS, parameters)
            parameters["rounds"] = [int(pk) for (pk,) in cursor.fetchall()]
            for statement in (_OFFERS, _COMMITMENTS, _SELL_OUT):
                cursor.execute(statement, parameters)
            cursor.execute(_ORDERS, parameters)
            ids = sorted(int(pk) for (pk,) in cursor.fetchall())
        audit.add_bulk("order", _AUDITED, [ids])
    return ids


def _agreements(actor: Actor, ids: Sequence[int]) -> list[Agreement]:
    """The agreements, for the officer of the seller's place or for the buyer; each sound for an order."""
    require(actor, "market.read")
    reach = place_filter(actor, "market.open")
    reach |= organisation_filter(actor, "market.order", "need__organisation_id")
    rows = list(Agreement.objects.filter(reach, pk__in=ids).select_related("offer", "need").order_by("id"))
    if len(rows) < len(set(ids)):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("请核对编号。"))
    for row in rows:
        if row.state not in (Agreement.State.AGREED, Agreement.State.FULFILLED):
            raise Conflict(_("协议尚未经双方签字，不能下单。"), remedy=_("请先由双方签字。"))
        if row.need.organisation_id is None or row.offer.owner_kind == Posting.OwnerKind.ORGANISATION:
            raise Conflict(_("只有农户或村卖给单位的货物可以转为订单。"), remedy=_("请双方自行履约。"))
        if row.price_fen <= 0:
            raise Conflict(_("协议单价为零，没有货款可结。"))
    return rows


def _supplied(agreements: Sequence[Agreement], growers: Growers) -> list[tuple[int, int, int]]:
    """(agreement, household, quantity) of every seller household; a village's are named by the caller."""
    rows = []
    for agreement in agreements:
        if agreement.offer.household_id is not None:
            rows.append((agreement.pk, agreement.offer.household_id, agreement.quantity))
            continue
        named = list(growers.get(agreement.pk, ()))
        _check_growers(agreement, named)
        rows += [(agreement.pk, household_id, quantity) for household_id, quantity in named]
    return rows


def _check_growers(agreement: Agreement, named: Sequence[tuple[int, int]]) -> None:
    households = {household_id for household_id, _quantity in named}
    right = sum(quantity for _household, quantity in named) == agreement.quantity
    if not right or len(households) < len(named) or any(quantity <= 0 for _h, quantity in named):
        raise invalid(
            "growers", _("村集体的货物须写明由哪些农户供货，合计等于协议数量。"), _("请登记各户供货数量。")
        )
    village = Household.objects.filter(pk__in=households, village_id=agreement.offer.village_id)
    if village.count() < len(households):
        raise Hidden(_("供货农户须在协议所在的村。"), remedy=_("请核对户编号。"))
