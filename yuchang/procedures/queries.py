"""Reads: which definition applies, the calendar, what waits for whom, where a case stands."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import get_language

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import LEVEL_COLUMNS, NOTHING, place_filter
from yuchang.accounts.rules import PERMISSIONS, Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Hidden
from yuchang.places.models import Place
from yuchang.procedures.models import Case, Definition, Holiday, Sample, SampleRow, StepRecord, Track
from yuchang.procedures.rules import samples
from yuchang.procedures.rules.calendar import Calendar
from yuchang.procedures.rules.machine import Plan, Step, parse

READ = "procedures.read"


def words(title: str, title_en: str) -> str:
    """A title of the definitions in the reader's language."""
    return title_en if (get_language() or "").startswith("en") and title_en else title


# calendar


@dataclass(frozen=True)
class ShippedDay:
    """A line of ``reference/holidays/holidays.csv``."""

    day: date
    is_off: bool
    name: str
    document: str


@lru_cache(maxsize=2)
def _shipped(path: Path) -> tuple[ShippedDay, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            ShippedDay(date.fromisoformat(r["day"]), r["kind"] == "off", r["name"], r["document"])
            for r in csv.DictReader(file)
        )


def shipped_days() -> tuple[ShippedDay, ...]:
    """The national calendar that comes with the release."""
    return _shipped(Path(settings.BASE_DIR) / "reference" / "holidays" / "holidays.csv")


@lru_cache(maxsize=2)
def _shipped_calendar(days: tuple[ShippedDay, ...]) -> Calendar:
    return Calendar(
        frozenset(d.day for d in days if d.is_off),
        frozenset(d.day for d in days if not d.is_off),
        frozenset(d.day.year for d in days),
    )


def calendar_for(*ancestors: int | None) -> Calendar:
    """The national calendar with what was imported for the nation and for these places, wider ones first.

    ``ancestors``: ids of the province, prefecture and county. One query.
    """
    calendar = _shipped_calendar(shipped_days())
    wanted = [pk for pk in ancestors if pk is not None]
    rows = Holiday.objects.filter(Q(place=None) | Q(place_id__in=wanted)).order_by(
        F("place__level").asc(nulls_first=True), "id"
    )
    years = set(calendar.years)
    for row in rows:
        one = [row.day]
        calendar = calendar.over(one, ()) if row.is_off else calendar.over((), one)
        if row.place_id is None:
            years.add(row.day.year)
    return Calendar(calendar.off, calendar.worked, frozenset(years))


def calendar_of(place: Place) -> Calendar:
    """The calendar that holds in a place."""
    return calendar_for(place.province_id, place.prefecture_id, place.county_id)


def imported_days(year: int, place: Place | None) -> QuerySet[Holiday]:
    """What was imported for a year, for the nation and a place's ancestors, latest last."""
    reach = Q(place=None)
    if place is not None:
        reach |= Q(place_id__in=[place.province_id, place.prefecture_id, place.county_id])
    return Holiday.objects.filter(reach, day__year=year).select_related("place").order_by("day", "id")


# definitions


@lru_cache(maxsize=256)
def _parsed(definition_id: int, digest: str) -> Plan:
    return parse(Definition.objects.values_list("body", flat=True).get(pk=definition_id, digest=digest))


def plan_of(definition: Definition) -> Plan:
    """The parsed content of a stored definition; remembered, since it never changes."""
    return _parsed(definition.pk, definition.digest)


def in_force(code: str, on: date) -> list[Definition]:
    """Every place's definition of a code that is valid on the day, the newest version of each place."""
    rows = Definition.objects.filter(code=code, valid_from__lte=on)
    rows = rows.filter(Q(valid_to=None) | Q(valid_to__gte=on)).select_related("place")
    latest: dict[int | None, Definition] = {}
    for row in rows.order_by("number"):
        latest[row.place_id] = row
    return list(latest.values())


def nearest(found: Iterable[Definition], ancestors: Sequence[int | None]) -> Definition | None:
    """The definition of the smallest of these places (wider ones first), else the whole country's."""
    by_place = {d.place_id: d for d in found}
    for pk in reversed(ancestors):
        if pk is not None and pk in by_place:
            return by_place[pk]
    return by_place.get(None)


def ancestors_of(row: Place | Case) -> tuple[int | None, ...]:
    """The ids of a place's (or a row's) own division and those above it, wider ones first."""
    return (row.province_id, row.prefecture_id, row.county_id, row.township_id, row.village_id)


def definition_for(code: str, place: Place, on: date) -> Definition:
    """The definition that holds in a place on a day. Raises Hidden when there is none."""
    found = nearest(in_force(code, on), ancestors_of(place))
    if found is None:
        raise Hidden(f"no definition of {code} for {place.code} on {on}")
    return found


def library() -> QuerySet[Definition]:
    """Every version of every procedure."""
    return Definition.objects.select_related("place").order_by("code", "place_id", "-number")


# cases


def turn_filter(actor: Actor, prefix: str = "") -> Q:
    """Cases (or tracks) whose present step the actor's roles may do at the level of their scopes."""
    condition = Q()
    for grant in actor.grants:
        if not isinstance(grant.scope, PlaceScope) or grant.scope.level == 0:
            continue
        keys = {f"{prefix}{LEVEL_COLUMNS[grant.scope.level]}": grant.scope.place_id}
        levels = Q(**{f"{prefix}levels": []}) | Q(**{f"{prefix}levels__contains": [grant.scope.level]})
        permissions = sorted(PERMISSIONS[grant.role])
        condition |= Q(**keys, **{f"{prefix}permission__in": permissions}) & levels
    return condition if condition else NOTHING


def _mine(actor: Actor) -> Q:
    mine = Q(assigned_to=None) | Q(assigned_to_id=actor.user_id)
    return turn_filter(actor) & mine & ~Q(barred__contains=[actor.user_id])


def due_for(actor: Actor) -> QuerySet[Case]:
    """Open cases whose present step this actor may do; order by (due_on, id)."""
    return Case.objects.filter(_mine(actor), state=Case.State.OPEN, due_on__isnull=False)


def tracks_for(actor: Actor) -> QuerySet[Track]:
    """Open parallel steps that this actor may do."""
    rows = Track.objects.filter(turn_filter(actor), state=Track.State.OPEN, kind=Track.Kind.ACT)
    return rows.exclude(permission="").select_related("case")


def cases_for(actor: Actor) -> QuerySet[Case]:
    """Every case that the actor may read."""
    return Case.objects.filter(place_filter(actor, READ))


def overdue_for(actor: Actor) -> QuerySet[Case]:
    """Open cases past their last day in what the actor may read; order by (due_on, id)."""
    return cases_for(actor).filter(state=Case.State.OPEN, due_on__lt=clock.today())


def case_for(actor: Actor, pk: int) -> Case:
    """The case, if it lies in the actor's reach. Raises Refused or Hidden."""
    return open_door(Case.objects.select_related("definition", "place", "assigned_to"), actor, READ, pk)


def case_of(subject_kind: str, subject_id: int) -> Case | None:
    """The latest case about a subject, open or not."""
    return Case.objects.filter(subject_kind=subject_kind, subject_id=subject_id).order_by("-id").first()


CAP = 1000


def waiting_for(actor: Actor) -> dict[str, int]:
    """Counts for the home page: ``due``, ``soon`` (three days), ``late``; each counts to 1,000 at most."""
    today = clock.today()
    rows = due_for(actor).order_by()
    soon = calendar_for().add_working(today, 3)
    return {
        "due": rows[: CAP + 1].count(),
        "soon": rows.filter(due_on__range=(today, soon))[: CAP + 1].count(),
        "late": rows.filter(due_on__lt=today)[: CAP + 1].count(),
    }


def may_act(actor: Actor, case: Case) -> bool:
    """Whether the present step of an open case is the actor's to do."""
    return due_for(actor).filter(pk=case.pk).exists() or (
        case.due_on is None and Case.objects.filter(_mine(actor), pk=case.pk, state="open").exists()
    )


# picture


@dataclass(frozen=True)
class Picked:
    """One step in the picture: ``state`` is done, now, ahead, late or skipped."""

    step: Step
    state: str
    by: str = ""
    on: date | None = None
    due_on: date | None = None
    tracks: tuple[Track, ...] = ()


def picture(case: Case) -> list[Picked]:
    """The main steps of the case's definition with where it stands. Two queries."""
    plan = plan_of(case.definition)
    records = {r.step: r for r in case.records.order_by("number") if r.kind == StepRecord.Kind.ADVANCED}
    tracks = list(case.tracks.order_by("id"))
    found, is_ahead = [], False
    for code in plan.main:
        step, record = plan.steps[code], records.get(code)
        is_now = case.state == Case.State.OPEN and code == case.step
        is_ahead = is_ahead or is_now
        state = "done" if record else "skipped"
        if is_now:
            state = "late" if case.due_on and case.due_on < clock.today() else "now"
        elif is_ahead or (case.state == Case.State.OPEN and not record):
            state = "ahead"
        own = tuple(t for t in tracks if t.step == code or t.step in step.beside)
        by = record.by_name if record and state == "done" else ""
        on = record.at.date() if record and state == "done" else None
        found.append(Picked(step, state, by, on, case.due_on if is_now else None, own))
    return found


# samples


def samples_for(actor: Actor) -> QuerySet[Sample]:
    """Samples drawn in what the actor may read."""
    return Sample.objects.filter(place_filter(actor, READ)).select_related("place", "drawn_by")


def unfinished_rows() -> QuerySet[SampleRow]:
    """Drawn rows that nobody has checked yet."""
    return SampleRow.objects.filter(is_drawn=True, check_result=None)


def sampled(share_percent: int, step: str) -> Exists:
    """Whether a case was in the population of a large enough sample of this step that is wholly checked."""
    rows = SampleRow.objects.filter(
        case=OuterRef("pk"), sample__step=step, sample__share_percent__gte=share_percent
    )
    return Exists(rows.exclude(Exists(unfinished_rows().filter(sample=OuterRef("sample")))))


def sample_for(actor: Actor, pk: int) -> Sample:
    """The sample, if it lies in what the actor may read. Raises Refused or Hidden."""
    return open_door(Sample.objects.select_related("place", "drawn_by"), actor, READ, pk)


@dataclass(frozen=True)
class Redraw:
    """A sample drawn again from its seed: whether list, order and choice are what was stored."""

    population_hash: str
    same_population: bool
    same_draw: bool
    size: int

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self.same_population and self.same_draw


def redraw(sample: Sample) -> Redraw:
    """Draw the sample again. One query."""
    rows = list(sample.rows.order_by("rank").values_list("case_id", "is_drawn"))
    population = [pk for pk, _drawn in rows]
    found = samples.population_hash(population)
    again = samples.draw(sample.seed, population, sample.share_percent)
    return Redraw(
        found,
        found == sample.population_hash and len(population) == sample.population,
        again == [pk for pk, drawn in rows if drawn] and population == samples.order(sample.seed, population),
        len(again),
    )
