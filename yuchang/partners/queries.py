"""Reads: who may see which organisation, promise, pairing and pilot, and the record of an organisation.

Phone numbers are never part of a read (see ``reveal_phone``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import (
    EVERYTHING,
    LEVEL_COLUMNS,
    NOTHING,
    either,
    organisation_filter,
    place_filter,
)
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.signs import holding
from yuchang.partners.models import (
    Commitment,
    ContactPerson,
    Invitation,
    Milestone,
    Organisation,
    Pairing,
    Pilot,
    PilotRound,
    ProfileLine,
    Progress,
)
from yuchang.partners.rules import (
    GRACE_DAYS,
    Done,
    MilestoneFacts,
    Record,
    judge_commitment,
    judge_milestone,
)


def host_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Organisations hosted by a county in which the actor holds the permission; ``prefix`` leads to them."""
    condition = Q()
    for scope in actor.scopes(permission):
        if isinstance(scope, PlaceScope):
            if scope.level == 0:
                return EVERYTHING
            condition |= Q(**{f"{prefix}host__{LEVEL_COLUMNS[min(scope.level, 3)]}": scope.place_id})
    return condition if condition else NOTHING


def managed_by(actor: Actor) -> Q:
    """Organisations that the actor may vet and suspend: those of the county hosting them."""
    return host_filter(actor, "partners.manage")


def owned_by(actor: Actor) -> Q:
    """Organisations for which the actor acts."""
    numbers = actor.organisation_ids("partners.own")
    return Q(pk__in=numbers) if numbers else NOTHING


def organisations_for(actor: Actor) -> QuerySet[Organisation]:
    """Vetted organisations for all; others for their host county, who proposed them, and themselves."""
    visible = Q(state=Organisation.State.VETTED) | host_filter(actor, "partners.read") | owned_by(actor)
    visible |= Q(proposed_by_id=actor.user_id)
    return Organisation.objects.filter(visible).select_related("place", "host").defer("phone_sealed")


def find_organisations(
    actor: Actor, *, text: str = "", kind: str = "", state: str = ""
) -> QuerySet[Organisation]:
    """The visible organisations whose name or capability contains the text, of a kind, in a state."""
    rows = organisations_for(actor)
    if text:
        named = holding(Organisation.objects.all(), "name", text)
        able = Organisation.objects.filter(capabilities__contains=[text])
        rows = rows.filter(Q(pk__in=named.values("pk")) | Q(pk__in=able.values("pk")))
    if kind:
        rows = rows.filter(kind=kind)
    if state:
        rows = rows.filter(state=state)
    return rows


def organisation_for(actor: Actor, organisation_id: int) -> Organisation:
    """One visible organisation. Raises Hidden."""
    return open_door(organisations_for(actor), actor, "partners.read", organisation_id, within=Q())


def organisation_names(numbers: Iterable[int]) -> dict[int, str]:
    """The names of organisations by number. One query."""
    return dict(Organisation.objects.filter(pk__in=numbers).values_list("pk", "name"))


def cooperatives_in(county_id: int) -> QuerySet[Organisation]:
    """The vetted co-operatives seated in a county, by name."""
    rows = Organisation.objects.filter(kind=Organisation.Kind.COOPERATIVE, state=Organisation.State.VETTED)
    return rows.filter(county_id=county_id).order_by("name", "id")


# Profiles -----------------------------------------------------------------------------------------


def own_or_manage(actor: Actor) -> str:
    """The permission with which the actor acts on this page: for an organisation, or for a place."""
    return "partners.own" if actor.may("partners.own") else "partners.manage"


def kept_by(actor: Actor, prefix: str = "") -> tuple[str, Q]:
    """Who keeps the profile of an organisation: its own people, or its host county. (permission, reach)"""
    own = organisation_filter(actor, "partners.own", f"{prefix}pk")
    return own_or_manage(actor), either(own, host_filter(actor, "partners.manage", prefix))


def profile_of(organisation: Organisation) -> dict[str, list[ProfileLine]]:
    """The live lines of an organisation the reader has opened, by kind. One query."""
    rows = ProfileLine.objects.filter(organisation=organisation, ended_at=None).select_related("place")
    found: dict[str, list[ProfileLine]] = {kind: [] for kind in ProfileLine.Kind.values}
    for row in rows.order_by("id"):
        found[row.kind].append(row)
    return found


def contacts_of(organisation: Organisation) -> QuerySet[ContactPerson]:
    """The present contact persons, without their telephones."""
    rows = ContactPerson.objects.filter(organisation=organisation, ended_at=None)
    return rows.defer("phone_sealed").order_by("id")


def invitation_by(token_hash: str) -> Invitation | None:
    """The invitation that is still good, by the blind index of its code."""
    rows = Invitation.objects.filter(token_hash=token_hash, organisation=None, cancelled_at=None)
    return rows.filter(expires_at__gt=clock.now()).select_related("host").first()


def invitations_for(actor: Actor) -> QuerySet[Invitation]:
    """Invitations of the counties that the actor manages."""
    return Invitation.objects.filter(host_filter(actor, "partners.manage")).select_related("host")


# Promises -----------------------------------------------------------------------------------------


def receiver_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Commitments or pairings whose receiving place lies in the actor's places."""
    return place_filter(actor, permission, prefix)


def helper_filter(actor: Actor, permission: str, prefix: str = "", place: str = "helper_place") -> Q:
    """Commitments or pairings on whose giving side the actor acts: own organisation, or own public body."""
    own = organisation_filter(actor, permission, f"{prefix}organisation_id")
    return either(own, place_filter(actor, permission, f"{prefix}{place}__"))


def maker_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Commitments that the actor's organisation or public body made."""
    return helper_filter(actor, permission, prefix, "maker_place")


def _sides(actor: Actor, place: str) -> Q:
    """What concerns the actor, on either side, as far as he or she may read."""
    own = organisation_filter(actor, "partners.own", "organisation_id")
    reads = place_filter(actor, "partners.read")
    return either(own, reads, place_filter(actor, "partners.read", f"{place}__"))


def commitments_for(actor: Actor) -> QuerySet[Commitment]:
    """Commitments that the actor's side made or receives, with who made them."""
    rows = Commitment.objects.filter(_sides(actor, "maker_place"))
    return rows.select_related("place", "organisation", "maker_place")


def commitment_for(actor: Actor, commitment_id: int) -> Commitment:
    """One commitment with its milestones and their progress. Raises Hidden. Constant queries."""
    progress = Progress.objects.order_by("happened_on", "id").select_related("file")
    milestones = Milestone.objects.order_by("number").prefetch_related(Prefetch("progress", progress))
    rows = commitments_for(actor).prefetch_related(Prefetch("milestones", milestones))
    return open_door(rows, actor, "partners.read", commitment_id, within=Q())


def verdict_of(milestone: Milestone, on: date) -> str:
    """Kept, late, broken or open, from confirmed progress (prefetched)."""
    done = [Done(p.happened_on, p.amount) for p in milestone.progress.all() if p.state == "confirmed"]
    return judge_milestone(milestone.due_on, milestone.amount, done, on)


def verdicts_of(commitment_ids: Sequence[int], on: date) -> dict[int, str]:
    """The verdict of each commitment, by its worst milestone. One query."""
    found: dict[int, list[str]] = {}
    for commitment_id, _owner, verdict, _n in _judged("c.id = ANY(%(ids)s)", list(commitment_ids), on):
        found.setdefault(commitment_id, []).append(verdict)
    return {number: judge_commitment(verdicts) for number, verdicts in found.items()}


def records_of(organisation_ids: Iterable[int], on: date) -> dict[int, Record]:
    """``rules.assess_record`` for many organisations in one statement; none for whom nothing was promised."""
    counts: dict[int, dict[str, int]] = {}
    for _commitment, owner, verdict, n in _judged(
        "c.organisation_id = ANY(%(ids)s)", list(organisation_ids), on
    ):
        mine = counts.setdefault(owner, {})
        mine[verdict] = mine.get(verdict, 0) + n
    return {owner: Record(**found) for owner, found in counts.items()}


# A milestone is reached on the first day on which the confirmed progress up to it comes to its amount.
_JUDGED = """
    WITH asked AS (
        SELECT m.id, m.due_on, m.amount, c.id AS commitment_id, c.organisation_id
        FROM partners_milestone m JOIN partners_commitment c ON c.id = m.commitment_id
        WHERE c.state = 'active' AND {which}
    ), running AS (
        SELECT p.milestone_id, p.happened_on,
               sum(p.amount) OVER (PARTITION BY p.milestone_id ORDER BY p.happened_on) AS total
        FROM partners_progress p JOIN asked a ON a.id = p.milestone_id
        WHERE p.state = 'confirmed' AND p.happened_on <= %(on)s
    ), reached AS (
        SELECT a.commitment_id, a.organisation_id, a.due_on, min(r.happened_on) AS on_day
        FROM asked a LEFT JOIN running r ON r.milestone_id = a.id AND r.total >= a.amount
        GROUP BY a.id, a.commitment_id, a.organisation_id, a.due_on
    )
    SELECT commitment_id, organisation_id,
           CASE WHEN on_day <= due_on THEN 'kept'
                WHEN %(on)s <= due_on THEN 'open'
                WHEN coalesce(on_day, %(on)s) <= due_on + %(grace)s THEN 'late'
                ELSE 'broken' END AS verdict, count(*)
    FROM reached GROUP BY 1, 2, 3
"""


def _judged(which: str, ids: list[int], on: date) -> list[tuple[int, int, str, int]]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED.format(which=which), {"ids": ids, "on": on, "grace": GRACE_DAYS})
        return list(cursor.fetchall())


def facts_of(organisation_id: int) -> list[MilestoneFacts]:
    """The facts behind one organisation's record: milestones of its accepted commitments."""
    rows = Milestone.objects.filter(commitment__organisation_id=organisation_id, commitment__state="active")
    done = Progress.objects.filter(state=Progress.State.CONFIRMED)
    return [
        MilestoneFacts(m.due_on, m.amount, tuple(Done(p.happened_on, p.amount) for p in m.progress.all()))
        for m in rows.prefetch_related(Prefetch("progress", done))
    ]


# Pairings and pilots ------------------------------------------------------------------------------


def pairings_for(actor: Actor) -> QuerySet[Pairing]:
    """Pairings with a side that concerns the actor."""
    rows = Pairing.objects.filter(_sides(actor, "helper_place"))
    return rows.select_related("place", "organisation", "helper_place")


def pairing_for(actor: Actor, pairing_id: int) -> Pairing:
    """One pairing. Raises Hidden."""
    return open_door(pairings_for(actor), actor, "partners.read", pairing_id, within=Q())


def pilots_for(actor: Actor) -> QuerySet[Pilot]:
    """Pilots run in the actor's places, or in which its organisation takes part."""
    own = organisation_filter(actor, "partners.own", "organisation_id")
    within = either(own, place_filter(actor, "partners.read"))
    return Pilot.objects.filter(within).select_related("place", "organisation")


def pilot_for(actor: Actor, pilot_id: int) -> Pilot:
    """One pilot with its rounds and their places. Raises Hidden. Constant queries."""
    rounds = PilotRound.objects.order_by("number").prefetch_related("places")
    rows = pilots_for(actor).prefetch_related(Prefetch("rounds", rounds))
    return open_door(rows, actor, "partners.read", pilot_id, within=Q())
