"""Orders per second on one hot offer, and bookings per second, each against the plain ORM way in one run.

The peer for orders does what most shops do: eight round trips of the ORM with ``select_for_update`` on the
stock row first. Both write the same order, line, limit count and audit entry, with durable commits.
The peer for bookings writes transaction and legs event by event through the ORM.
Run: ``make bench`` or ``python -m bench.orders``; ``--orders 200`` for a quick look. Trust the ratios.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests import people  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402
from yuchang.accounts.rules import SYSTEM  # noqa: E402
from yuchang.core.actions import write  # noqa: E402
from yuchang.ledger.actions import Draft, household_accounts, place_account, post_set  # noqa: E402
from yuchang.ledger.models import Account, Leg, Transaction  # noqa: E402
from yuchang.ledger.rules import LegDraft  # noqa: E402
from yuchang.ledger.tests.people_of_the_book import households  # noqa: E402
from yuchang.market.actions.orders import HOLD, OrderRow, fingerprint, order_set, place_order  # noqa: E402
from yuchang.market.models import BuyerCount, Offer, Order, OrderLine  # noqa: E402
from yuchang.market.tests.processes import in_processes  # noqa: E402
from yuchang.market.tests.world import World, build  # noqa: E402
from yuchang.partners.models import Organisation  # noqa: E402
from yuchang.places.models import keys_of  # noqa: E402

Buy = Callable[[World, str], object]


def ours(world: World, key: str) -> object:
    """The product's normal lane."""
    return place_order(
        actor=world.zhao_once,  # type: ignore[attr-defined]
        organisation_id=world.buyer.pk,
        quantities={world.offer.pk: 1},
        idempotency_key=key,
    )


def naive(world: World, key: str) -> object:
    """Eight round trips of the ORM, the hot row locked first."""
    with write("market.place_order", world.zhao_once) as audit:  # type: ignore[attr-defined]
        offer = Offer.objects.select_for_update().get(pk=world.offer.pk)
        if Order.objects.filter(idempotency_key=key).exists():
            raise ValueError("known")
        buyer = Organisation.objects.get(pk=world.buyer.pk)
        if offer.sold + 1 > offer.cap:
            raise ValueError("sold out")
        count, _new = BuyerCount.objects.get_or_create(
            offer=offer, organisation=buyer, defaults={"bought": 0, "buyer_limit": 10**9}
        )
        BuyerCount.objects.filter(pk=count.pk).update(bought=count.bought + 1)
        at = timezone.now()
        order = Order.objects.create(
            round_id=offer.round_id, organisation=buyer, idempotency_key=key, total_fen=offer.price_fen,
            fingerprint=fingerprint(buyer.pk, {offer.pk: 1}), placed_at=at, expires_at=at + HOLD,
            place_id=offer.place_id, county_id=offer.county_id,
        )  # fmt: skip
        OrderLine.objects.create(
            order=order, offer=offer, quantity=1, price_fen=offer.price_fen, grower_fen=offer.grower_fen,
            coop_fen=offer.coop_fen, logistics_fen=offer.logistics_fen, residual_fen=offer.residual_fen,
            way="direct",
        )  # fmt: skip
        Offer.objects.filter(pk=offer.pk).update(sold=offer.sold + 1)
        audit.add("order", order.pk, place_id=offer.place_id)
    return order


def rush(world: World, buy: Buy, name: str, orders: int, processes: int) -> float:
    """Orders per second with all processes on one offer; checks that exactly so many were sold."""

    def shopper(number: int) -> Callable[[], int]:
        def shop() -> int:
            for i in range(orders // processes):
                buy(world, f"{name}-{number:02d}-{i:06d}")
            return orders // processes

        return shop

    before = world.reload().offer.sold
    connection.close()
    started = time.perf_counter()
    done = sum(in_processes(*[shopper(number) for number in range(processes)]))
    seconds = time.perf_counter() - started
    assert world.reload().offer.sold - before == done, "oversold or lost"
    assert OrderLine.objects.aggregate(n=Sum("quantity"))["n"] == world.offer.sold
    return done / seconds


def in_sets(world: World, orders: int) -> float:
    """Orders per second when they come as one set."""
    rows = [OrderRow(world.buyer.pk, world.offer.pk, 1, f"set-{i:08d}") for i in range(orders)]
    started = time.perf_counter()
    placed = order_set(actor=world.zhao_once, rows=rows)  # type: ignore[attr-defined]
    assert len(placed) == orders
    return orders / (time.perf_counter() - started)


def book_in_sets(drafts: list[Draft]) -> None:
    """The product's way: 500 events a call."""
    for start in range(0, len(drafts), 500):
        post_set(actor=SYSTEM, drafts=drafts[start : start + 500])


def book_one_by_one(drafts: list[Draft]) -> None:
    """The ORM event by event; the guards of the database hold for it as well."""
    accounts = {row.pk: row for row in Account.objects.all()}
    for draft in drafts:
        with write("ledger.post", SYSTEM) as audit:
            at = timezone.now()
            booked = Transaction.objects.create(
                source=draft.source, source_id=draft.source_id, kind=draft.kind, place=draft.place,
                booked_at=at, booked_on=at.date(), **keys_of(draft.place),
            )  # fmt: skip
            Leg.objects.bulk_create(_leg(booked, accounts[leg.account_id], leg) for leg in draft.legs)
            audit.add("ledger_transaction", booked.pk, place_id=draft.place.pk)


def _leg(booked: Transaction, account: Account, leg: LegDraft) -> Leg:
    return Leg(
        transaction=booked, account=account, amount_fen=leg.amount_fen, household_id=account.household_id,
        booked_on=booked.booked_on, place_id=account.place_id, province_id=account.province_id,
        prefecture_id=account.prefecture_id, county_id=account.county_id, township_id=account.township_id,
        village_id=account.village_id,
    )  # fmt: skip


def bookings(name: str, number: int) -> list[Draft]:
    """So many events of four legs: three households paid out of the clearing account."""
    place = people.county()
    clearing = place_account(place, "clearing")
    receivers = list(household_accounts([row.pk for row in households(3)]).values())
    legs = (LegDraft(clearing, -600), *(LegDraft(pk, 200) for pk in receivers))
    return [Draft(name, str(i), "settlement", place, legs) for i in range(number)]


def per_second(book: Callable[[list[Draft]], None], name: str, number: int) -> float:
    """Events booked per second, commit included."""
    drafts = bookings(name, number)
    started = time.perf_counter()
    book(drafts)
    seconds = time.perf_counter() - started
    assert Transaction.objects.filter(source=name).count() == number
    return number / seconds


def main() -> int:
    """Print both tables; 1 when we are slower than the peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=800)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--bookings", type=int, default=1500)
    options = parser.parse_args()
    with cloned(own_name("yc_bench_orders")):
        connection.settings_dict["OPTIONS"] = {"options": "-c role=yuchang_app"}
        world = build((10**6,), buyer_limit=10**9)
        world.zhao_once = world.zhao  # type: ignore[attr-defined]
        peer = rush(world, naive, "naive", options.orders, options.processes)
        own = rush(world, ours, "ours", options.orders, options.processes)
        peer = max(peer, rush(world, naive, "naive-again", options.orders, options.processes))
        own = max(own, rush(world, ours, "ours-again", options.orders, options.processes))
        together = in_sets(world, options.orders)
        singly = per_second(book_one_by_one, "singly", options.bookings)
        set_wise = per_second(book_in_sets, "sets", options.bookings)
    print(f"one hot offer, {options.processes} processes, durable commits\n")
    print("| way | orders/s | ratio |\n|---|---|---|")
    print(f"| ORM, select_for_update, eight round trips | {peer:,.0f} | 1.0 |")
    print(f"| one statement | {own:,.0f} | {own / peer:.1f} |")
    print(f"| one set | {together:,.0f} | {together / peer:.1f} |")
    print("\nbooking events of four legs, one process\n")
    print("| way | events/s | ratio |\n|---|---|---|")
    print(f"| ORM, event by event | {singly:,.0f} | 1.0 |")
    print(f"| post_set | {set_wise:,.0f} | {set_wise / singly:.1f} |")
    return 0 if own >= peer and set_wise >= singly else 1


if __name__ == "__main__":
    sys.exit(main())
