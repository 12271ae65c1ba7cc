"""Home by role, the dashboard, search, and the state of the loop in a place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.queries import LEVEL_COLUMNS, assignments_held, place_filter
from yuchang.accounts.rules import Actor, Role
from yuchang.core import clock
from yuchang.core.tallies import tally_by_key
from yuchang.exchange.models import Agreement
from yuchang.ledger.models import Leg
from yuchang.ledger.queries import money_flows
from yuchang.monitoring.models import Alert
from yuchang.places.models import Place
from yuchang.registry.models import Household, Notice
from yuchang.registry.queries import TALLY as HOUSEHOLDS_TALLY
from yuchang.workbench.queries import figures as f
from yuchang.workbench.queries import tallied
from yuchang.workbench.queries.household import code_word
from yuchang.workbench.queries.sources import SOURCES, alert_word, category_word

MONTHS = 6
PREVIEW = 8
LATELY = 8
# What waits for each role: tiles (with "@" only this month), then lists.
WAITING: dict[Role, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Role.VILLAGE_CADRE: (("overdue", "alerts", "matches", "offers", "needs"), ("matches", "offers", "needs")),
    Role.WORK_TEAM: (("overdue", "alerts", "matches", "offers", "needs"), ("matches", "offers", "needs")),
    Role.HELPER: (("households", "listed", "overdue", "alerts"), ()),
    Role.TOWNSHIP_REVIEWER: (
        ("to_verify", "overdue", "alerts", "objections", "paid@"),
        ("to_verify", "alerts"),
    ),
    Role.COUNTY_OFFICER: (
        ("listed", "overdue", "agreements@", "paid@", "objections"),
        ("to_verify", "escalated", "objections", "unsold"),
    ),
    Role.PREFECTURE_OFFICER: (("listed", "overdue", "agreements@", "paid@", "objections"), ("escalated",)),
    Role.PROVINCE_OFFICER: (("listed", "overdue", "agreements@", "paid@", "objections"), ("escalated",)),
    Role.PARTNER: (("matches", "agreements", "deliveries", "needs"), ("matches", "deliveries", "agreements")),
    Role.TRAINER: (("needs", "offers", "matches"), ("needs",)),
    Role.PLATFORM_OPERATOR: (("offers", "sold@", "deliveries"), ("offers", "deliveries")),
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


def counts_own(actor: Actor, role: Role) -> bool:
    """Whether the home of this role counts only the households assigned to the actor.

    A helper's always; a work team's as soon as households are assigned, before that its whole village.
    """
    return role == Role.HELPER or (role == Role.WORK_TEAM and bool(assignments_held(actor)))


def waiting_for(actor: Actor, today: date) -> list[Waiting]:
    """What waits for the actor, role by role."""
    found = []
    for role, (tiles, lists) in WAITING.items():
        if not actor.has_role(role):
            continue
        all_time = f.Selection(mine=counts_own(actor, role))
        month = f.Selection(month=today.replace(day=1), mine=all_time.mine)
        f.read_ahead({n.rstrip("@") for n in (*tiles, *lists)}, actor, all_time)
        shown = [
            f.figure(n.rstrip("@"), actor, today, month if n.endswith("@") else all_time, months=MONTHS)
            for n in tiles
            if actor.may(SOURCES[n.rstrip("@")].permission)
        ]
        rows = [
            f.figure_list(n, actor, today, all_time, size=PREVIEW)
            for n in lists
            if actor.may(SOURCES[n].permission)
        ]
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
    f.read_children_ahead(names, actor, place)
    columns = [f.by_child(name, actor, today, place) for name in names]
    rows = [row for row in zip(*columns, strict=True) if any(tile.figure.value for tile in row)]
    lines = [(row[0].place, [tile.figure for tile in row]) for row in rows]
    return Comparison([str(SOURCES[n].label) for n in names], lines)


@dataclass(frozen=True)
class Share:
    """One part of a whole, as a bar: its figure and its width of 100."""

    figure: f.Figure
    width: float


def by_cause(actor: Actor, place: Place | None) -> list[Share]:
    """Households by main cause, most frequent first."""
    counts = tally_by_key(tallied.CAUSES, _within(actor, place))
    return _shares(counts, place, "cause", lambda c: code_word("cause", c))


def by_state(actor: Actor, place: Place | None, *, mine: bool = False) -> list[Share]:
    """Households by state, most frequent first; with ``mine`` those assigned to the actor."""
    words = dict(Household.State.choices)
    counts: dict[str, int] = {}
    if mine:
        rows = f.rows_of(SOURCES["households"], actor, clock.today(), f.Selection(mine=True)).order_by()
        counts = dict(rows.values_list("state").annotate(n=Count("pk")))
        return _shares(counts, None, "state", lambda c: str(words.get(c, c)), mine=True)
    for key, n in tally_by_key(HOUSEHOLDS_TALLY, _within(actor, place)).items():
        state = key.split(":")[0]
        if state != Household.State.REMOVED:
            counts[state] = counts.get(state, 0) + n
    return _shares(counts, place, "state", lambda c: str(words.get(c, c)))


def _within(actor: Actor, place: Place | None) -> Q:
    within = place_filter(actor, "registry.read")
    return within & Q(**{LEVEL_COLUMNS[place.level]: place.pk}) if place else within


def _shares(
    counts: dict[str, int], place: Place | None, key: str, word: Any, *, mine: bool = False
) -> list[Share]:
    highest = max(counts.values(), default=1)
    return [
        Share(
            f.Figure(
                f"households:{code}",
                word(code),
                n,
                f"{n:,}",
                f.list_address("households", f.Selection(place, None, ((key, code),), mine)),
            ),
            100 * n / highest,
        )
        for code, n in sorted(counts.items(), key=lambda item: -item[1])
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
        causes=by_cause(actor, place),
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
class Moment:
    """One line of what happened lately in a place."""

    on: date
    word: str
    fen: int | None = None


def lately(actor: Actor, place: Place) -> list[Moment]:
    """The newest settlements, agreements, alerts and notices of a place, newest first. Four queries."""
    inside = Q(**{LEVEL_COLUMNS[place.level]: place.pk})
    found: list[Moment] = []
    if actor.may("ledger.read"):
        legs = Leg.objects.filter(inside, household_id__isnull=False).values("booked_on")
        for row in legs.annotate(fen=Sum("amount_fen")).order_by("-booked_on")[:LATELY]:
            found.append(Moment(row["booked_on"], _("付给农户"), row["fen"]))
    if actor.may("exchange.read"):
        deals = Agreement.objects.filter(inside, agreed_at__isnull=False).select_related("category")
        for deal in deals.order_by("-id")[:LATELY]:
            word = _("签约 %(what)s") % {"what": category_word(deal.category)}
            found.append(Moment(timezone.localdate(deal.agreed_at), word, deal.quantity * deal.price_fen))
    if actor.may("registry.read"):
        for notice in Notice.objects.filter(inside).select_related("place").order_by("-id")[:LATELY]:
            found.append(Moment(notice.opens_on, _("%(place)s 公示") % {"place": notice.place.name}))
    if actor.may("monitoring.read"):
        for alert in Alert.objects.filter(inside).select_related("place").order_by("-id")[:LATELY]:
            words = {"place": alert.place.name, "kind": alert_word(alert.kind)}
            found.append(Moment(alert.opened_on, _("%(place)s 预警：%(kind)s") % words))
    return sorted(found, key=lambda moment: moment.on, reverse=True)[:LATELY]
