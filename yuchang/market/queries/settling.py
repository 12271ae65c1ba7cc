"""What filling and settling read: paid lines, growers with their lots, lines with their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Sum

from yuchang.accounts.queries import LEVEL_COLUMNS
from yuchang.market import rules
from yuchang.market.models import Allocation, Commitment, Lot, Order, OrderLine
from yuchang.places.models import Place

PAID_STATES = [Order.State.PAID, Order.State.DISPATCHED, Order.State.DELIVERED, Order.State.SETTLED]


def paid_lines(round_ids: Sequence[int]) -> list[OrderLine]:
    """Lines of paid orders of these rounds, in the order of payment."""
    rows = OrderLine.objects.filter(order__round_id__in=round_ids, order__state__in=PAID_STATES)
    return list(rows.order_by("offer_id", "order__paid_at", "order_id", "id").select_related("order"))


def ready_growers(offer_ids: Sequence[int]) -> dict[int, list[rules.Grower]]:
    """The growers of each offer with their lots (harvest less loss), for allocation."""
    lots: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for lot in Lot.objects.filter(offer_id__in=offer_ids).order_by("harvested_on", "id"):
        ready = lot.harvested - lot.lost - lot.sold
        if ready:
            lots.setdefault((lot.offer_id, lot.household_id), []).append((lot.pk, ready))
    found: dict[int, list[rules.Grower]] = {pk: [] for pk in offer_ids}
    rows = Commitment.objects.filter(offer_id__in=offer_ids).order_by("offer_id", "id")
    for offer_id, household_id, quantity in rows.values_list("offer_id", "household_id", "quantity"):
        mine = tuple(lots.get((offer_id, household_id), ()))
        found[offer_id].append(rules.Grower(household_id, quantity, mine))
    return found


def priced_lines(order_ids: Sequence[int]) -> dict[int, list[rules.PricedLine]]:
    """The lines of each order with what each household delivered."""
    delivered: dict[int, dict[int, int]] = {}
    fills = Allocation.objects.filter(line__order_id__in=order_ids).order_by("line_id", "id")
    for line_id, household_id, quantity in fills.values_list("line_id", "household_id", "quantity"):
        mine = delivered.setdefault(line_id, {})
        mine[household_id] = mine.get(household_id, 0) + quantity
    found: dict[int, list[rules.PricedLine]] = {pk: [] for pk in order_ids}
    for line in OrderLine.objects.filter(order_id__in=order_ids).order_by("order_id", "id"):
        found[line.order_id].append(
            rules.PricedLine(
                line.pk,
                line.quantity,
                line.fulfilled or 0,
                line.grower_fen,
                line.coop_fen,
                line.logistics_fen,
                line.residual_fen,
                delivered.get(line.pk, {}),
            )
        )
    return found


@dataclass(frozen=True)
class Preview:
    """What settling a round now would pay, in fen, and to whom."""

    orders: int
    waiting_orders: int
    households: tuple[tuple[int, str, int], ...]
    households_fen: int
    coop_fen: int
    logistics_fen: int
    residual_fen: int

    @property
    def total_fen(self) -> int:
        """Everything that would be paid out."""
        return self.households_fen + self.coop_fen + self.logistics_fen + self.residual_fen


def settlement_preview(round_id: int) -> Preview:
    """The settlement of the delivered orders of a round, computed by the rule that will book it."""
    orders = Order.objects.filter(round_id=round_id)
    ready = list(orders.filter(state=Order.State.DELIVERED).order_by("id").values_list("pk", flat=True))
    waiting = orders.filter(state__in=[Order.State.PAID, Order.State.DISPATCHED]).count()
    shares = [rules.split_line(line) for lines in priced_lines(ready).values() for line in lines]
    each: dict[int, int] = {}
    for share in shares:
        for household_id, fen in share.households.items():
            each[household_id] = each.get(household_id, 0) + fen
    names = dict(
        Commitment.objects.filter(offer__round_id=round_id).values_list(
            "household_id", "household__head_name"
        )
    )
    return Preview(
        len(ready),
        waiting,
        tuple((pk, names.get(pk, ""), fen) for pk, fen in sorted(each.items())),
        sum(s.households_fen for s in shares),
        sum(s.coop_fen for s in shares),
        sum(s.logistics_fen for s in shares),
        sum(s.residual_fen for s in shares),
    )


def totals(place: Place, from_on: date, to_on: date) -> dict[str, int]:
    """What a place sold and settled: ``orders``, ``sold_fen``, ``settled_orders``, ``settled_fen``.

    ``sold_fen`` counts paid orders by the day of payment at their full price; ``settled_fen`` what their
    settlements paid out to all parties.
    """
    rows = Order.objects.filter(**{LEVEL_COLUMNS[place.level]: place.pk}, paid_at__isnull=False)
    sold = rows.filter(paid_at__date__gte=from_on, paid_at__date__lte=to_on)
    done = rows.filter(settlement__settled_at__date__gte=from_on, settlement__settled_at__date__lte=to_on)
    paid_out = F("settlement__paid_fen") - F("settlement__refunded_fen")
    return {
        **sold.aggregate(orders=Count("id"), sold_fen=Sum("total_fen", default=0)),
        **done.aggregate(settled_orders=Count("id"), settled_fen=Sum(paid_out, default=0)),
    }


def unfinished(round_ids: Sequence[int]) -> set[int]:
    """Those of the rounds that have paid orders which are not settled yet."""
    open_states = [Order.State.PAID, Order.State.DISPATCHED, Order.State.DELIVERED]
    rows = Order.objects.filter(round_id__in=round_ids, state__in=open_states)
    return set(rows.values_list("round_id", flat=True).distinct())
