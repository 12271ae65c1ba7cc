"""Reads: published rows for everyone; the figures that a publication will show, for its author."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import translation
from django.utils.translation import gettext as _

from yuchang.exchange.models import Agreement
from yuchang.ledger.models import Leg, Way
from yuchang.ledger.queries import streams
from yuchang.market.models import Order
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.portal.models import PublishedCounty, PublishedNotice, PublishedNoticeEntry
from yuchang.portal.rules import join_small_groups
from yuchang.registry import codes
from yuchang.registry.models import Household


def latest_counties() -> QuerySet[PublishedCounty]:
    """The newest publication of every county."""
    newest = PublishedCounty.objects.order_by("county_code", "-id").distinct("county_code")
    return PublishedCounty.objects.filter(pk__in=newest.values("pk")).order_by("county_code")


def publications(county_code: str) -> QuerySet[PublishedCounty]:
    """Every publication of a county, newest first."""
    return PublishedCounty.objects.filter(county_code=county_code).order_by("-id")


def live_notices(today: date, county_code: str = "") -> QuerySet[PublishedNotice]:
    """Notices that show on this day."""
    rows = PublishedNotice.objects.filter(opens_on__lte=today, expires_on__gte=today)
    return rows.filter(county_code=county_code) if county_code else rows


def live_entry(today: date, code: str) -> PublishedNoticeEntry | None:
    """One household of a notice that shows on this day."""
    rows = PublishedNoticeEntry.objects.select_related("notice")
    return rows.filter(code=code, notice__opens_on__lte=today, notice__expires_on__gte=today).first()


@dataclass(frozen=True)
class CountyFigures:
    """What a publication says, amounts in fen."""

    county_code: str
    from_on: date
    as_of: date
    households_listed: int
    matched_count: int
    matched_fen: int
    sold_fen: int
    paid_fen: int
    households_paid: int
    causes: dict[str, int]
    sankey: dict[str, Any]

    def as_text(self) -> dict[str, Any]:
        """Plain values, as they are hashed."""
        return asdict(self) | {"from_on": self.from_on.isoformat(), "as_of": self.as_of.isoformat()}


def county_figures(county: Place, from_on: date, as_of: date) -> CountyFigures:
    """A county's totals from the first to the last day, in SQL; groups below ten households are joined."""
    days = (from_on, as_of)
    agreed = Agreement.objects.filter(
        county_id=county.pk, state__in=["agreed", "fulfilled"], agreed_at__date__range=days
    ).aggregate(n=Count("pk"), fen=Sum(F("quantity") * F("price_fen")))
    paid_orders = Order.objects.filter(county_id=county.pk, paid_at__date__range=days)
    sold = paid_orders.exclude(state__in=["refunded", "cancelled"]).aggregate(fen=Sum("total_fen"))
    legs = Leg.objects.filter(county_id=county.pk, household_id__isnull=False, booked_on__range=days)
    paid = legs.aggregate(
        fen=Sum("amount_fen"), n=Count("household_id", filter=Q(amount_fen__gt=0), distinct=True)
    )
    listed = Household.objects.filter(county_id=county.pk, state=Household.State.LISTED)
    with translation.override("zh-hans"):
        return CountyFigures(
            county_code=county.code,
            from_on=from_on,
            as_of=as_of,
            households_listed=listed.count(),
            matched_count=agreed["n"],
            matched_fen=agreed["fen"] or 0,
            sold_fen=sold["fen"] or 0,
            paid_fen=paid["fen"] or 0,
            households_paid=paid["n"],
            causes=_causes(listed),
            sankey=_sankey(county, legs, from_on, as_of),
        )


def _causes(listed: QuerySet[Household]) -> dict[str, int]:
    groups: dict[str, int] = {}
    for code, n in listed.order_by().values_list("main_cause").annotate(n=Count("pk")):
        group = codes.CAUSE_GROUPS.get(code, "other")
        groups[group] = groups.get(group, 0) + n
    return join_small_groups(groups, "other")


def _sankey(county: Place, legs: QuerySet[Leg], from_on: date, as_of: date) -> dict[str, Any]:
    """Buyers → ways → townships; townships with few paid households share one node."""
    counted = legs.order_by().values_list("township_id").annotate(n=Count("household_id", distinct=True))
    by_township = {str(pk): n for pk, n in counted}
    shown = join_small_groups(by_township, "rest")
    names = dict(Place.objects.filter(pk__in=[pk for pk in shown if pk.isdigit()]).values_list("name", "pk"))
    links: dict[tuple[str, str], int] = {}
    for stream in streams(county, from_on, as_of):
        buyer = str(Organisation.Kind(stream.buyer_kind).label) if stream.buyer_kind else _("其他买方")
        if stream.sink == "household":
            way = str(Way(stream.way).label) if stream.way else _("其他方式")
            area = stream.area if stream.area in names else _("其他乡镇的农户")
            steps = [(buyer, way), (way, area)]
        else:
            steps = [(buyer, _("合作社、物流与平台"))]
        for step in steps:
            links[step] = links.get(step, 0) + stream.amount_fen
    kept = {step: value for step, value in links.items() if value > 0}
    return {
        "unit": "fen",
        "nodes": [{"name": name} for name in dict.fromkeys(n for step in kept for n in step)],
        "links": [{"source": a, "target": b, "value": value} for (a, b), value in kept.items()],
    }
