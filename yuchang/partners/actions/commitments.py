"""Commitments in milestones, accepted by who receives; one side reports progress, the other confirms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, invalid
from yuchang.files.actions import Upload, take_in
from yuchang.partners.models import Commitment, Milestone, Organisation, Progress
from yuchang.partners.queries import maker_filter, own_or_manage, owned_by, receiver_filter
from yuchang.partners.rules import AMOUNT_MAX, UNITS, MilestonePlan, commitment_flaws
from yuchang.places.models import Place, keys_of

MANAGE, OWN = "partners.manage", "partners.own"
FLAWS: dict[str, tuple[str, Promise]] = {
    "no milestone": ("milestones", gettext_lazy("请至少填写一个里程碑。")),
    "too many": ("milestones", gettext_lazy("里程碑最多 24 个。")),
    "amount": ("milestones", gettext_lazy("每个里程碑的数额须为正整数，且不超过上限。")),
    "past": ("milestones", gettext_lazy("里程碑的日期已过。")),
    "far": ("milestones", gettext_lazy("里程碑的日期超过十年。")),
    "order": ("milestones", gettext_lazy("里程碑须按日期先后排列。")),
    "measure": ("milestones", gettext_lazy("请写明每个里程碑用什么衡量。")),
    "unit": ("unit", gettext_lazy("资金和采购额以元计，其他承诺须写明数量单位。")),
}


@dataclass(frozen=True)
class CommitmentFacts:
    """A promise as made. Exactly one of ``organisation_id`` and ``maker_place_id``; ``place_id`` receives.

    ``milestones``: by day, amounts in fen for money and purchases, else in ``unit``.
    """

    place_id: int
    kind: str
    title: str
    milestones: Sequence[MilestonePlan]
    organisation_id: int | None = None
    maker_place_id: int | None = None
    unit: str = ""
    document: str = ""


def commit(*, actor: Actor, facts: CommitmentFacts) -> Commitment:
    """Promise something to a place (state ``offered`` until the receiving county accepts).

    An organisation's own people (``partners.own``; it must be vetted), or an officer of the public body
    that promises (``partners.manage`` there). Raises Invalid, Hidden, Refused.
    """
    unit = facts.unit.strip() or UNITS.get(facts.kind, "")
    _check(facts, unit)
    with write("partners.commit", actor) as audit:
        maker = _maker(actor, facts)
        place = _receiver(facts.place_id)
        row = Commitment.objects.create(
            **maker,
            place=place,
            **keys_of(place),
            kind=facts.kind,
            title=facts.title.strip(),
            unit=unit,
            document=facts.document.strip()[:120],
            made_by_id=actor.user_id,
        )
        Milestone.objects.bulk_create(
            Milestone(
                commitment=row, number=n, due_on=one.due_on, measure=one.measure.strip(), amount=one.amount
            )
            for n, one in enumerate(facts.milestones, 1)
        )
        total = sum(one.amount for one in facts.milestones)
        audit.add("commitment", row.pk, place_id=place.pk, type=row.kind, amount=total, unit=unit)
    return row


def _check(facts: CommitmentFacts, unit: str) -> None:
    problems = []
    if facts.kind not in Commitment.Kind.values:
        problems.append(Problem("kind", _("不认识的承诺类型。")))
    if not facts.title.strip() or len(facts.title.strip()) > 120:
        problems.append(Problem("title", _("请写明承诺内容，不超过 120 字。")))
    if (facts.organisation_id is None) == (facts.maker_place_id is None):
        problems.append(Problem("maker", _("承诺须由一家机构或一个单位所在地作出。")))
    for code in commitment_flaws(facts.kind, unit, facts.milestones, clock.today()):
        field, words = FLAWS[code]
        problems.append(Problem(field, str(words)))
    if problems:
        raise Invalid(problems)


def _maker(actor: Actor, facts: CommitmentFacts) -> dict[str, int]:
    if facts.organisation_id is not None:
        require(actor, OWN)
        row = Organisation.objects.filter(owned_by(actor), pk=facts.organisation_id).first()
        if row is None:
            raise Hidden(_("没有找到，或不是您的机构。"))
        if row.state != Organisation.State.VETTED:
            raise Refused(_("本机构尚未核验，不能作出承诺。"), remedy=_("请联系引荐县的专员核验。"))
        return {"organisation_id": row.pk}
    place = open_door(Place.objects.filter(valid_to=None), actor, MANAGE, facts.maker_place_id)
    return {"maker_place_id": place.pk}


def _receiver(place_id: int) -> Place:
    """A county, township or village that stands today."""
    place = Place.objects.filter(pk=place_id, level__gte=Place.Level.COUNTY, valid_to=None).first()
    if place is None:
        raise invalid("place", _("受助地须是现有的县、乡镇或村。"), _("请核对区划代码。"))
    return place


def answer_commitment(
    *, actor: Actor, commitment_id: int, version: int, is_accepted: bool, reason: str = ""
) -> Commitment:
    """The receiving county's officer accepts or declines; never who made the promise."""
    state = Commitment.State.ACTIVE if is_accepted else Commitment.State.DECLINED
    action = "partners.active_commitment" if is_accepted else "partners.declined_commitment"
    if not is_accepted and not reason.strip():
        raise invalid("reason", _("请说明不接受的理由。"))
    return _answer(action, actor, commitment_id, version, Commitment.State.OFFERED, state, reason)


def release_commitment(*, actor: Actor, commitment_id: int, version: int, reason: str) -> Commitment:
    """The receiving county gives its maker free; it is counted neither as kept nor as broken any more."""
    if not reason.strip():
        raise invalid("reason", _("请说明解除的理由。"))
    active, released = Commitment.State.ACTIVE, Commitment.State.RELEASED
    name = "partners.released_commitment"
    return _answer(name, actor, commitment_id, version, active, released, reason)


def _answer(
    action: str,
    actor: Actor,
    commitment_id: int,
    version: int,
    wanted: Commitment.State,
    state: Commitment.State,
    reason: str,
) -> Commitment:
    with write(action, actor) as audit:
        within = place_filter(actor, MANAGE)
        row = open_door(Commitment.objects.all(), actor, MANAGE, commitment_id, within=within, lock=True)
        check_version(row, version)
        if row.state != wanted:
            raise Conflict(_("这项承诺已是“%(state)s”。") % {"state": row.get_state_display()})
        if row.made_by_id == actor.user_id:
            raise Refused(_("作出承诺的人不能代受助地答复。"), remedy=_("请由受助地的另一位专员办理。"))
        row.state, row.reason = state, reason.strip()[:300]
        row.answered_by_id, row.answered_at = actor.user_id, clock.now()
        save(row)
        audit.add("commitment", row.pk, place_id=row.place_id, reason=row.reason)
    return row


@dataclass(frozen=True)
class ProgressFacts:
    """What was done: so much on a day. ``reference`` (a voucher or contract number) or a file proves it."""

    amount: int
    happened_on: date
    note: str = ""
    reference: str = ""


def report_progress(
    *, actor: Actor, milestone_id: int, facts: ProgressFacts, upload: Upload | None = None
) -> Progress:
    """The maker reports what was done, with evidence. It counts once the receiving county confirms it."""
    _check_progress(facts, has_file=upload is not None)
    with write("partners.report_progress", actor) as audit:
        milestone = _own_milestone(actor, milestone_id)
        commitment = milestone.commitment
        if commitment.state != Commitment.State.ACTIVE:
            raise Conflict(_("这项承诺已是“%(state)s”。") % {"state": commitment.get_state_display()})
        file = None
        if upload is not None:
            is_firm = commitment.organisation_id is not None
            file = take_in(
                actor,
                upload=upload,
                purpose="commitment_evidence",
                place=commitment.maker_place or commitment.place,
                about_kind="organisation" if is_firm else "commitment",
                about_id=commitment.organisation_id or commitment.pk,
                title=milestone.measure,
            )
        row = Progress.objects.create(
            milestone=milestone,
            amount=facts.amount,
            happened_on=facts.happened_on,
            note=facts.note.strip()[:300],
            reference=facts.reference.strip()[:120],
            file=file,
            reported_by_id=actor.user_id or 0,
            reported_at=clock.now(),
        )
        audit.add("progress", row.pk, place_id=commitment.place_id, milestone=milestone.pk, amount=row.amount)
    return row


def _check_progress(facts: ProgressFacts, *, has_file: bool) -> None:
    problems = []
    if not 0 < facts.amount <= AMOUNT_MAX:
        problems.append(Problem("amount", _("数额须为正整数，且不超过上限。")))
    if facts.happened_on > clock.today():
        problems.append(Problem("happened_on", _("日期在将来。"), _("请填写实际完成的日期。")))
    if not has_file and not facts.reference.strip():
        problems.append(Problem("reference", _("请上传凭证，或填写凭证编号。")))
    if problems:
        raise Invalid(problems)


def _own_milestone(actor: Actor, milestone_id: int) -> Milestone:
    permission = own_or_manage(actor)
    rows = Milestone.objects.select_related("commitment__place", "commitment__maker_place")
    within = maker_filter(actor, permission, "commitment__")
    milestone = open_door(rows, actor, permission, milestone_id, within=within)
    # The commitment is locked, so that it is not released under a report.
    Commitment.objects.select_for_update().get(pk=milestone.commitment_id)
    return milestone


def judge_progress(
    *, actor: Actor, progress_id: int, version: int, is_confirmed: bool, reason: str = ""
) -> Progress:
    """The receiving county's officer confirms what was reported, or refuses it with a reason."""
    if not is_confirmed and not reason.strip():
        raise invalid("reason", _("请说明不予确认的理由。"))
    action = "partners.confirm_progress" if is_confirmed else "partners.refuse_progress"
    with write(action, actor) as audit:
        rows = Progress.objects.select_related("milestone__commitment")
        within = receiver_filter(actor, MANAGE, "milestone__commitment__")
        row = open_door(rows, actor, MANAGE, progress_id, within=within, lock=True)
        check_version(row, version)
        if row.state != Progress.State.REPORTED:
            raise Conflict(_("这条进展已是“%(state)s”。") % {"state": row.get_state_display()})
        if row.reported_by_id == actor.user_id:
            raise Refused(_("报告进展的人不能自己确认。"), remedy=_("请由受助地的另一位专员确认。"))
        row.state = Progress.State.CONFIRMED if is_confirmed else Progress.State.REFUSED
        row.reason, row.judged_by_id, row.judged_at = reason.strip()[:300], actor.user_id, clock.now()
        save(row)
        place_id = row.milestone.commitment.place_id
        audit.add("progress", row.pk, place_id=place_id, amount=row.amount, reason=row.reason)
    return row
