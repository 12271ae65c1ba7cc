"""One case at a time: advance, return, withdraw, transfer, and the steps that run beside the line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from yuchang.accounts.models import User
from yuchang.accounts.queries import EVERYTHING, actor_for, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, YuchangError, invalid
from yuchang.files import queries as file_queries
from yuchang.files.actions import Upload, take_in
from yuchang.files.models import StoredFile
from yuchang.procedures import queries
from yuchang.procedures.actions import telling
from yuchang.procedures.models import Case, StepRecord, Track
from yuchang.procedures.queries import TRACK_KIND
from yuchang.procedures.rules import machine
from yuchang.procedures.rules.machine import OPENED, Attempt, Choice, Entry, Plan, Refusal, Step

ACTING = (
    StepRecord.Kind.OPENED,
    StepRecord.Kind.ADVANCED,
    StepRecord.Kind.RETURNED,
    StepRecord.Kind.TRACK,
)
Evidence = Sequence[int | tuple[str, int]]


def advance(
    actor: Actor,
    *,
    case: Case | int,
    version: int | None,
    choice: str,
    opinion: str = "",
    evidence: Evidence = (),
    document_number: str = "",
    seal_file_id: int | None = None,
    driver: str = "",
) -> Case:
    """Leave the present step by a choice of its definition.

    ``evidence``: (kind, file id) pairs; bare file ids stand for the required kinds in order. ``driver``:
    the domain that calls, for procedures that only its own actions may move. Raises Refused for who may not
    act (role, level, acted before, transferred to another), Invalid for a missing opinion, document or
    evidence or a file that is not about this case, Conflict while a notice runs, a parallel step or the spot
    check is open, Stale, Hidden.
    """
    with write("procedures.advance", actor) as audit:
        row, plan, step = _in_hand(actor, case, version, driver)
        _require_turn(actor, row)
        _settle_notices(row)
        pairs = _pairs(step, evidence)
        attempt = _attempt(actor, row, step, choice, opinion, document_number, [kind for kind, _pk in pairs])
        _raise_first(plan, step, machine.objections_to(plan, step, attempt))
        _require_own_files(row, pairs, seal_file_id)
        chosen = step.choice(choice)
        assert chosen is not None  # noqa: S101 - an unknown choice was refused above
        _record(
            actor,
            row,
            StepRecord.Kind.ADVANCED,
            choice=chosen.code,
            next_step=chosen.next,
            opinion=opinion.strip()[:1000],
            document_number=document_number.strip()[:120],
            evidence=pairs,
            seal_file_id=seal_file_id,
        )
        _leave_by(row, plan, chosen)
        telling.advanced(actor, row, plan)
        audit.add("case", row.pk, place_id=row.place_id, code=row.code, choice=chosen.code, step=row.step)
    return row


def act(
    actor: Actor,
    *,
    case: Case,
    version: int | None,
    choice: str,
    opinion: str = "",
    document_number: str = "",
    uploads: Mapping[str, Upload] | None = None,
    seal: Upload | None = None,
) -> Case:
    """``advance`` with uploads: evidence by kind, and the picture of a seal. All or nothing."""
    with transaction.atomic():
        pairs = _take_all(actor, case, uploads)
        seal_file_id = _take_in(actor, case, seal, "seal_image", "seal").pk if seal else None
        return advance(
            actor,
            case=case,
            version=version,
            choice=choice,
            opinion=opinion,
            document_number=document_number,
            evidence=pairs,
            seal_file_id=seal_file_id,
        )


def act_beside(
    actor: Actor,
    *,
    track: Track,
    version: int | None,
    choice: str,
    opinion: str = "",
    document_number: str = "",
    uploads: Mapping[str, Upload] | None = None,
) -> Track:
    """``complete_track`` with uploads: evidence by kind. All or nothing."""
    with transaction.atomic():
        pairs = _take_all(actor, track.case, uploads)
        return complete_track(
            actor,
            track_id=track.pk,
            version=version,
            choice=choice,
            opinion=opinion,
            evidence=pairs,
            document_number=document_number,
        )


def _take_all(actor: Actor, case: Case, uploads: Mapping[str, Upload] | None) -> list[tuple[str, int]]:
    """Take evidence in; its kinds with the numbers of the files."""
    return [
        (kind, _take_in(actor, case, one, "case_evidence", f"evidence_{kind}").pk)
        for kind, one in (uploads or {}).items()
    ]


def _take_in(actor: Actor, case: Case, upload: Upload, purpose: str, field: str) -> StoredFile:
    """Take one upload in; what is wrong with it is said at its field."""
    try:
        return take_in(
            actor, upload=upload, purpose=purpose, place=case.place, about_kind=CASE_KIND, about_id=case.pk
        )
    except Invalid as error:
        found = [replace(p, field=field) if p.field == "file" else p for p in error.problems]
        raise Invalid(found) from error


def return_case(actor: Actor, *, case: Case | int, version: int | None, reason: str, to: str = "") -> Case:
    """Send a case back to a step it came through (default: the last one), with the reason.

    Raises Conflict where the step may not be returned or nothing lies before it; else as ``advance``.
    """
    with write("procedures.return_case", actor) as audit:
        row, plan, step = _in_hand(actor, case, version, "")
        _require_turn(actor, row)
        _require_reason(reason)
        _require_apart(actor, row, step)
        passed = [
            r.step
            for r in row.records.filter(kind=StepRecord.Kind.ADVANCED).order_by("-number")
            if r.step != row.step
        ]
        target = to or (passed[0] if passed else "")
        if not step.may_return or target not in passed:
            raise Conflict(_("这一步不能退回。"), remedy=_("请选择办理结论,或转交他人办理。"))
        _record(actor, row, StepRecord.Kind.RETURNED, next_step=target, opinion=reason.strip()[:1000])
        _cancel_tracks(row, but=machine.begun_before(plan, target))
        _stand_in(row, plan, plan.steps[target])
        save(row)
        telling.returned(actor, row, reason)
        audit.add("case", row.pk, place_id=row.place_id, code=row.code, returned_to=target)
    return row


def withdraw(actor: Actor, *, case: Case | int, version: int | None, reason: str, driver: str = "") -> Case:
    """Take a case back: who opened it, or a manager of procedures. Raises Conflict where it may not be."""
    with write("procedures.withdraw", actor) as audit:
        row, plan, _step = _in_hand(actor, case, version, driver)
        _require_reason(reason)
        is_manager = Case.objects.filter(place_filter(actor, "procedures.manage"), pk=row.pk).exists()
        if row.opened_by_id != actor.user_id and not is_manager:
            raise Refused(_("只有发起人或县级管理人员可以撤回。"), remedy=_("请联系发起人。"))
        if not plan.may_withdraw:
            raise Conflict(_("这一程序不能撤回。"), remedy=_("请按步骤办结。"))
        _record(actor, row, StepRecord.Kind.WITHDRAWN, opinion=reason.strip()[:1000])
        _cancel_tracks(row)
        _close(row, Case.State.WITHDRAWN, "")
        telling.closed(actor, row, reason)
        audit.add("case", row.pk, place_id=row.place_id, code=row.code, withdrawn=True)
    return row


def transfer(actor: Actor, *, case: Case | int, version: int | None, to_user_id: int, reason: str) -> Case:
    """Hand the present step to one person, who must be able to do it.

    Raises Refused for who may not act (a manager of procedures may transfer, too), Invalid for a receiver
    without the permission or who acted before.
    """
    with write("procedures.transfer", actor) as audit:
        row, _plan, _step = _in_hand(actor, case, version, None)
        _require_reason(reason)
        if not Case.objects.filter(place_filter(actor, "procedures.manage"), pk=row.pk).exists():
            _require_turn(actor, row)
        user = User.objects.filter(pk=to_user_id, is_active=True).first()
        receiver = actor_for(user.pk, str(user), clock.today()) if user else None
        free = Case.objects.filter(pk=row.pk).exclude(barred__contains=[to_user_id])
        if receiver is None or not free.filter(queries.turn_filter(receiver)).exists():
            raise invalid("to_user_id", _("接收人无权办理这一步,或已办理过前面的步骤。"), _("请另选接收人。"))
        _record(actor, row, StepRecord.Kind.TRANSFERRED, opinion=reason.strip()[:1000], next_step=row.step)
        row.assigned_to_id = to_user_id
        save(row)
        telling.transferred(actor, row, reason)
        audit.add("case", row.pk, place_id=row.place_id, code=row.code, transferred_to=to_user_id)
    return row


def let_go(actor: Actor, *, user_id: int, reason: str) -> int:
    """Somebody leaves: what was transferred to the person is anybody's again who may do the step.

    The caller keeps the person's account and has closed it. Returns how many cases.
    """
    given = queries.cases_given_to(user_id)
    if not given.exists():
        return 0
    with write("procedures.let_go", actor) as audit:
        rows = list(given.select_for_update(of=("self",)).order_by("id"))
        for row in rows:
            _record(
                actor, row, StepRecord.Kind.TRANSFERRED, opinion=reason.strip()[:1000], next_step=row.step
            )
            row.assigned_to_id = None
            save(row)
            audit.add("case", row.pk, place_id=row.place_id, code=row.code, given_up_by=user_id)
    return len(rows)


def complete_track(
    actor: Actor,
    *,
    track_id: int,
    version: int | None,
    choice: str,
    opinion: str = "",
    evidence: Evidence = (),
    document_number: str = "",
) -> Track:
    """Finish a parallel step. ``version`` is the case's. Raises as ``advance``."""
    with write("procedures.complete_track", actor) as audit:
        track = Track.objects.filter(pk=track_id).first()
        if track is None:
            raise _hidden()
        row, plan, _step = _in_hand(actor, track.case_id, version, "")
        track = Track.objects.select_for_update().get(pk=track_id)
        step = plan.steps[track.step]
        if track.state != Track.State.OPEN or track.kind != Track.Kind.ACT:
            raise Conflict(_("这一并行步骤已经结束。"), remedy=_("请刷新页面。"))
        if not Track.objects.filter(queries.turn_filter(actor), pk=track_id).exists():
            raise _not_yours()
        pairs = _pairs(step, evidence)
        attempt = _attempt(actor, row, step, choice, opinion, document_number, [kind for kind, _pk in pairs])
        _raise_first(plan, step, machine.objections_to(plan, step, attempt))
        _require_own_files(row, pairs, None)
        _record(
            actor,
            row,
            StepRecord.Kind.TRACK,
            step=track.step,
            choice=choice,
            opinion=opinion.strip()[:1000],
            document_number=document_number.strip()[:120],
            evidence=pairs,
        )
        Track.objects.filter(pk=track_id).update(state=Track.State.DONE, closed_on=clock.today())
        row.barred = sorted(_barred(row, plan.steps[row.step]))
        save(row)
        audit.add("case", row.pk, place_id=row.place_id, code=row.code, track=track.step, choice=choice)
    track.refresh_from_db()
    return track


# the parts


def _hidden() -> Hidden:
    return Hidden(_("没有找到,或不在您的管辖范围内。"), remedy=_("请核对编号;跨区域事项请联系所属县。"))


def _in_hand(
    actor: Actor, case: Case | int, version: int | None, driver: str | None
) -> tuple[Case, Plan, Step]:
    """The locked open case of the version read, its plan and its step. ``driver`` None: any."""
    pk = case.pk if isinstance(case, Case) else case
    reach = place_filter(actor, queries.READ) | queries.turn_filter(actor)
    rows = Case.objects.select_related("definition", "place")
    row = rows.filter(reach if actor.user_id else EVERYTHING, pk=pk).select_for_update(of=("self",)).first()
    if row is None:
        raise _hidden()
    check_version(row, version)
    if row.state != Case.State.OPEN:
        raise Conflict(_("这件事项已经办结或撤回。"), remedy=_("请刷新页面查看结果。"))
    plan = queries.plan_of(row.definition)
    if driver is not None and plan.driver != driver:
        raise Conflict(
            _("这一程序随业务页面办理,不能在此直接办理。"), remedy=_("请打开对应的农户、公示或异议页面办理。")
        )
    return row, plan, plan.steps[row.step]


def _not_yours() -> Refused:
    return Refused(_("这一步不由您的岗位办理。"), remedy=_("请由该步骤指定级别的岗位办理。"))


def _require_turn(actor: Actor, row: Case) -> None:
    if actor.user_id is None:
        return
    if not Case.objects.filter(queries.turn_filter(actor), pk=row.pk).exists():
        raise _not_yours()
    if row.assigned_to_id not in (None, actor.user_id):
        raise Refused(
            _("这件事项已转交 %(name)s 办理。") % {"name": row.assigned_to}, remedy=_("请由其办理或转回。")
        )


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < 2:
        raise invalid("reason", _("请写明理由。"))


def _acted(row: Case) -> Mapping[str, set[int]]:
    """Step → the users who acted in it; opening counts as the step ``opened``."""
    found: dict[str, set[int]] = {}
    for kind, step, by in row.records.filter(kind__in=ACTING, by__isnull=False).values_list(
        "kind", "step", "by_id"
    ):
        found.setdefault(OPENED if kind == StepRecord.Kind.OPENED else step, set()).add(by)
    return found


def _barred(row: Case, step: Step) -> set[int]:
    acted = _acted(row) if step.apart_from else {}
    return {user for code in step.apart_from for user in acted.get(code, ())}


def _require_apart(actor: Actor, row: Case, step: Step) -> None:
    if step.apart_from and (actor.user_id is None or actor.user_id in _barred(row, step)):
        raise _acted_before()


def _acted_before() -> Refused:
    return Refused(
        _("这一步须由另一人办理:您已办理过本事项前面的步骤。"), remedy=_("请转交另一名有权限的同事。")
    )


def _settle_notices(row: Case) -> None:
    """Notices whose period is over and to which no objection is open are over."""
    objection = Case.objects.filter(subject_kind=TRACK_KIND, subject_id=OuterRef("pk"), state="open")
    today = clock.today()
    over = row.tracks.filter(state=Track.State.OPEN, kind=Track.Kind.NOTICE, ends_on__lt=today)
    over.exclude(Exists(objection)).update(state=Track.State.DONE, closed_on=today)


CASE_KIND = "procedures.case"


def _pairs(step: Step, evidence: Evidence) -> list[tuple[str, int]]:
    given = [e for e in evidence if not isinstance(e, int)]
    bare = [e for e in evidence if isinstance(e, int)]
    left = [e.code for e in step.evidence if e.code not in {kind for kind, _pk in given}]
    left += [""] * max(0, len(bare) - len(left))
    return given + list(zip(left, bare, strict=False))


def _require_own_files(row: Case, pairs: Sequence[tuple[str, int]], seal_file_id: int | None) -> None:
    """Evidence and seal are ready files about this case, or about what it is about. Raises Invalid."""
    given = {number: f"evidence_{kind}" for kind, number in pairs}
    if seal_file_id is not None:
        given[seal_file_id] = "seal"
    about = [(CASE_KIND, row.pk), (row.subject_kind, row.subject_id)]
    strange = set(given) - file_queries.ready_among(given, about)
    if strange:
        message = _("有一份材料不是本事项的,或尚不可用。")
        remedy = _("请在本事项的页面重新上传。")
        raise Invalid([Problem(given[number], message, remedy) for number in sorted(strange)])


def _attempt(
    actor: Actor,
    row: Case,
    step: Step,
    choice: str,
    opinion: str,
    document_number: str,
    evidence: Sequence[str],
) -> Attempt:
    is_sample_done = not step.sample_percent or (
        Case.objects.filter(queries.sampled(step.sample_percent, step.code), pk=row.pk).exists()
    )
    is_waiting = step.code in machine.waits_of(queries.plan_of(row.definition))
    return Attempt(
        choice=choice,
        by=actor.user_id,
        barred=frozenset(_barred(row, step)),
        opinion=opinion,
        document_number=document_number,
        evidence=frozenset(evidence),
        open_tracks=frozenset(row.tracks.filter(state=Track.State.OPEN).values_list("step", flat=True)),
        upheld=frozenset(code for _pk, code in queries.upheld([row.pk])) if is_waiting else frozenset(),
        is_sample_done=is_sample_done,
    )


def _raise_first(plan: Plan, step: Step, found: Sequence[machine.Objection]) -> None:
    """Turn objections into one error: who may not, then what the state forbids, then what is missing."""
    reasons = {o.reason for o in found}
    if reasons & {Refusal.ACTED_BEFORE, Refusal.NOBODY}:
        raise _acted_before()
    for objection in found:
        if error := _conflict(plan, objection):
            raise error
    if found:
        raise Invalid([_problem(step, o) for o in found])


def _conflict(plan: Plan, objection: machine.Objection) -> YuchangError | None:
    if objection.reason is Refusal.TRACK:
        track = plan.steps[objection.about]
        return Conflict(
            _("“%(title)s”尚未期满或办结。") % {"title": queries.words(track.title, track.title_en)},
            remedy=_("请在期满且异议处理完毕后办理。"),
        )
    if objection.reason is Refusal.UPHELD:
        track = plan.steps[objection.about]
        return Conflict(
            _("“%(title)s”的异议已经成立。") % {"title": queries.words(track.title, track.title_en)},
            remedy=_("请退回前面的步骤重新办理。"),
        )
    if objection.reason is Refusal.SAMPLE:
        return Conflict(
            _("本步骤须先抽查不少于 %(share)s%% 并全部查完。") % {"share": objection.about},
            remedy=_("请在“抽查”页面抽取并登记检查结果。"),
        )
    return None


def _problem(step: Step, objection: machine.Objection) -> Problem:
    if objection.reason is Refusal.CHOICE:
        return Problem("choice", _("请选择办理结论。"))
    if objection.reason is Refusal.OPINION:
        return Problem("opinion", _("请填写意见。"))
    if objection.reason is Refusal.DOCUMENT:
        return Problem("document_number", _("请填写文号。"))
    kind = next(e for e in step.evidence if e.code == objection.about)
    name = queries.words(kind.title, kind.title_en)
    return Problem(f"evidence_{kind.code}", _("请附上%(name)s。") % {"name": name})


def _record(actor: Actor, row: Case, kind: StepRecord.Kind, **more: Any) -> None:
    """The record comes before the change: the database refuses a move without it."""
    StepRecord.objects.create(
        case=row,
        number=row.version + 1,
        kind=kind,
        by_id=actor.user_id,
        by_name=actor.name[:150],
        due_on=row.due_on,
        at=clock.now(),
        **{"step": row.step, **more},
    )


def _leave_by(row: Case, plan: Plan, choice: Choice) -> None:
    if choice.outcome is not None:
        _cancel_tracks(row)
        _close(row, Case.State.DONE, choice.outcome)
        return
    _stand_in(row, plan, plan.steps[choice.next])
    save(row)


def _close(row: Case, state: str, outcome: str) -> None:
    row.state, row.outcome, row.closed_at = state, outcome, clock.now()
    row.assigned_to_id = None
    save(row)


def _cancel_tracks(row: Case, but: Collection[str] = ()) -> None:
    running = row.tracks.filter(state=Track.State.OPEN).exclude(step__in=but)
    running.update(state=Track.State.CANCELLED, closed_on=clock.today())


def _stand_in(row: Case, plan: Plan, step: Step) -> None:
    """Enter a step: whose turn, until when, who is barred, which tracks begin."""
    today = clock.today()
    calendar = queries.calendar_of(row.place)
    entry = machine.enter(plan, step, today=today, calendar=calendar, final_on=row.final_on)
    row.step, row.permission, row.levels = step.code, step.permission, list(step.levels)
    row.step_since, row.due_on, row.escalation, row.assigned_to_id = today, entry.due_on, 0, None
    row.barred = sorted(_barred(row, step))
    _open_tracks(row, entry)


def _open_tracks(row: Case, entry: Entry) -> None:
    running = set(row.tracks.filter(state=Track.State.OPEN).values_list("step", flat=True))
    Track.objects.bulk_create(
        Track(
            case=row,
            step=p.step.code,
            kind=p.step.kind.value,
            permission=p.step.permission,
            levels=list(p.step.levels),
            opened_on=clock.today(),
            ends_on=p.ends_on,
            due_on=p.due_on,
            place_id=row.place_id,
            province_id=row.province_id,
            prefecture_id=row.prefecture_id,
            county_id=row.county_id,
            township_id=row.township_id,
            village_id=row.village_id,
        )
        for p in entry.periods
        if p.step.code not in running
    )
