"""What payment providers report. A report may come twice, late or for an order that is already paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import organisation_filter
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.ledger.actions import Draft, organisation_accounts, place_account, post_set
from yuchang.ledger.models import Account, Transaction
from yuchang.ledger.rules import LegDraft
from yuchang.market.models import Order, Payment
from yuchang.market.words import OF_ORDER
from yuchang.places.models import Place


@dataclass(frozen=True)
class Report:
    """One confirmation: which provider, under which of its numbers, how many fen for which order."""

    order_id: int
    amount_fen: int
    reference: str
    provider: str = Payment.Provider.SIMULATED


_MARK_PAID = """
    UPDATE market_order SET state = 'paid', paid_at = %s, updated_at = %s, version = version + 1
    WHERE id = ANY(%s)
"""
_STORE = """
    INSERT INTO market_payment (order_id, provider, reference, amount_fen, received_at, is_returned)
    SELECT u.order_id, u.provider, u.reference, u.amount_fen, %s, u.is_returned
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::boolean[])
         WITH ORDINALITY AS u(order_id, provider, reference, amount_fen, is_returned, position)
    ORDER BY u.position
    ON CONFLICT (provider, reference) DO NOTHING
    RETURNING id, provider, reference
"""
_PAID = """
    SELECT p.id::text, o.place_id, jsonb_build_object('order', o.id, 'fen', p.amount_fen,
                                                      'provider', p.provider, 'returned', p.is_returned)
    FROM market_payment p JOIN market_order o ON o.id = p.order_id WHERE p.id = ANY(%s) ORDER BY p.id
"""


def confirm_payment(*, actor: Actor = SYSTEM, report: Report) -> Order:
    """Take one provider's report. The caller has made sure that it comes from the provider.

    The same report again has no effect. Money for an order that is expired, cancelled or already paid goes
    straight back to the buyer, as an entry in the book. Raises Hidden for an unknown order, Invalid for a
    wrong amount, Conflict when the reference was used for another order.
    """
    confirm_set(actor=actor, reports=[report])
    return Order.objects.get(pk=report.order_id)


def confirm_set(*, actor: Actor = SYSTEM, reports: Sequence[Report]) -> int:
    """Take many reports at once; returns how many were new. All or nothing."""
    if not reports:
        return 0
    with write("market.confirm_payment", actor) as audit:
        orders = _locked_orders(reports)
        fresh = _not_seen(reports)
        returned = _decide_returns(fresh, orders)
        stored = _store(fresh, returned)
        _mark_paid([r.order_id for r, back in zip(fresh, returned, strict=True) if not back])
        _book(actor, fresh, returned, stored, orders)
        audit.add_bulk("payment", _PAID, [stored])
    return len(fresh)


def _locked_orders(reports: Sequence[Report]) -> dict[int, Order]:
    ids = {report.order_id for report in reports}
    rows = Order.objects.select_for_update(of=("self",), no_key=True).select_related("place")
    orders = {row.pk: row for row in rows.filter(pk__in=ids).order_by("id")}
    if len(orders) < len(ids):
        raise Hidden(_("没有找到要付款的订单。"), remedy=_("请核对订单编号。"))
    for report in reports:
        if report.amount_fen != orders[report.order_id].total_fen:
            raise invalid("amount_fen", _("付款金额与订单金额不符。"), _("请按订单金额付款。"))
    return orders


def _not_seen(reports: Sequence[Report]) -> list[Report]:
    """The reports that are new. The orders are locked: a concurrent repeat waits, then sees this one."""
    known = Payment.objects.filter(reference__in=[r.reference for r in reports])
    seen = {(p.provider, p.reference): p for p in known}
    fresh: dict[tuple[str, str], Report] = {}
    for report in reports:
        key = (str(report.provider), report.reference)
        earlier = seen.get(key)
        if earlier is not None and earlier.order_id != report.order_id:
            raise Conflict(_("这个付款编号已用于另一订单。"), remedy=_("请核对付款编号。"))
        if earlier is None:
            fresh.setdefault(key, report)
    return list(fresh.values())


def _decide_returns(reports: Sequence[Report], orders: dict[int, Order]) -> list[bool]:
    """Which payments go straight back: their order does not wait for money, or is paid by an earlier one."""
    now = clock.now()
    waiting = {
        pk for pk, order in orders.items() if order.state == Order.State.HELD and order.expires_at > now
    }
    returned = []
    for report in reports:
        returned.append(report.order_id not in waiting)
        waiting.discard(report.order_id)
    return returned


def _store(reports: Sequence[Report], returned: Sequence[bool]) -> list[int]:
    columns: list[Any] = [
        clock.now(),
        [r.order_id for r in reports],
        [str(r.provider) for r in reports],
        [r.reference for r in reports],
        [r.amount_fen for r in reports],
        list(returned),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, columns)
        ids = {(provider, reference): int(pk) for pk, provider, reference in cursor.fetchall()}
    if len(ids) < len(reports):
        raise Conflict(_("同一笔付款正在处理。"), remedy=_("请稍后重试。"))
    return [ids[str(r.provider), r.reference] for r in reports]


def _mark_paid(order_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MARK_PAID, [clock.now(), clock.now(), order_ids])


def _book(
    actor: Actor,
    reports: Sequence[Report],
    returned: Sequence[bool],
    payment_ids: Sequence[int],
    orders: dict[int, Order],
) -> None:
    """Each payment from the buyer into the clearing account; a returned one also back."""
    accounts = organisation_accounts(orders[r.order_id].organisation_id for r in reports)
    clearing = clearing_accounts({o.place_id: o.place for o in orders.values()})
    drafts = []
    for report, back, pk in zip(reports, returned, payment_ids, strict=True):
        order = orders[report.order_id]
        buyer, held = accounts[order.organisation_id], clearing[order.place_id]
        kinds = [Transaction.Kind.PAYMENT, Transaction.Kind.REFUND] if back else [Transaction.Kind.PAYMENT]
        for kind in kinds:
            fen = report.amount_fen if kind == Transaction.Kind.PAYMENT else -report.amount_fen
            drafts.append(
                Draft(
                    source="market.payment",
                    source_id=str(pk),
                    kind=kind,
                    place=order.place,
                    legs=(LegDraft(buyer, -fen), LegDraft(held, fen)),
                    channel=order.channel,
                    payer_id=buyer,
                    memo=OF_ORDER % {"number": order.pk},
                )
            )
    post_set(actor=actor, drafts=drafts)


def clearing_accounts(places: dict[int, Place]) -> dict[int, int]:
    """The clearing account of each place: {place id: account id}."""
    return {pk: place_account(place, Account.Kind.CLEARING) for pk, place in places.items()}


def pay_simulated(*, actor: Actor, order_id: int) -> Order:
    """The buyer presses “pay” in a demonstration: the simulated provider confirms at once.

    Raises Conflict in a database that is not marked simulated: there real money is needed.
    """
    order = _own_order(actor, order_id)
    if not clock.is_simulated():
        raise Conflict(
            _("本库不是演示库，不能模拟支付。"), remedy=_("请按约定方式付款，由县级专员登记到账。")
        )
    report = Report(order.pk, order.total_fen, f"SIM-{order.uid}", Payment.Provider.SIMULATED)
    return confirm_payment(actor=actor, report=report)


def _own_order(actor: Actor, order_id: int) -> Order:
    reach = organisation_filter(actor, "market.order")
    return open_door(Order.objects.all(), actor, "market.order", order_id, within=reach)


def record_transfer(*, actor: Actor, order_id: int, amount_fen: int, reference: str) -> Order:
    """An officer records a bank transfer that arrived. Raises Refused, Hidden, Invalid or Conflict."""
    order = open_door(Order.objects.all(), actor, "market.settle", order_id)
    if not reference.strip():
        raise invalid("reference", _("请填写银行流水号。"))
    report = Report(order.pk, amount_fen, reference.strip()[:80], Payment.Provider.TRANSFER)
    return confirm_payment(actor=actor, report=report)
