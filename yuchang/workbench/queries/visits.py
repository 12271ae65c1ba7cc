"""Whom to visit: the alerts that wait, on a small map and as a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.monitoring.models import Alert
from yuchang.monitoring.queries import with_names
from yuchang.places.models import Place
from yuchang.workbench.queries import figures as f
from yuchang.workbench.queries.sources import SOURCES, alert_word

SHOWN, MOST_PLACES = 10, 200


@dataclass(frozen=True)
class Visits:
    """The alerts that wait: how many, the most urgent ones, and what ``map.js`` draws."""

    count: int
    href: str
    alerts: list[tuple[Alert, str]] = field(default_factory=list)
    drawing: dict[str, Any] = field(default_factory=dict)
    unplaced: int = 0
    """So many villages are drawn at the point of their county, because their own is not known."""


def visits_of(actor: Actor, today: date, *, mine: bool = False) -> Visits | None:
    """What waits for a visit, the nearest last day first; with ``mine`` at the households assigned only.

    None without the right to read alerts. Six queries.
    """
    if not actor.may(SOURCES["alerts"].permission):
        return None
    chosen = f.Selection(mine=mine)
    rows = f.rows_of(SOURCES["alerts"], actor, today, chosen)
    counts = rows.order_by().values_list("place_id").annotate(n=Count("pk"))
    by_place = dict(counts.order_by("-n", "place_id")[:MOST_PLACES])
    drawing, unplaced = _drawing(by_place, chosen)
    return Visits(
        f.number_of(SOURCES["alerts"], actor, today, chosen),
        f.list_address("alerts", chosen),
        [(alert, alert_word(alert.kind)) for alert in with_names(rows.order_by("due_on", "pk")[:SHOWN])],
        drawing,
        unplaced,
    )


def _drawing(counts: dict[int, int], chosen: f.Selection) -> tuple[dict[str, Any], int]:
    """The points of the map, and how many villages have none of their own."""
    places = f.places_of(counts)
    counties = {county.pk: county for county in f.places_of(p.county_id for p in places if p.county_id)}
    points: dict[int, dict[str, Any]] = {}
    unplaced = 0
    for place in places:
        at = place if place.longitude is not None else counties.get(place.county_id or 0)
        unplaced += at is not place
        if at is None or at.longitude is None:
            continue
        point = points.setdefault(at.pk, _point(at, chosen))
        point["value"] += counts[place.pk]
    if len(points) < 2:  # a single dot tells nobody where to go; the list beside it does
        return {}, 0
    return _options(list(counties.values()), list(points.values())), unplaced


def _point(at: Place, chosen: f.Selection) -> dict[str, Any]:
    here = f.Selection(place=at, mine=chosen.mine)
    return {
        "code": f"at-{at.code}",  # not the outline of the same code: a dot on it
        "name": at.name,
        "at": [at.longitude, at.latitude],
        "value": 0,
        "url": f.list_address("alerts", here),
    }


def _options(counties: list[Place], points: list[dict[str, Any]]) -> dict[str, Any]:
    """What ``places-map.js`` draws: the smallest outline that shows every point."""
    codes = {county.code[:6] for county in counties}
    areas = sorted(codes) if len(codes) == 1 else sorted({code[:4] for code in codes})
    return {
        "outlineUrl": reverse("places:outline", args=[areas[0] if len(areas) == 1 else "china"]),
        "values": [],
        "points": points,
        "unit": _("条"),
        "unknown": "—",
        "area": "",
        "areaUrl": f"{reverse('places:map')}?area=",
        "notes": {
            "package": _("底图为软件自带示意轮廓，没有审图号，公开发布前必须换成有审图号的地图。"),
            "operator": _("底图由本单位提供。"),
            "review": _("审图号："),
        },
    }
