"""Paying out delivered orders: every fen of what the buyer paid goes to a named account, in one transaction.

Everything of one call happens or nothing does; a call repeated after a crash pays what is left, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, write
from yuchang.ledger.actions import Draft, household_accounts, organisation_accounts, place_account, post_set
from yuchang.ledger.models import Account, Transaction
from yuchang.ledger.rules import LegDraft
from yuchang.market import rules
from yuchang.market.actions.goods import locked_rounds, move_rounds
from yuchang.market.actions.payments import clearing_accounts
from yuchang.market.models import Order, OrderLine, Round, Settlement
from yuchang.market.queries import priced_lines, unfinished

_MARK_SETTLED = """
    UPDATE market_order SET state = 'settled', settled_at = %s, updated_at = %s, version = version + 1
    WHERE id = ANY(%s)
"""


@dataclass(frozen=True)
class Paid:
    """What one call of settling paid out, in fen."""

    orders: int = 0
    households_fen: int = 0
    coop_fen: int = 0
    logistics_fen: int = 0
    residual_fen: int = 0


@dataclass(frozen=True)
class _Books:
    """The accounts that a settlement needs."""

    clearing: dict[int, int]
    residual: dict[int, int]
    households: dict[int, int]
    organisations: dict[int, int]


def settle_round(*, actor: Actor, round_id: int, version: int | None) -> Paid:
    """Pay out the delivered orders of a round. A settled round pays nothing more, whatever ``version`` says.

    Raises Stale for an older version, Refused or Hidden outside the actor's reach.
    """
    return _settle(actor, [round_id], version, is_set=False)


def settle_rounds(*, actor: Actor, round_ids: Sequence[int]) -> Paid:
    """Pay out the delivered orders of many rounds, in a fixed number of statements."""
    return _settle(actor, round_ids, None, is_set=True)


def _settle(actor: Actor, round_ids: Sequence[int], version: int | None, *, is_set: bool) -> Paid:
    with write("market.settle_round", actor) as audit:
        rounds = locked_rounds(actor, round_ids)
        due = [row for row in rounds if row.state == Round.State.FULFILLED]
        if due and not is_set:
            check_version(due[0], version)
        orders = _delivered([row.pk for row in due])
        shares = {
            pk: [rules.split_line(line) for line in lines]
            for pk, lines in priced_lines([order.pk for order in orders]).items()
        }
        transactions = _book(actor, orders, shares)
        _record(actor, orders, shares, transactions)
        left = unfinished([row.pk for row in due])
        move_rounds([row for row in due if row.pk not in left], Round.State.SETTLED)
        paid = _paid(orders, shares)
        for row in rounds:
            audit.add("round", row.pk, place_id=row.place_id, state=row.state, orders=paid.orders)
    return paid


def _delivered(round_ids: Sequence[int]) -> list[Order]:
    rows = Order.objects.filter(round_id__in=round_ids, state=Order.State.DELIVERED)
    return list(rows.select_related("place", "round").select_for_update(of=("self",)).order_by("id"))


def _books(orders: Sequence[Order], shares: dict[int, list[rules.Shares]]) -> _Books:
    places = {order.place_id: order.place for order in orders}
    owners = OrderLine.objects.filter(order__in=orders).values_list("offer__coop_id", "offer__logistics_id")
    organisations = {pk for pair in owners for pk in pair if pk} | {order.organisation_id for order in orders}
    return _Books(
        clearing_accounts(places),
        {pk: place_account(place, Account.Kind.RESIDUAL) for pk, place in places.items()},
        household_accounts({pk for each in shares.values() for share in each for pk in share.households}),
        organisation_accounts(organisations),
    )


def _book(actor: Actor, orders: Sequence[Order], shares: dict[int, list[rules.Shares]]) -> list[int]:
    books = _books(orders, shares)
    lines = OrderLine.objects.filter(order__in=orders).select_related("offer")
    line_of = {line.pk: line for line in lines}
    drafts = []
    for order in orders:
        legs = [
            leg for share in shares[order.pk] for leg in _legs(share, line_of[share.line_id], order, books)
        ]
        total = sum(share.total_fen for share in shares[order.pk])
        drafts.append(
            Draft(
                source="market.order",
                source_id=str(order.pk),
                kind=Transaction.Kind.SETTLEMENT,
                place=order.place,
                legs=(LegDraft(books.clearing[order.place_id], -total), *legs),
                channel=order.channel,
                payer_id=books.organisations[order.organisation_id],
                memo=order.round.title,
            )
        )
    return post_set(actor=actor, drafts=drafts)


def _legs(share: rules.Shares, line: OrderLine, order: Order, books: _Books) -> list[LegDraft]:
    """Where one line's money goes: each household with the way it was reached, co-op, logistics, residual."""
    legs = [
        LegDraft(books.households[household_id], fen, line.pk, line.way)
        for household_id, fen in share.households.items()
    ]
    fees = (
        (share.coop_fen, books.organisations.get(line.offer.coop_id or 0)),
        (share.logistics_fen, books.organisations.get(line.offer.logistics_id or 0)),
        (share.residual_fen, books.residual[order.place_id]),
    )
    return legs + [LegDraft(account, fen, line.pk) for fen, account in fees if fen and account]


def _record(
    actor: Actor,
    orders: Sequence[Order],
    shares: dict[int, list[rules.Shares]],
    transactions: Sequence[int],
) -> None:
    at = clock.now()
    rows = []
    for order, transaction_id in zip(orders, transactions, strict=True):
        mine = shares[order.pk]
        rows.append(
            Settlement(
                order=order,
                transaction_id=transaction_id,
                paid_fen=order.total_fen,
                refunded_fen=order.total_fen - sum(share.total_fen for share in mine),
                households_fen=sum(share.households_fen for share in mine),
                coop_fen=sum(share.coop_fen for share in mine),
                logistics_fen=sum(share.logistics_fen for share in mine),
                residual_fen=sum(share.residual_fen for share in mine),
                settled_by_id=actor.user_id,
                settled_at=at,
            )
        )
    Settlement.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute(_MARK_SETTLED, [at, at, [order.pk for order in orders]])


def _paid(orders: Sequence[Order], shares: dict[int, list[rules.Shares]]) -> Paid:
    every = [share for each in shares.values() for share in each]
    return Paid(
        len(orders),
        sum(share.households_fen for share in every),
        sum(share.coop_fen for share in every),
        sum(share.logistics_fen for share in every),
        sum(share.residual_fen for share in every),
    )
