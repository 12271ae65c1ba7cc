"""The step machine: what a definition says, and whether a step may be left in a given way. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from yuchang.procedures.rules.calendar import MAX_DAYS, Calendar, Limit, Unit

OPENED = "opened"  # the act of opening a case, as a name for “who must not act here”
THREE_DAYS = Limit(3)
END = "end:"  # ``next: end:listed`` closes the case with the outcome ``listed``


class Kind(StrEnum):
    """What a step is."""

    ACT = "act"
    NOTICE = "notice"


@dataclass(frozen=True)
class Choice:
    """One way out of a step; ``next`` is a step's code or ``end:outcome``."""

    code: str
    title: str
    title_en: str
    next: str
    needs_opinion: bool = False

    @property
    def outcome(self) -> str | None:
        """The outcome with which this choice closes the case, if it does."""
        return self.next.removeprefix(END) if self.next.startswith(END) else None


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence that must be attached before a step is left."""

    code: str
    title: str
    title_en: str


@dataclass(frozen=True)
class Step:
    """One step: who acts (permission, levels of the place scope; empty: any), until when, with what.

    ``apart_from``: steps in which the same person must not have acted. ``beside``: steps (notices or acts)
    that begin with this one and run beside the main line; ``waits_for``: those that must be over before this
    step is left. ``sample_percent``: the share that must be drawn and checked before. ``limit`` of a notice
    is its objection period, ``then`` how soon after it somebody must act.
    """

    code: str
    title: str
    title_en: str
    kind: Kind = Kind.ACT
    permission: str = ""
    levels: tuple[int, ...] = ()
    limit: Limit | None = None
    then: Limit = THREE_DAYS
    choices: tuple[Choice, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    apart_from: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    sample_percent: int = 0
    needs_document: bool = False
    may_return: bool = True

    def choice(self, code: str) -> Choice | None:
        """The choice of this code."""
        return next((c for c in self.choices if c.code == code), None)


@dataclass(frozen=True)
class Plan:
    """A parsed definition. The first step of ``main`` is where a case begins.

    ``driver`` names the domain whose own actions move these cases, together with their subject.
    """

    steps: Mapping[str, Step]
    main: tuple[str, ...]
    limit: Limit | None = None
    ladder: tuple[int, ...] = (1, 5, 10)
    open_permission: str = ""
    may_withdraw: bool = True
    driver: str = ""
    outcomes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def first(self) -> Step:
        """Where a case begins."""
        return self.steps[self.main[0]]


class Faulty(ValueError):
    """A definition that cannot work, with every fault found."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON text."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse(body: Mapping[str, Any]) -> Plan:
    """A plan from the body of a definition. Raises Faulty with every fault found."""
    try:
        plan = _plan(body)
    except (KeyError, TypeError, ValueError) as error:
        raise Faulty([f"{type(error).__name__}: {error}"]) from error
    if faults := list(_faults(plan)):
        raise Faulty(faults)
    return plan


def _plan(body: Mapping[str, Any]) -> Plan:
    steps = [_step(given) for given in body["steps"]]
    beside = {code for step in steps for code in step.beside}
    return Plan(
        steps={step.code: step for step in steps},
        main=tuple(step.code for step in steps if step.code not in beside),
        limit=_limit(body.get("limit")),
        ladder=tuple(int(n) for n in body.get("ladder", (1, 5, 10))),
        open_permission=str(body["open_permission"]),
        may_withdraw=bool(body.get("may_withdraw", True)),
        driver=str(body.get("driver", "")),
        outcomes={str(k): (str(v[0]), str(v[1])) for k, v in body["outcomes"].items()},
    )


def _limit(given: Mapping[str, Any] | None) -> Limit | None:
    return Limit(int(given["days"]), Unit(given.get("unit", "working"))) if given else None


def _step(given: Mapping[str, Any]) -> Step:
    return Step(
        code=str(given["code"]),
        title=str(given["title"]),
        title_en=str(given["title_en"]),
        kind=Kind(given.get("kind", "act")),
        permission=str(given.get("permission", "")),
        levels=tuple(int(n) for n in given.get("levels", ())),
        limit=_limit(given.get("limit")),
        then=_limit(given.get("then")) or THREE_DAYS,
        choices=tuple(_choice(c) for c in given.get("choices", ())),
        evidence=tuple(Evidence(e["code"], e["title"], e["title_en"]) for e in given.get("evidence", ())),
        apart_from=tuple(given.get("apart_from", ())),
        beside=tuple(given.get("beside", ())),
        waits_for=tuple(given.get("waits_for", ())),
        sample_percent=int(given.get("sample_percent", 0)),
        needs_document=bool(given.get("needs_document", False)),
        may_return=bool(given.get("may_return", True)),
    )


def _choice(given: Mapping[str, Any]) -> Choice:
    return Choice(
        str(given["code"]),
        str(given["title"]),
        str(given["title_en"]),
        str(given["next"]),
        bool(given.get("needs_opinion", False)),
    )


def _faults(plan: Plan) -> Iterable[str]:
    if not plan.main:
        yield "no main step"
        return
    known = {*plan.steps, OPENED}
    for step in plan.steps.values():
        is_main = step.code in plan.main
        yield from _faults_of_step(plan, step, known)
        if is_main and not step.choices:
            yield f"{step.code}: a main step needs a choice"
        if not is_main and any(c.outcome is None for c in step.choices):
            yield f"{step.code}: a step beside the line leads to no other"
    yield from _unreachable(plan)


def _faults_of_step(plan: Plan, step: Step, known: set[str]) -> Iterable[str]:
    for code in (*step.apart_from, *step.beside, *step.waits_for):
        if code not in known:
            yield f"{step.code}: unknown step {code}"
    for choice in step.choices:
        if choice.outcome is None and choice.next not in plan.main:
            yield f"{step.code}: choice {choice.code} leads to {choice.next}, which is no main step"
        if choice.outcome is not None and choice.outcome not in plan.outcomes:
            yield f"{step.code}: unknown outcome {choice.outcome}"
    if step.code in step.apart_from:
        yield f"{step.code}: apart from itself"
    if step.choices and not step.permission:
        yield f"{step.code}: nobody may act"
    if step.kind is Kind.NOTICE and step.limit is None:
        yield f"{step.code}: a notice needs its period"
    if step.limit and not 0 <= step.limit.days <= MAX_DAYS:
        yield f"{step.code}: limit of {step.limit.days} days"
    if len({c.code for c in step.choices}) < len(step.choices):
        yield f"{step.code}: two choices of one code"


def _unreachable(plan: Plan) -> Iterable[str]:
    reached, waiting, can_end = set(), [plan.main[0]], False
    while waiting:
        code = waiting.pop()
        if code in reached or code not in plan.steps:
            continue
        reached.add(code)
        for choice in plan.steps[code].choices:
            can_end = can_end or choice.outcome is not None
            waiting.append(choice.next)
    yield from (f"{code}: cannot be reached" for code in plan.main if code not in reached)
    if not can_end:
        yield "no choice ends the case"


class Lacking(StrEnum):
    """Which safeguard a place's own version lacks."""

    DRIVER = "driver"
    LEFT_OUT = "left_out"
    ACTS = "acts"
    APART = "apart"
    SAMPLE = "sample"
    EVIDENCE = "evidence"
    DOCUMENT = "document"
    WAITS = "waits"
    NOTICE = "notice"
    CHOICES = "choices"


@dataclass(frozen=True)
class Lack:
    """One safeguard that is lacking: of which step, and what (codes, titles or the least number)."""

    kind: Lacking
    step: Step | None = None
    about: tuple[str, ...] = ()


def loosened(above: Plan, own: Plan) -> list[Lack]:
    """What a place's own version lacks of the safeguards of the one it stands for; none: it may be used.

    More people, evidence, days of a notice and larger samples are free; fewer are not. A procedure that a
    domain's actions move keeps its driver and the choices that these name.
    """
    found = [] if own.driver == above.driver else [Lack(Lacking.DRIVER)]
    for step in above.steps.values():
        other = own.steps.get(step.code)
        if other is not None:
            found += _lacks(step, other, bool(above.driver))
        elif above.driver or _guards(step):
            found.append(Lack(Lacking.LEFT_OUT, step))
    return found


def _guards(step: Step) -> bool:
    is_asked = bool(step.apart_from or step.sample_percent or step.evidence)
    return is_asked or step.needs_document or step.kind is Kind.NOTICE


def _lacks(step: Step, own: Step, is_driven: bool) -> Iterable[Lack]:
    if (
        own.kind is not step.kind
        or own.permission != step.permission
        or not set(own.levels) <= set(step.levels or own.levels)
    ):
        yield Lack(Lacking.ACTS, step)
    if missing := set(step.apart_from) - set(own.apart_from):
        yield Lack(Lacking.APART, step, tuple(sorted(missing)))
    if own.sample_percent < step.sample_percent:
        yield Lack(Lacking.SAMPLE, step, (str(step.sample_percent),))
    kept = {e.code for e in own.evidence}
    if gone := [e for e in step.evidence if e.code not in kept]:
        yield Lack(Lacking.EVIDENCE, step, tuple(e.code for e in gone))
    if step.needs_document and not own.needs_document:
        yield Lack(Lacking.DOCUMENT, step)
    if missing := set(step.waits_for) - set(own.waits_for):
        yield Lack(Lacking.WAITS, step, tuple(sorted(missing)))
    if step.kind is Kind.NOTICE and step.limit and not _is_as_long(own.limit, step.limit):
        yield Lack(Lacking.NOTICE, step, (str(step.limit.days),))
    if is_driven and {c.code for c in own.choices} != {c.code for c in step.choices}:
        yield Lack(Lacking.CHOICES, step)


def _is_as_long(own: Limit | None, wanted: Limit) -> bool:
    """Working days are as long as calendar days, never the other way round."""
    if own is None or own.days < wanted.days:
        return False
    return own.unit is wanted.unit or own.unit is Unit.WORKING


def pairs_of(plan: Plan) -> dict[str, list[str]]:
    """Step → the steps in which the same person must not have acted, for the database's own check."""
    return {s.code: list(s.apart_from) for s in plan.steps.values() if s.apart_from}


def waits_of(plan: Plan) -> dict[str, list[str]]:
    """Step → the tracks that must be over before it is left, for the database's own check.

    A notice on the main line waits for its own period.
    """
    found = {s.code: list(s.waits_for) for s in plan.steps.values() if s.waits_for}
    for step in plan.steps.values():
        if step.kind is Kind.NOTICE and step.code in plan.main:
            found.setdefault(step.code, []).append(step.code)
    return found


def tracks_of(plan: Plan, step: Step) -> list[Step]:
    """The tracks that begin when a step begins: those beside it, and its own period if it is a notice."""
    own = [step] if step.kind is Kind.NOTICE else []
    return own + [plan.steps[code] for code in step.beside]


def begun_before(plan: Plan, target: str) -> set[str]:
    """The tracks that began with main steps before this one: going back to it leaves them as they are."""
    earlier_steps = plan.main[: plan.main.index(target)]
    return {track.code for code in earlier_steps for track in tracks_of(plan, plan.steps[code])}


class Refusal(StrEnum):
    """Why a step may not be left now."""

    CHOICE = "choice"
    ACTED_BEFORE = "acted_before"
    NOBODY = "nobody"
    OPINION = "opinion"
    DOCUMENT = "document"
    EVIDENCE = "evidence"
    TRACK = "track"
    UPHELD = "upheld"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Attempt:
    """What somebody wants to do in a step, and what is known then."""

    choice: str
    by: int | None
    barred: frozenset[int] = frozenset()
    opinion: str = ""
    document_number: str = ""
    evidence: frozenset[str] = frozenset()
    open_tracks: frozenset[str] = frozenset()
    upheld: frozenset[str] = frozenset()  # the notices to which an objection was found true
    is_sample_done: bool = True


@dataclass(frozen=True)
class Objection:
    """One reason against an attempt, with what it is about."""

    reason: Refusal
    about: str = ""


def objections_to(plan: Plan, step: Step, attempt: Attempt) -> list[Objection]:
    """Every reason why the attempt is refused; none: it may be done."""
    found: list[Objection] = []
    choice = step.choice(attempt.choice)
    if choice is None:
        return [Objection(Refusal.CHOICE, attempt.choice)]
    if step.apart_from and attempt.by is None:
        found.append(Objection(Refusal.NOBODY))
    if attempt.by is not None and attempt.by in attempt.barred:
        found.append(Objection(Refusal.ACTED_BEFORE))
    if choice.needs_opinion and len(attempt.opinion.strip()) < 2:
        found.append(Objection(Refusal.OPINION))
    if step.needs_document and not attempt.document_number.strip():
        found.append(Objection(Refusal.DOCUMENT))
    found += [Objection(Refusal.EVIDENCE, e.code) for e in step.evidence if e.code not in attempt.evidence]
    waits = waits_of(plan).get(step.code, [])
    found += [Objection(Refusal.TRACK, code) for code in waits if code in attempt.open_tracks]
    found += [Objection(Refusal.UPHELD, code) for code in waits if code in attempt.upheld]
    if step.sample_percent and not attempt.is_sample_done:
        found.append(Objection(Refusal.SAMPLE, str(step.sample_percent)))
    return found


def earlier(first: date | None, second: date | None) -> date | None:
    """The earlier of two last days, either of which may be missing."""
    return min((d for d in (first, second) if d is not None), default=None)


@dataclass(frozen=True)
class Period:
    """A track that begins: its step and its last days."""

    step: Step
    ends_on: date | None
    due_on: date | None


@dataclass(frozen=True)
class Entry:
    """What entering a step brings: its last day and the tracks that begin with it."""

    step: Step
    due_on: date | None
    periods: tuple[Period, ...]


def enter(
    plan: Plan,
    step: Step,
    *,
    today: date,
    calendar: Calendar,
    final_on: date | None = None,
    ends_on: date | None = None,
) -> Entry:
    """The days of a step entered today. ``ends_on`` sets the last day of its own notice, if it has one."""
    periods = []
    for track in tracks_of(plan, step):
        last = calendar.due(today, track.limit) if track.limit else None
        if track.kind is Kind.NOTICE:
            last = ends_on if ends_on and track.code == step.code else last
            periods.append(Period(track, last, calendar.due(last, track.then) if last else None))
        else:
            periods.append(Period(track, None, last))
    own = next((p.due_on for p in periods if p.step.code == step.code), None)
    if own is None and step.limit:
        own = calendar.due(today, step.limit)
    return Entry(step, earlier(own, final_on), tuple(periods))
