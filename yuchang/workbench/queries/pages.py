"""Home by role, the dashboard, search, and the state of the loop in a place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, Role
from yuchang.ledger.queries import money_flows
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.places.search import search_places
from yuchang.registry.models import Household
from yuchang.registry.queries import Filter, filtered, households_for
from yuchang.workbench.queries import figures as f
from yuchang.workbench.queries.household import code_word
from yuchang.workbench.queries.sources import SOURCES

MONTHS = 6
PREVIEW = 8
FOUND = 12
# What waits for each role: tiles (with "@" only this month), then lists.
WAITING: dict[Role, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Role.VILLAGE_CADRE: (
        ("overdue", "alerts", "matches", "offers", "needs"),
        ("alerts", "matches", "offers", "needs"),
    ),
    Role.TOWNSHIP_REVIEWER: (
        ("to_verify", "overdue", "alerts", "objections", "paid@"),
        ("to_verify", "alerts"),
    ),
    Role.COUNTY_OFFICER: (
        ("listed", "overdue", "agreements@", "paid@", "objections"),
        ("to_verify", "escalated", "objections", "unsold"),
    ),
    Role.PARTNER: (("matches", "agreements", "deliveries", "needs"), ("matches", "deliveries", "agreements")),
}
VILLAGES_COMPARED = ("households", "to_verify", "alerts", "paid")
DASHBOARD_TILES = (
    "households",
    "listed",
    "to_verify",
    "alerts",
    "overdue",
    "agreements",
    "agreed_value",
    "sold",
    "paid",
    "households_paid",
)
INDICATORS = ("listed", "alerts", "to_verify", "agreements", "offers", "paid", "households_paid")


@dataclass(frozen=True)
class Waiting:
    """What the home page of one role shows."""

    role: Role
    tiles: list[f.Figure]
    lists: list[f.FigureList]

    @property
    def busy(self) -> list[f.FigureList]:
        """Lists with something in them."""
        return [found for found in self.lists if found.lines]

    @property
    def quiet(self) -> list[f.FigureList]:
        """Lists with nothing to do."""
        return [found for found in self.lists if not found.lines]


def waiting_for(actor: Actor, today: date) -> list[Waiting]:
    """What waits for the actor, role by role."""
    this_month = f.Selection(month=today.replace(day=1))
    found = []
    for role, (tiles, lists) in WAITING.items():
        if not actor.has_role(role):
            continue
        shown = [
            f.figure(n.rstrip("@"), actor, today, this_month if n.endswith("@") else None, months=MONTHS)
            for n in tiles
            if actor.may(SOURCES[n.rstrip("@")].permission)
        ]
        rows = [f.figure_list(n, actor, today, f.Selection(), size=PREVIEW) for n in lists]
        found.append(Waiting(role, shown, rows))
    return found


@dataclass(frozen=True)
class Comparison:
    """Places side by side: a line for each place, a figure for each head."""

    heads: list[str]
    lines: list[tuple[Place, list[f.Figure]]]


def compared(actor: Actor, today: date, place: Place) -> Comparison:
    """The divisions directly below ``place`` in which anything is, by the usual figures."""
    names = [n for n in VILLAGES_COMPARED if actor.may(SOURCES[n].permission)]
    columns = [f.by_child(name, actor, today, place) for name in names]
    rows = [row for row in zip(*columns, strict=True) if any(tile.figure.value for tile in row)]
    lines = [(row[0].place, [tile.figure for tile in row]) for row in rows]
    return Comparison([str(SOURCES[n].label) for n in names], lines)


@dataclass(frozen=True)
class Share:
    """One part of a whole, as a bar: its figure and its width of 100."""

    figure: f.Figure
    width: float


def by_cause(actor: Actor, today: date, place: Place | None) -> list[Share]:
    """Households by main cause, most frequent first."""
    return _shares(actor, today, place, "cause", "main_cause", lambda c: code_word("cause", c))


def by_state(actor: Actor, today: date, place: Place | None) -> list[Share]:
    """Households by state."""
    words = dict(Household.State.choices)
    return _shares(actor, today, place, "state", "state", lambda c: str(words.get(c, c)))


def _shares(actor: Actor, today: date, place: Place | None, key: str, column: str, word: Any) -> list[Share]:
    rows = f.rows_of(SOURCES["households"], actor, today, f.Selection(place)).order_by()
    counts = sorted(rows.values_list(column).annotate(n=Count("pk")), key=lambda r: -r[1])
    highest = max((n for _code, n in counts), default=1)
    return [
        Share(
            f.Figure(
                f"households:{code}",
                word(code),
                n,
                f"{n:,}",
                f.list_address("households", f.Selection(place, None, ((key, code),))),
            ),
            100 * n / highest,
        )
        for code, n in counts
    ]


@dataclass(frozen=True)
class Dashboard:
    """Everything on a place's dashboard."""

    place: Place
    above: list[Place]
    tiles: list[f.Figure]
    indicators: list[tuple[str, str]]
    indicator: str
    map: list[f.Tile]
    flows: dict[str, Any]
    flow_total_fen: int
    months: dict[str, Any]
    causes: list[Share]
    overdue: f.FigureList


def dashboard(actor: Actor, today: date, place: Place, indicator: str) -> Dashboard:
    """The dashboard of a place in the actor's reach."""
    chosen = f.Selection(place)
    known = indicator if indicator in INDICATORS else INDICATORS[0]
    drawn = flows(today, place)
    ancestors = [place.province_id, place.prefecture_id, place.county_id, place.township_id]
    reach = place_filter(actor, "monitoring.read")
    return Dashboard(
        place=place,
        above=list(
            Place.objects.filter(reach, pk__in=[a for a in ancestors if a and a != place.pk]).order_by(
                "level"
            )
        ),
        tiles=f.figures(DASHBOARD_TILES, actor, today, chosen),
        indicators=[(n, str(SOURCES[n].label)) for n in INDICATORS if actor.may(SOURCES[n].permission)],
        indicator=known,
        map=f.by_child(known, actor, today, place),
        flows=drawn["flows"],
        flow_total_fen=drawn["flow_total_fen"],
        months=_months(actor, today, chosen),
        causes=by_cause(actor, today, place),
        overdue=f.figure_list("overdue", actor, today, chosen, size=PREVIEW),
    )


def flows(today: date, place: Place) -> dict[str, Any]:
    """This year's settled money of a place, as the chart draws it. The caller has checked the reach."""
    found = money_flows(place, date(today.year, 1, 1), today)
    return {
        "flows": {"unit": "fen", "nodes": found["nodes"], "links": found["links"]},
        "flow_total_fen": found["total_fen"],
    }


def _months(actor: Actor, today: date, chosen: f.Selection) -> dict[str, Any]:
    sold = f.monthly(SOURCES["sold"], actor, today, chosen, 12)
    paid = f.monthly(SOURCES["paid"], actor, today, chosen, 12)
    labels = [f"{m:%Y-%m}" for m in f.months_before(today, 12)]
    return {
        "unit": "fen",
        "labels": labels,
        "series": [{"name": _("订单收款"), "values": sold}, {"name": _("付给农户"), "values": paid}],
    }


LOOP = ("households", "to_verify", "listed", "alerts", "offers", "agreements", "sold", "paid")


def loop_in(actor: Actor, today: date, place: Place) -> list[f.Figure]:
    """The state of the loop in one place, in the order in which it runs."""
    return f.figures(LOOP, actor, today, f.Selection(place))


@dataclass(frozen=True)
class Found:
    """What a word finds: households, places, organisations."""

    households: list[Household]
    places: list[Place]
    organisations: list[Organisation]

    @property
    def count(self) -> int:
        """How many altogether are shown."""
        return len(self.households) + len(self.places) + len(self.organisations)


def search(actor: Actor, text: str) -> Found:
    """Households in reach, places, and organisations whose name holds the word."""
    word = text.strip()
    if not word:
        return Found([], [], [])
    households: list[Household] = []
    if actor.may("registry.read"):
        rows = filtered(households_for(actor), actor, Filter(text=word))
        households = list(rows.select_related("place").order_by("id")[:FOUND])
    organisations: list[Organisation] = []
    if actor.may("partners.read"):
        named = Organisation.objects.filter(name__contains=word).exclude(state="proposed")
        organisations = list(named.select_related("place").order_by("name", "id")[:FOUND])
    return Found(households, [hit.place for hit in search_places(word, limit=FOUND)], organisations)
