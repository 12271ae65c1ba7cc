"""Reads of the clearing console: scenarios beside each other, emergencies and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Now

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import NOTHING, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange.budgets import budgets_left
from yuchang.exchange.models import (
    Budget,
    Clearing,
    Direction,
    Emergency,
    EmergencyHelp,
    Posting,
    Publication,
    Replay,
    Scenario,
)
from yuchang.exchange.queries import clearings_for, public_owner
from yuchang.partners.models import Organisation, Pairing
from yuchang.places.models import Place
from yuchang.registry.models import Household

PLACED_SHOWN = 200
UNDER_WAY = (Publication.State.QUEUED, Publication.State.RUNNING)
"""A publication that a task carries out now, or will."""
LEFT_ALONE = timedelta(minutes=10)
"""A publication that has not moved for so long may be asked for again: its task is lost."""


def family_of(run: Clearing) -> list[Clearing]:
    """The draft of a run and all its scenarios' runs, the draft first."""
    return list(_family(run).select_related("county", "scenario").order_by("pk"))


def published_of(run: Clearing) -> int | None:
    """The run that is published of a run's draft and its scenarios; at most one ever is."""
    return _family(run).filter(state=Clearing.State.PUBLISHED).values_list("pk", flat=True).first()


def holding_publications(run: Clearing) -> QuerySet[Publication]:
    """The publication, of a draft and its scenarios, that is under way, decided or over: at most one is."""
    live = Q(state__in=UNDER_WAY) | Q(decided_at__isnull=False)
    return Publication.objects.filter(live, draft=run.draft_id or run.pk)


def publication_of(run: Clearing) -> Publication | None:
    """How far publishing a run has come; None for one nobody asked to publish."""
    return Publication.objects.filter(clearing=run).first()


def is_moving(row: Publication | None) -> bool:
    """Whether a publication is under way and need not be asked for again."""
    if row is None or row.state not in UNDER_WAY:
        return False
    return Publication.objects.filter(pk=row.pk, updated_at__gte=Now() - LEFT_ALONE).exists()


def publication_for(actor: Actor, publication_id: int) -> Publication:
    """The publication of a run in the actor's reach. Raises Hidden."""
    rows = Publication.objects.filter(clearing__in=clearings_for(actor).values("pk"))
    return open_door(rows, actor, "exchange.read", publication_id, within=Q())


def _family(run: Clearing) -> QuerySet[Clearing]:
    draft = run.draft_id or run.pk
    return Clearing.objects.filter(Q(pk=draft) | Q(draft=draft))


def scenarios_of(draft_id: int) -> QuerySet[Scenario]:
    """The scenarios of a draft in the order in which they were asked."""
    return Scenario.objects.filter(draft=draft_id).order_by("pk")


def scenario_for(actor: Actor, scenario_id: int) -> Scenario:
    """One scenario whose draft is in the actor's reach. Raises Hidden."""
    rows = Scenario.objects.filter(draft__in=clearings_for(actor).values("pk"))
    return open_door(rows, actor, "exchange.read", scenario_id, within=Q())


def group_names(runs: list[Clearing]) -> dict[tuple[str, int], str]:
    """The names of the groups that floors single out: places by name, households by number. Two queries."""
    keys: dict[str, set[int]] = {"household": set(), "village": set(), "county": set()}
    for run in runs:
        for group in run.outcome.get("groups", []):
            keys[group["level"]].add(group["key"])
    households = Household.objects.filter(pk__in=keys["household"]).values_list("pk", "number")
    places = Place.objects.filter(pk__in=keys["village"] | keys["county"]).values_list("pk", "level", "name")
    found = {("household", pk): name for pk, name in households}
    return found | {("county" if level == 3 else "village", pk): name for pk, level, name in places}


def pairing_names(runs: list[Clearing]) -> dict[int, str]:
    """Who helps whom, of the pairings whose quotas the runs report. One query."""
    keys = {one["key"] for run in runs for one in run.outcome.get("pairings", [])}
    rows = Pairing.objects.filter(pk__in=keys).select_related("organisation", "helper_place", "place")
    return {row.pk: f"{row.organisation or row.helper_place} → {row.place.full_name}" for row in rows}


def postings_named(numbers: set[int]) -> dict[int, Posting]:
    """Postings as others may know them (owner, category), without limits."""
    rows = Posting.objects.filter(pk__in=numbers).defer("limit_fen", "note")
    return {row.pk: row for row in rows.select_related("category", "organisation", "place")}


@dataclass(frozen=True)
class Difference:
    """One posting that trades more or less in a scenario than in the draft. Worth in fen."""

    posting: Posting
    owner: str
    before: int
    after: int
    before_fen: int
    after_fen: int

    @property
    def change_fen(self) -> int:
        """How much more it is worth."""
        return self.after_fen - self.before_fen


def differences_of(runs: list[Clearing]) -> dict[int, dict[str, list[Difference]]]:
    """Who trades more and who less than in the draft, by run. One query."""
    tables = {run.pk: run.outcome.get("differences", {}) for run in runs}
    rows = [row for table in tables.values() for side in ("up", "down") for row in table.get(side, [])]
    known = postings_named({row[0] for row in rows})
    return {
        pk: {
            side: [
                Difference(known[row[0]], public_owner(known[row[0]]), *row[1:])
                for row in table.get(side, [])
                if row[0] in known
            ]
            for side in ("up", "down")
        }
        for pk, table in tables.items()
    }


REPLAYS_SHOWN = 5


def replays_of(run: Clearing) -> list[Replay]:
    """The newest times a run was computed again, the newest first."""
    return list(Replay.objects.filter(clearing=run).order_by("-id")[:REPLAYS_SHOWN])


def replay_for(actor: Actor, replay_id: int) -> Replay:
    """One recomputation of a run in the actor's reach. Raises Hidden."""
    rows = Replay.objects.filter(clearing__in=clearings_for(actor).values("pk"))
    return open_door(rows, actor, "exchange.read", replay_id, within=Q())


# Budgets ------------------------------------------------------------------------------------------


def own_organisation(actor: Actor, organisation_id: int) -> Organisation:
    """An organisation for which the actor posts. Raises Hidden."""
    own = Q(pk__in=actor.organisation_ids("exchange.post"))
    return open_door(Organisation.objects.all(), actor, "exchange.post", organisation_id, within=own)


def budget_of(organisation_id: int) -> Budget | None:
    """What an organisation stated that it can pay."""
    return Budget.objects.filter(organisation=organisation_id).first()


def budget_left(row: Budget | None) -> int | None:
    """What is left of a budget today in fen; None without one, or when its day has passed."""
    if row is None:
        return None
    return budgets_left([row.organisation_id], clock.today()).get(row.organisation_id)


# Emergencies --------------------------------------------------------------------------------------


def staff_offers() -> QuerySet[Posting]:
    """Open offers of households and villages: what an emergency can be declared for."""
    return Posting.objects.filter(
        state=Posting.State.OPEN, direction="offer", organisation__isnull=True
    ).select_related("category", "household", "place")


def emergencies_for(actor: Actor) -> QuerySet[Emergency]:
    """The emergencies of the actor's places."""
    reach = place_filter(actor, "exchange.read")
    rows = Emergency.objects.filter(reach) if reach != NOTHING else Emergency.objects.none()
    return rows.select_related("category", "place")


def emergency_for(actor: Actor, emergency_id: int) -> Emergency:
    """One emergency in the actor's places. Raises Hidden."""
    rows = Emergency.objects.select_related("category", "place", "posting")
    return open_door(rows, actor, "exchange.read", emergency_id)


def covered_offers(row: Emergency) -> QuerySet[Posting]:
    """The open offers that an emergency is for, the oldest first."""
    rows = staff_offers()
    if row.posting_id is not None:
        return rows.filter(pk=row.posting_id)
    return rows.filter(county_id=row.county_id, category=row.category_id).order_by("pk")


def unsold_quantity(row: Emergency) -> int:
    """What of the goods no agreement holds yet, at most what was declared."""
    left = covered_offers(row).aggregate(n=Sum(F("quantity") - F("agreed_quantity")))["n"] or 0
    return min(int(left), row.quantity)


def urgent(rows: QuerySet[Posting]) -> QuerySet[Posting]:
    """Those of some postings that a live emergency helps: unsold goods of households and villages."""
    same = Q(posting=None, county_id=OuterRef("county_id"), category=OuterRef("category"))
    live = Emergency.objects.filter(
        Q(posting=OuterRef("pk")) | same, state=Emergency.State.LIVE, until__gte=clock.today()
    )
    return rows.filter(Exists(live), direction=Direction.OFFER, organisation=None)


def urgent_postings(posting_ids: list[int]) -> set[int]:
    """Which of these postings are helped by a live emergency. One query."""
    return set(urgent(Posting.objects.filter(pk__in=posting_ids)).values_list("pk", flat=True))


def placed_of(row: Emergency) -> QuerySet[EmergencyHelp]:
    """What was proposed under an emergency, the newest first, with both sides."""
    owners = [f"match__{side}__{part}" for side in ("offer", "need") for part in ("organisation", "place")]
    rows = EmergencyHelp.objects.filter(emergency=row).exclude(match__state="superseded")
    return rows.select_related("match", "match__category", *owners).order_by("-match_id")


_TOTALS = """
    SELECT coalesce(sum(m.quantity) FILTER (WHERE m.state IN ('proposed', 'talking')), 0),
           coalesce(sum(a.quantity), 0), coalesce(sum(a.fulfilled), 0),
           coalesce(sum(a.quantity * a.price_fen), 0), coalesce(sum(a.quantity * h.help_fen), 0),
           coalesce(sum(a.fulfilled * h.help_fen), 0)
    FROM exchange_emergencyhelp h JOIN exchange_match m ON m.id = h.match_id
    LEFT JOIN exchange_agreement a ON a.match_id = m.id AND a.state IN ('agreed', 'fulfilled', 'closed')
    WHERE h.emergency_id = %s
"""


def emergency_totals(row: Emergency) -> dict[str, Any]:
    """Units proposed, agreed and delivered, their worth, and what the fund promised and owes. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [row.pk])
        found = cursor.fetchone()
    names = ("proposed", "agreed", "delivered", "value_fen", "promised_fen", "paid_fen")
    return dict(zip(names, (int(value) for value in found), strict=True))
