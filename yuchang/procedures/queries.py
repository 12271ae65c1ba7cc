"""Reads: which definition applies, the calendar, what waits for whom, where a case stands."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.models import Assignment, Hat, User
from yuchang.accounts.queries import LEVEL_COLUMNS, NOTHING, live, permission_word, place_filter
from yuchang.accounts.rules import PERMISSIONS, Actor, PlaceScope, SampleScope
from yuchang.core import clock
from yuchang.core.addresses import address
from yuchang.core.errors import Hidden
from yuchang.core.language import is_english
from yuchang.core.once import once
from yuchang.core.prepared import prepared
from yuchang.places.models import Place
from yuchang.procedures.models import (
    Case,
    Definition,
    Holiday,
    Sample,
    SampleCheck,
    SampleRow,
    StepRecord,
    Track,
)
from yuchang.procedures.rules import samples
from yuchang.procedures.rules.calendar import Calendar
from yuchang.procedures.rules.machine import Plan, Step, parse, waits_of

READ = "procedures.read"
HOUSEHOLD_KIND = "registry.household"  # the subject of a case about a household of the register
TRACK_KIND = "procedures.track"  # the subject of an objection to a notice of a case
NOTICE_OBJECTION = "notice_objection"


def words(title: str, title_en: str) -> str:
    """A title of the definitions in the reader's language."""
    return title_en if is_english() and title_en else title


# calendar

NATIONAL_DAY = (10, 1)  # every year's notice names it: who imported it for a place imported the notice


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


@prepared
def _holidays(places: Any) -> QuerySet[Holiday]:
    rows = Holiday.objects.filter(Q(place=None) | Q(place_id__any=places))
    return rows.order_by(F("place__level").asc(nulls_first=True), "id")


def calendar_for(*ancestors: int | None) -> Calendar:
    """The national calendar with what was imported for the nation and for these places, wider ones first.

    ``ancestors``: ids of the province, prefecture and county. One query.
    """
    calendar = _shipped_calendar(shipped_days())
    years = set(calendar.years)
    for row in _holidays([pk for pk in ancestors if pk is not None]):
        one = [row.day]
        calendar = calendar.over(one, ()) if row.is_off else calendar.over((), one)
        if row.place_id is None or (row.day.month, row.day.day) == NATIONAL_DAY:
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


def in_force(code: str, on: date, among: QuerySet[Definition] | None = None) -> list[Definition]:
    """Every place's definition of a code that is valid on the day, the newest version of each place."""
    rows = (Definition.objects.all() if among is None else among).filter(state="live", code=code)
    rows = rows.filter(valid_from__lte=on)
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


def above(code: str, place: Place, on: date) -> Definition | None:
    """The definition that would hold in a place on a day if it had none of its own."""
    wider = [pk for pk in ancestors_of(place) if pk != place.pk]
    return nearest((d for d in in_force(code, on) if d.place_id != place.pk), wider)


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


def shown_of(rows: QuerySet[Case]) -> QuerySet[Case]:
    """The cases with what lists show of them: each definition and place read once and without its content."""
    return rows.prefetch_related(
        Prefetch("place", Place.objects.only("name")),
        Prefetch("definition", Definition.objects.only("code", "digest", "title", "title_en")),
    ).only(*_SHOWN)


_SHOWN = (
    *("place", "definition", "code", "title", "reference", "state", "step", "opened_at", "due_on"),
    *("escalation", "subject_kind", "subject_id"),
)


def tracks_for(actor: Actor) -> QuerySet[Track]:
    """Open parallel steps that this actor may do."""
    rows = Track.objects.filter(turn_filter(actor), state=Track.State.OPEN, kind=Track.Kind.ACT)
    return rows.exclude(permission="").select_related("case")


def cases_given_to(user_id: int) -> QuerySet[Case]:
    """Open cases that were transferred to this person. The caller keeps the person's account."""
    return Case.objects.filter(state=Case.State.OPEN, assigned_to_id=user_id)


def cases_for(actor: Actor) -> QuerySet[Case]:
    """Every case that the actor may read."""
    return Case.objects.filter(place_filter(actor, READ))


def overdue_for(actor: Actor) -> QuerySet[Case]:
    """Open cases past their last day in what the actor may read; order by (due_on, id)."""
    return cases_for(actor).filter(state=Case.State.OPEN, due_on__lt=clock.today())


def case_for(actor: Actor, pk: int) -> Case:
    """The case, if it lies in the actor's reach or in a sample given to it. Raises Refused or Hidden."""
    rows = Case.objects.select_related("definition", "place", "assigned_to")
    within = place_filter(actor, READ)
    if numbers := samples_given(actor, READ):
        drawn = SampleRow.objects.filter(sample_id__in=numbers, is_drawn=True)
        within |= Q(pk__in=drawn.values("case_id"))
    return open_door(rows, actor, READ, pk, within=within)


def case_of(subject_kind: str, subject_id: int) -> Case | None:
    """The latest case about a subject, open or not."""
    return Case.objects.filter(subject_kind=subject_kind, subject_id=subject_id).order_by("-id").first()


CAP = 1000


@prepared
def _due_days(mine: Any) -> QuerySet[Case, Any]:
    rows = Case.objects.filter(mine, state=Case.State.OPEN, due_on__isnull=False).order_by("due_on", "id")
    return rows.values_list("due_on", flat=True)[: CAP + 1]


@prepared
def _most_urgent(mine: Any, *, most: int) -> QuerySet[Case]:
    rows = Case.objects.filter(mine, state=Case.State.OPEN, due_on__isnull=False)
    return shown_of(rows).order_by("due_on", "id")[:most]


def most_urgent(actor: Actor, most: int) -> list[Case]:
    """The first of ``due_for``, with what lists show of them."""
    return _most_urgent(_mine(actor), most=most)


def waiting_for(actor: Actor) -> dict[str, int]:
    """Counts for the home page: ``due``, ``soon`` (three days), ``late``; each counts to 1,000 at most.

    The first thousand and one days tell all three, but for a reader with nearly as many late ones.
    """
    today = clock.today()
    soon = calendar_for().add_working(today, 3)
    days: list[Any] = _due_days(_mine(actor))
    within = sum(today <= day <= soon for day in days if day)
    if len(days) > CAP and within < len(days) and (days[-1] or today) <= soon:
        within = due_for(actor).filter(due_on__range=(today, soon))[: CAP + 1].count()
    return {"due": len(days), "soon": within, "late": sum(day < today for day in days if day)}


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
    records = {r.step: r for r in records_of(case) if r.kind == StepRecord.Kind.ADVANCED}
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
        by = _who(record) if record and state == "done" else ""
        on = timezone.localdate(record.at) if record and state == "done" else None
        found.append(Picked(step, state, by, on, case.due_on if is_now else None, own))
    return found


def _who(record: StepRecord) -> str:
    return record.by_name if record.by_id else _("系统")


# what a step waits for


def objections_of(case: Case) -> list[Case]:
    """The objections to the notices of a case, oldest first."""
    notices = Track.objects.filter(case=case, kind=Track.Kind.NOTICE)
    rows = Case.objects.filter(subject_kind=TRACK_KIND, subject_id__in=notices.values("pk"))
    return list(rows.select_related("definition").order_by("pk"))


def upheld(case_ids: Sequence[int]) -> set[tuple[int, str]]:
    """(case, step) of the notices to which an objection was found true and that were not repeated since."""
    true = Case.objects.filter(subject_kind=TRACK_KIND, subject_id=OuterRef("pk"), outcome="upheld")
    later = Track.objects.filter(case=OuterRef("case"), step=OuterRef("step"), pk__gt=OuterRef("pk"))
    rows = Track.objects.filter(Exists(true), ~Exists(later), case_id__in=list(case_ids))
    return set(rows.values_list("case_id", "step"))


@dataclass(frozen=True)
class Held:
    """Why the present step of a case cannot be left yet, in words; ``link``: where that is done."""

    text: str
    link: str = ""


def held(case: Case, plan: Plan) -> list[Held]:
    """What the present step of an open case still waits for."""
    step, waits = plan.steps[case.step], waits_of(plan).get(case.step, [])
    tracks = case.tracks.filter(state=Track.State.OPEN, step__in=waits).order_by("pk") if waits else []
    found = [one for track in tracks for one in _held_by(track, plan)]
    if waits and (false := {code for _pk, code in upheld([case.pk])} & set(waits)):
        names = "、".join(words(plan.steps[c].title, plan.steps[c].title_en) for c in sorted(false))
        found.append(Held(_("“%(names)s”的异议已经成立:请退回前面的步骤重新办理。") % {"names": names}))
    if step.sample_percent and not _is_sampled(case, step):
        said = _("须先抽查不少于 %(share)s%% 并全部查完。") % {"share": step.sample_percent}
        found.append(Held(said, address("procedures:samples")))
    return found


def _held_by(track: Track, plan: Plan) -> Iterable[Held]:
    step = plan.steps[track.step]
    named = {"title": words(step.title, step.title_en)}
    if track.kind == Track.Kind.ACT:
        yield Held(_("并行的“%(title)s”尚未办结。") % named)
    elif track.ends_on and track.ends_on >= clock.today():
        days = {"last": track.ends_on, "first": track.ends_on + timedelta(days=1)}
        yield Held(_("“%(title)s”至 %(last)s 期满,%(first)s 起可以办理。") % (named | days))
    elif Case.objects.filter(subject_kind=TRACK_KIND, subject_id=track.pk, state=Case.State.OPEN).exists():
        yield Held(_("“%(title)s”已期满,还有异议没有处理完。") % named)


def _is_sampled(case: Case, step: Step) -> bool:
    return Case.objects.filter(sampled(step.sample_percent, step.code), pk=case.pk).exists()


def noticed_case(objection: Case) -> int:
    """The number of the case to whose notice an objection was raised."""
    return Track.objects.values_list("case_id", flat=True).get(pk=objection.subject_id)


def case_of_track(actor: Actor, pk: int) -> int:
    """The number of the case of a track that the actor may read. Raises Refused or Hidden."""
    return open_door(Track.objects.all(), actor, READ, pk, within=place_filter(actor, READ)).case_id


def running_notices(actor: Actor, case: Case) -> list[Track]:
    """The notices of an open case to which the actor may note an objection today."""
    rows = case.tracks.filter(place_filter(actor, "procedures.open"), state=Track.State.OPEN)
    waiting = Case.objects.filter(subject_kind=TRACK_KIND, subject_id=OuterRef("pk"), state=Case.State.OPEN)
    rows = rows.exclude(Exists(waiting))
    return list(rows.filter(kind=Track.Kind.NOTICE, ends_on__gte=clock.today()).order_by("pk"))


def checks_of(case: Case) -> list[SampleCheck]:
    """What spot checks found about a case, oldest first."""
    rows = SampleCheck.objects.filter(row__case=case).select_related("by", "row__sample")
    return list(rows.order_by("pk"))


# samples


CHECK = "procedures.check"


def samples_given(actor: Actor, permission: str) -> list[int]:
    """The samples that were given to the actor as an evaluator."""
    return [s.sample_id for s in actor.scopes(permission) if isinstance(s, SampleScope)]


def sample_filter(actor: Actor, permission: str, prefix: str = "") -> Q:
    """Samples of the actor's places, and those given to the actor; ``prefix`` leads to the sample."""
    given = Q(**{f"{prefix}pk__in": samples_given(actor, permission)})
    return place_filter(actor, permission, prefix) | given


def samples_for(actor: Actor) -> QuerySet[Sample]:
    """Samples drawn in what the actor may read, or given to the actor."""
    return Sample.objects.filter(sample_filter(actor, READ)).select_related("place", "drawn_by")


@dataclass(frozen=True)
class Task:
    """A sample given to an evaluator: how many are checked, and the drawn cases, those left first."""

    sample: Sample
    title: str
    checked: int
    rows: list[SampleRow]

    @property
    def percent(self) -> int:
        """How much is done, of 100."""
        return 100 * self.checked // max(1, self.sample.size)


TASKS_SHOWN, ROWS_SHOWN = 5, 30


def tasks_of(actor: Actor) -> list[Task]:
    """The samples given to the actor, the newest first, at most five. Two queries for each and one."""
    rows = Sample.objects.filter(pk__in=samples_given(actor, CHECK)).select_related("place")
    titles = {d.code: words(d.title, d.title_en) for d in present_definitions()}
    return [_task(row, titles.get(row.code, row.code)) for row in rows.order_by("-pk")[:TASKS_SHOWN]]


def _task(sample: Sample, title: str) -> Task:
    rows = sample.rows.filter(is_drawn=True).select_related("case__place", "check_result")
    checked = SampleCheck.objects.filter(row__sample=sample).count()
    left_first = rows.order_by(F("check_result__pk").asc(nulls_first=True), "rank")
    return Task(sample, title, checked, list(left_first[:ROWS_SHOWN]))


def may_give(actor: Actor, sample: Sample) -> bool:
    """Whether the actor may give a sample to evaluators: whoever may draw one there."""
    rows = Sample.objects.filter(place_filter(actor, "procedures.sample"), pk=sample.pk)
    return actor.may("procedures.sample") and rows.exists()


def evaluators_of(sample: Sample) -> QuerySet[Assignment]:
    """Who has the sample to check, and who had it, the latest first."""
    rows = Assignment.objects.filter(sample_id=sample.pk).select_related("user")
    return rows.order_by("-pk")


def sampled_cases(sample: Sample) -> list[int]:
    """The drawn cases."""
    return list(sample.rows.filter(is_drawn=True).order_by("rank").values_list("case_id", flat=True))


def sampled_households(sample: Sample) -> list[int]:
    """The households that the drawn cases are about."""
    drawn = sample.rows.filter(is_drawn=True, case__subject_kind=HOUSEHOLD_KIND).order_by("rank")
    return list(drawn.values_list("case__subject_id", flat=True))


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
    """The sample, if the actor may read its place or was given it. Raises Refused or Hidden."""
    rows = Sample.objects.select_related("place", "drawn_by")
    return open_door(rows, actor, READ, pk, within=sample_filter(actor, READ))


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


# pages


def present_definitions() -> list[Definition]:
    """One definition of each code that is valid today, the country's before a place's."""
    today = clock.today()
    rows = Definition.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today), valid_from__lte=today)
    rows = rows.filter(state="live")
    rows = rows.defer("body", "pairs", "waits")  # plan_of reads what a definition says, once for all requests
    found: dict[str, Definition] = {}
    for row in rows.order_by("code", F("place").asc(nulls_first=True), "-number"):
        found.setdefault(row.code, row)
    return list(found.values())


def step_words(code: str, step: str) -> tuple[str, str]:
    """A procedure and a step of it in words; their codes where nothing of today has them.

    One query a request, however often it is asked.
    """
    known = once("procedures.present", lambda: {d.code: d for d in present_definitions()})
    if code not in known:
        return code, step
    found = plan_of(known[code]).steps.get(step)
    title = words(known[code].title, known[code].title_en)
    return title, words(found.title, found.title_en) if found else step


def open_to_all() -> list[Definition]:
    """Those whose cases are opened here, not by another domain's pages nor from a notice."""
    return [d for d in present_definitions() if not plan_of(d).driver and d.code != NOTICE_OBJECTION]


def definition_by(pk: int) -> Definition:
    """A definition. Raises Hidden when there is none."""
    rows = Definition.objects.select_related("place", "proposed_by", "vetted_by")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Hidden(_("没有这个程序版本。"))
    return found


@dataclass(frozen=True)
class Line:
    """One main step of a procedure for its picture, with what runs beside it."""

    step: Step
    beside: tuple[Step, ...]
    apart: tuple[str, ...]

    @property
    def permission(self) -> str:
        """What whoever acts must be allowed, in words."""
        return permission_word(self.step.permission)


def lines_of(plan: Plan) -> list[Line]:
    """The main line of a procedure."""
    found = []
    for code in plan.main:
        step = plan.steps[code]
        apart = tuple(
            words(plan.steps[c].title, plan.steps[c].title_en) if c in plan.steps else _("发起")
            for c in step.apart_from
        )
        found.append(Line(step, tuple(plan.steps[c] for c in step.beside), apart))
    return found


@dataclass(frozen=True)
class Entry:
    """One record of a case's history in the reader's words, with the files it brought."""

    record: StepRecord
    step: str
    choice: str
    next: str
    files: tuple[tuple[str, int], ...]
    is_late: bool


def history(case: Case) -> list[Entry]:
    """Everything that was done to a case, oldest first, in the reader's words. One query."""
    plan = plan_of(case.definition)
    return [_entry(plan, record) for record in records_of(case)]


def _title(plan: Plan, code: str) -> str:
    step = plan.steps.get(code)
    return words(step.title, step.title_en) if step else ""


def _entry(plan: Plan, record: StepRecord) -> Entry:
    step = plan.steps.get(record.step)
    choice = step.choice(record.choice) if step else None
    kinds = {e.code: words(e.title, e.title_en) for e in step.evidence} if step else {}
    files = tuple((kinds.get(kind, _("材料")), number) for kind, number in record.evidence)
    is_late = bool(
        record.due_on
        and record.kind == StepRecord.Kind.ADVANCED
        and timezone.localdate(record.at) > record.due_on
    )
    chosen = words(choice.title, choice.title_en) if choice else ""
    return Entry(record, _title(plan, record.step), chosen, _title(plan, record.next_step), files, is_late)


@dataclass(frozen=True)
class Colleague:
    """Somebody who may do the present step of a case, by which role and where."""

    user: User
    role: str
    place: str


COLLEAGUES = 20


def receivers(actor: Actor, case: Case, word: str = "") -> list[Colleague]:
    """People other than the actor whose roles may do the present step, of the nearest place first.

    ``word`` asks for those of one name. At most ``COLLEAGUES`` and one, so that a page lists few however many
    work there: at most one query for each level, and of each no more rows than are missing. Whether one may
    receive it the action judges.
    """
    roles = [role for role, permissions in PERMISSIONS.items() if case.permission in permissions]
    hats = Hat.objects.filter(live(clock.today()), state="live", role__in=roles, user__is_active=True)
    hats = hats.exclude(user_id__in=[*case.barred, actor.user_id or 0]).select_related("user", "place")
    if word:
        hats = hats.filter(Q(user__display_name__contains=word) | Q(user__username=word))
    found: dict[int, Colleague] = {}
    for level, pk in reversed(tuple(enumerate(ancestors_of(case), 1))):
        left = COLLEAGUES + 1 - len(found)
        if pk is not None and left > 0 and (not case.levels or level in case.levels):
            near = hats.filter(place_id=pk).exclude(user_id__in=found)[:left]
            for hat in sorted(near, key=lambda hat: (hat.user.display_name, hat.user_id)):
                found.setdefault(hat.user_id, Colleague(hat.user, hat.role, str(hat.place)))
    return list(found.values())


def records_of(case: Case) -> list[StepRecord]:
    """Everything that was done to a case, oldest first. One query a request."""
    return once(("procedures.records", case.pk), lambda: list(case.records.order_by("number")))


def may_answer(actor: Actor, definition: Definition) -> bool:
    """Whether the actor may put a proposed version in force: its own place or above, and not who proposed."""
    if definition.state != "proposed" or definition.proposed_by_id == actor.user_id:
        return False
    return Place.objects.filter(place_filter(actor, "procedures.vet"), pk=definition.place_id or 0).exists()


def may_take_back(actor: Actor, definition: Definition) -> bool:
    """Whether the actor may withdraw a version that waits: who proposed it, as long as the right lasts."""
    if definition.state != "proposed" or definition.proposed_by_id != actor.user_id:
        return False
    rows = Place.objects.filter(place_filter(actor, "procedures.propose"), pk=definition.place_id or 0)
    return rows.exists()


def base_of(definition: Definition) -> Definition | None:
    """What would hold in a version's place on its first day without it; none for the whole country's."""
    place = definition.place
    if place is None:
        return None
    rows = Definition.objects.exclude(place=place, number__gte=definition.number)
    return nearest(in_force(definition.code, definition.valid_from, rows), ancestors_of(place))


def answerers(definition: Definition) -> list[User]:
    """Who may put a proposed version in force: those of its place first, then those of the regions above."""
    place = definition.place
    if place is None or definition.state != "proposed":
        return []
    people = vetters_of(place, but=definition.proposed_by_id)
    return list(User.objects.filter(pk__in=people).order_by("display_name", "pk")[:10])


def vetters_of(place: Place, *, but: int | None) -> list[int]:
    """The people who may put a place's versions in force today, there or above, without one of them."""
    roles = [role for role, permissions in PERMISSIONS.items() if "procedures.vet" in permissions]
    near = [pk for pk in ancestors_of(place) if pk is not None]
    hats = Hat.objects.filter(live(clock.today()), state="live", role__in=roles, user__is_active=True)
    found = hats.filter(place_id__in=near).exclude(user_id=but or 0).values_list("user_id", flat=True)
    return sorted(set(found))


def may_manage(actor: Actor, case: Case) -> bool:
    """Whether the actor manages procedures where the case lies."""
    return Case.objects.filter(place_filter(actor, "procedures.manage"), pk=case.pk).exists()


def places_to_open(actor: Actor) -> QuerySet[Place]:
    """Villages in which the actor may open a case."""
    rows = Place.objects.filter(place_filter(actor, "procedures.open"), level=5, valid_to=None)
    return rows.order_by("code")


def places_to_keep(actor: Actor, permission: str, *, lowest: int = 3) -> QuerySet[Place]:
    """Divisions of these levels within the actor's places; the own one and those below it."""
    rows = Place.objects.filter(place_filter(actor, permission), level__lte=lowest, valid_to=None)
    return rows.order_by("code")


def steps_to_sample() -> list[tuple[str, str]]:
    """Every step that asks for a spot check, as (code/step, words)."""
    found = []
    for definition in present_definitions():
        for step in plan_of(definition).steps.values():
            if step.sample_percent:
                name = f"{words(definition.title, definition.title_en)} · {words(step.title, step.title_en)}"
                found.append((f"{definition.code}/{step.code}", f"{name} ≥ {step.sample_percent}%"))
    return found


def names_of_days(year: int, place: Place | None) -> dict[date, tuple[str, str]]:
    """Day → (name, document) of every listed day of a year, imported ones over shipped ones."""
    found = {d.day: (d.name, d.document) for d in shipped_days() if d.day.year == year}
    found |= {row.day: (row.name, row.document) for row in imported_days(year, place)}
    return found
