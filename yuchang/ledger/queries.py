"""Reads of the book. Every figure is a sum over legs; no balance is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, cast

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import LEVEL_COLUMNS, place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.ledger import rules
from yuchang.ledger.models import Account, Leg, Transaction, Way
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.registry.models import Household


def book_household(actor: Actor, household_id: int) -> Household:
    """The household whose book is read. Raises Refused or Hidden."""
    return open_door(Household.objects.select_related("place"), actor, "ledger.read", household_id)


def household_book(actor: Actor, household_id: int) -> QuerySet[Leg]:
    """A household's statement lines with their transactions; order them by ``-booked_on, -id``.

    Only lines in the actor's places; ``transaction.source`` and ``source_id`` name where each comes from.
    Raises Refused without the permission.
    """
    require(actor, "ledger.read")
    rows = Leg.objects.filter(place_filter(actor, "ledger.read"), household_id=household_id)
    return rows.select_related("transaction", "transaction__payer")


def received_by_household(actor: Actor, household_id: int) -> int:
    """The sum of a household's statement in fen."""
    return int(household_book(actor, household_id).aggregate(total=Sum("amount_fen"))["total"] or 0)


def _works_below_county(actor: Actor) -> bool:
    """Whether the actor reads single households' parts of bookings that belong to a whole county."""
    return any(isinstance(s, PlaceScope) and s.level > 3 for s in actor.scopes("ledger.read"))


def _own_legs(actor: Actor) -> QuerySet[Leg]:
    return Leg.objects.filter(place_filter(actor, "ledger.read"), household_id__isnull=False)


def _transaction_reach(actor: Actor) -> Q:
    """Bookings of the actor's places, and those that reached a household there."""
    reach = place_filter(actor, "ledger.read")
    return (
        reach | Q(pk__in=_own_legs(actor).values("transaction_id")) if _works_below_county(actor) else reach
    )


def transactions_for(actor: Actor) -> QuerySet[Transaction]:
    """The bookings of the actor's places, and those that reached a household there."""
    require(actor, "ledger.read")
    return Transaction.objects.filter(_transaction_reach(actor))


def transaction_for(actor: Actor, transaction_id: int) -> Transaction:
    """One booking. Raises Refused or Hidden."""
    rows = Transaction.objects.select_related("payer", "reverses", "place")
    return open_door(rows, actor, "ledger.read", transaction_id, within=_transaction_reach(actor))


def transaction_legs(actor: Actor, *transactions: Transaction) -> QuerySet[Leg]:
    """The legs of bookings with their accounts; of households only those in the actor's places."""
    mine = place_filter(actor, "ledger.read") | Q(household_id__isnull=True)
    return Leg.objects.filter(mine, transaction__in=transactions).select_related("account", "place")


def with_amounts(actor: Actor, rows: Sequence[Transaction]) -> Sequence[Transaction]:
    """The bookings, each with ``amount_fen``: what it moved between accounts the actor sees, in fen."""
    legs = transaction_legs(actor, *rows).order_by().filter(amount_fen__gt=0)
    moved = dict(legs.values_list("transaction_id").annotate(moved=Sum("amount_fen")))
    for row in rows:
        row.amount_fen = moved.get(row.pk, 0)  # type: ignore[attr-defined]
    return rows


def reversal_of(transaction: Transaction) -> Transaction | None:
    """The booking that undid this one, if any."""
    return Transaction.objects.filter(reverses=transaction).first()


def may_reverse(actor: Actor, transaction: Transaction) -> bool:
    """Whether the actor may undo this booking: an own one that is no reversal and was not undone."""
    if transaction.reverses_id is not None or not actor.may("ledger.reverse"):
        return False
    rows = Transaction.objects.filter(place_filter(actor, "ledger.reverse"), reversed_by__isnull=True)
    return rows.filter(pk=transaction.pk).exists()


def income_by_household(ids: Sequence[int], from_on: date, to_on: date) -> dict[int, int]:
    """Fen received by each household on the days given (both included); 0 for none."""
    rows = Leg.objects.filter(household_id__in=list(ids), booked_on__gte=from_on, booked_on__lte=to_on)
    found = rows.values_list("household_id").annotate(total=Sum("amount_fen"))
    return dict.fromkeys(ids, 0) | {int(pk): int(total) for pk, total in found if pk is not None}


def income_sql() -> str:
    """SQL text (household_id, income_fen) over a county's days, for joins at county scale.

    Parameters: ``%(county_id)s``, ``%(from_on)s``, ``%(to_on)s`` (both days included).
    """
    return """
        SELECT household_id, sum(amount_fen)::bigint AS income_fen
        FROM ledger_leg
        WHERE county_id = %(county_id)s AND household_id IS NOT NULL
          AND booked_on BETWEEN %(from_on)s AND %(to_on)s
        GROUP BY household_id
    """


@dataclass(frozen=True)
class Totals:
    """The money of some days in one place, in fen.

    What buyers paid = refunded + households + organisations (co-op, logistics) + fees + what still waits.
    """

    received_fen: int
    refunded_fen: int
    households_fen: int
    organisations_fen: int
    fees_fen: int
    waiting_fen: int
    household_count: int


def totals(place: Place, from_on: date, to_on: date) -> Totals:
    """The money of a place on the days given (both included). Reversals count against what they reverse."""
    return _totals(Q(**{f"transaction__{LEVEL_COLUMNS[place.level]}": place.pk}), from_on, to_on)


def totals_for(actor: Actor, from_on: date, to_on: date) -> Totals:
    """The money of the actor's places on the days given; below the county, of its households alone."""
    require(actor, "ledger.read")
    if _works_below_county(actor):
        return _totals(place_filter(actor, "ledger.read"), from_on, to_on)
    return _totals(place_filter(actor, "ledger.read", "transaction__"), from_on, to_on)


def _totals(reach: Q, from_on: date, to_on: date) -> Totals:
    owner, kind = "account__kind", "transaction__kind"
    fees = Q(account__kind__in=[Account.Kind.FEE, Account.Kind.RESIDUAL, Account.Kind.FUND])
    paid_out = Q(account__kind="organisation") & ~Q(transaction__kind__in=["payment", "refund"])
    rows = Leg.objects.filter(reach, booked_on__gte=from_on, booked_on__lte=to_on)
    found = rows.aggregate(
        received=_sum(Q(**{owner: "organisation", kind: "payment"})),
        refunded=_sum(Q(**{owner: "organisation", kind: "refund"})),
        households=_sum(Q(**{owner: "household"})),
        organisations=_sum(paid_out),
        fees=_sum(fees),
        waiting=_sum(Q(**{owner: "clearing"})),
        number=Count("household_id", distinct=True),
    )
    return Totals(
        -found["received"],
        found["refunded"],
        found["households"],
        found["organisations"],
        found["fees"],
        found["waiting"],
        found["number"],
    )


def _sum(which: Q) -> Sum:
    return Sum("amount_fen", filter=which, default=0)


@dataclass(frozen=True)
class Stream:
    """One group of settled legs: who paid, by which channel and way, whom it reached, how much."""

    buyer_kind: str
    channel: str
    sink: str
    way: str
    area: str
    band: int
    amount_fen: int


_STREAMS = """
    WITH moved AS (
        SELECT l.household_id, l.amount_fen, l.way, l.{group} AS area_id, t.channel, a.kind AS account_kind,
               o.kind AS owner_kind, coalesce(b.kind, '') AS buyer_kind
        FROM ledger_transaction t
        JOIN ledger_leg l ON l.transaction_id = t.id
        JOIN ledger_account a ON a.id = l.account_id
        LEFT JOIN partners_organisation o ON o.id = a.organisation_id
        LEFT JOIN ledger_account p ON p.id = t.payer_id
        LEFT JOIN partners_organisation b ON b.id = p.organisation_id
        WHERE t.{column} = %s AND t.booked_on BETWEEN %s AND %s
          AND t.kind NOT IN ('payment', 'refund') AND a.kind <> 'clearing'
    ), received AS (
        SELECT household_id, sum(amount_fen) AS total FROM moved
        WHERE household_id IS NOT NULL GROUP BY household_id
    )
    SELECT m.buyer_kind, m.channel,
           CASE WHEN m.household_id IS NOT NULL THEN 'household'
                ELSE coalesce(m.owner_kind, m.account_kind) END,
           m.way, coalesce(place.name, ''),
           coalesce(width_bucket(r.total::numeric, %s::numeric[]), 0), sum(m.amount_fen)::bigint
    FROM moved m
    LEFT JOIN received r ON r.household_id = m.household_id
    LEFT JOIN places_place place ON place.id = m.area_id AND m.household_id IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING sum(m.amount_fen) <> 0
    ORDER BY 1, 2, 3, 4, 5, 6
"""


def streams(place: Place, from_on: date, to_on: date) -> list[Stream]:
    """The settled money of a place, grouped; its sum over households equals ``totals().households_fen``.

    Summed anew when the place has another booking, else as this process last summed it.
    """
    column, days = LEVEL_COLUMNS[place.level], (from_on, to_on)
    booked = Transaction.objects.filter(**{column: place.pk}, booked_on__range=days)
    newest = booked.aggregate(number=Count("id"), last=Max("id"))
    name = f"ledger.streams:{place.pk}:{from_on}:{to_on}:{newest['number']}:{newest['last']}"
    return cast(list[Stream], cache.get_or_set(name, lambda: _sum_streams(place, from_on, to_on)))


def _sum_streams(place: Place, from_on: date, to_on: date) -> list[Stream]:
    group = LEVEL_COLUMNS[min(place.level + 1, 5)]
    sql = _STREAMS.format(group=group, column=LEVEL_COLUMNS[place.level])
    with connection.cursor() as cursor:
        cursor.execute(sql, [place.pk, from_on, to_on, list(rules.BANDS_FEN)])
        return [Stream(*row) for row in cursor.fetchall()]


def money_flows(place: Place, from_on: date, to_on: date) -> dict[str, Any]:
    """The money of a place as Sankey ``nodes`` and ``links`` (values in fen), with ``total_fen``.

    Buyer kinds → channels → ways → areas one level down → households by band of what they received.
    What co-ops, logistics and the platform received ends at the third column. Flows that a reversal has
    turned negative are left out of the drawing but stay in ``total_fen``.
    """
    found = streams(place, from_on, to_on)
    links: dict[tuple[str, str], int] = {}
    for stream in found:
        path = _path(stream)
        for step in pairwise(path):
            links[step] = links.get(step, 0) + stream.amount_fen
    kept = {step: value for step, value in links.items() if value > 0}
    names = list(dict.fromkeys(name for step in kept for name in step))
    return {
        "nodes": [{"name": name} for name in names],
        "links": [{"source": a, "target": b, "value": value} for (a, b), value in kept.items()],
        "total_fen": sum(stream.amount_fen for stream in found),
        "households_fen": sum(s.amount_fen for s in found if s.sink == "household"),
    }


def _path(stream: Stream) -> list[str]:
    """The names of the nodes through which a stream runs. A column's word never repeats in another."""
    buyer = _("买方：%s") % (Organisation.Kind(stream.buyer_kind).label if stream.buyer_kind else _("其他"))
    channel = _("渠道：%s") % _channel_word(stream.channel)
    if stream.sink != "household":
        return [buyer, channel, _sink_word(stream.sink)]
    way = str(Way(stream.way).label) if stream.way else _("其他方式")
    return [buyer, channel, way, stream.area or _("其他地方"), band_word(stream.band)]


def _channel_word(channel: str) -> str:
    return {"round": _("本平台预售"), "agreement": _("供需撮合协议")}.get(channel, _("其他"))


def _sink_word(kind: str) -> str:
    words = {
        "cooperative": _("合作社服务费"),
        "logistics": _("物流费"),
        "fee": _("平台服务费"),
        "residual": _("平台留存与尾差"),
        "fund": _("资金账户"),
    }
    return words.get(kind, _("其他单位"))


def band_word(band: int) -> str:
    """A band of receipts in words: ``农户 500–2,000 元``."""
    low, high = rules.band_edges()[band]
    if high is None:
        return _("农户 %(low)s 元以上") % {"low": f"{low // 100:,}"}
    return _("农户 %(low)s–%(high)s 元") % {"low": f"{low // 100:,}", "high": f"{high // 100:,}"}


def in_days(from_on: date | None, to_on: date | None) -> Q:
    """A filter on the day of booking."""
    condition = Q()
    if from_on:
        condition &= Q(booked_on__gte=from_on)
    if to_on:
        condition &= Q(booked_on__lte=to_on)
    return condition
