"""Carrying an agreement: its team and tasks, its milestones, its papers, and closing it short."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import F
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid
from yuchang.core.phrases import label, said
from yuchang.exchange.actions.agreements import sign_agreement
from yuchang.exchange.actions.opening import ENDED, open_deal, open_part
from yuchang.exchange.actions.papers import attach_to_deal
from yuchang.exchange.actions.telling import ask, done, tell_person, tell_sides
from yuchang.exchange.models import (
    WHOLE_BP,
    Agreement,
    DealMember,
    DealTask,
    Delivery,
    Milestone,
    Paper,
    Posting,
)
from yuchang.exchange.queries_deals import candidates, has_open_dispute
from yuchang.exchange.rules import other_side
from yuchang.files.actions import Upload

TASK = "agreement_task"
BOTH = ("offer", "need")


# Team and tasks -----------------------------------------------------------------------------------


def add_member(*, actor: Actor, agreement_id: int, user_id: int, duty: str) -> DealMember:
    """Put somebody of either side, or of the villages and townships concerned, into the team.

    Needs ``exchange.talk`` for a side. Raises Invalid for anybody else, Conflict for a member.
    """
    with write("exchange.add_member", actor) as audit:
        agreement = open_deal(actor, "exchange.talk", agreement_id)
        found = {one.user_id: one for one in candidates(agreement)}.get(user_id)
        if found is None:
            raise invalid("user", _("这个人不在双方或所在乡村，或已在项目组。"), _("请从列表中选择。"))
        if duty not in DealMember.Duty.values:
            raise invalid("duty", _("请选择分工。"))
        row = DealMember.objects.create(
            agreement=agreement,
            user_id=user_id,
            part=found.part,
            duty=duty,
            added_by_id=actor.user_id or 0,
            added_at=clock.now(),
        )
        audit.add("agreement_member", row.pk, place_id=agreement.place_id, user=user_id, duty=duty)
        title = said("您已加入协议 #%(number)d 的项目组", number=agreement.pk)
        tell_person(actor, agreement, user_id, title)
    return row


def end_member(*, actor: Actor, member_id: int, version: int) -> DealMember:
    """Somebody leaves the team; open tasks are nobody's then."""
    with write("exchange.end_member", actor) as audit:
        row, agreement = open_part(DealMember, actor, "exchange.talk", member_id)
        check_version(row, version)
        if row.ended_at is not None:
            raise Conflict(_("这个人已离开项目组。"))
        row.ended_at = clock.now()
        save(row)
        DealTask.objects.filter(member=row, done_at=None).update(
            member=None, version=F("version") + 1, updated_at=clock.now()
        )
        audit.add("agreement_member", row.pk, place_id=agreement.place_id)
    return row


def add_task(
    *, actor: Actor, agreement_id: int, kind: str, what: str, due_on: date, member_id: int | None = None
) -> DealTask:
    """Something the team has to do by a day; its person is asked and reminded. Needs ``exchange.talk``."""
    with write("exchange.add_task", actor) as audit:
        agreement = open_deal(actor, "exchange.talk", agreement_id)
        member = _member(agreement, member_id)
        _check_task(kind, what, due_on)
        row = DealTask.objects.create(
            agreement=agreement,
            kind=kind,
            what=what.strip()[:200],
            due_on=due_on,
            member=member,
            added_by_id=actor.user_id or 0,
        )
        audit.add("agreement_task", row.pk, place_id=agreement.place_id, task=kind, due_on=str(due_on))
        if member is not None:
            title = said("%(kind)s：%(what)s", kind=label(DealTask.Kind(kind).label), what=row.what[:80])
            ask(actor, member.user_id, agreement, title, due_on=due_on, kind=TASK, number=row.pk)
    return row


def _member(agreement: Agreement, member_id: int | None) -> DealMember | None:
    if member_id is None:
        return None
    row = DealMember.objects.filter(agreement=agreement, pk=member_id, ended_at=None).first()
    if row is None:
        raise invalid("member", _("这个人不在项目组。"), _("请先把他加入项目组。"))
    return row


def _check_task(kind: str, what: str, due_on: date) -> None:
    problems = []
    if kind not in DealTask.Kind.values:
        problems.append(Problem("kind", _("请选择任务类型。"), ""))
    if not what.strip():
        problems.append(Problem("what", _("请写明要做什么。"), ""))
    if due_on < clock.today():
        problems.append(Problem("due_on", _("期限已过。"), _("请填写今天或以后的日期。")))
    if problems:
        raise Invalid(problems)


def finish_task(
    *,
    actor: Actor,
    task_id: int,
    version: int,
    side: str,
    result: str,
    uploads: Sequence[Upload] = (),
) -> DealTask:
    """Note that a task is done, what came of it, and its papers. Needs ``exchange.talk`` for the side."""
    if not result.strip():
        raise invalid("result", _("请写明结果。"))
    with write("exchange.finish_task", actor) as audit:
        row, agreement = open_part(DealTask, actor, "exchange.talk", task_id, side)
        _check_open(row, version)
        row.done_at, row.result = clock.now(), result.strip()[:500]
        row.done_by_id, row.done_by_name = actor.user_id, actor.name[:60]
        save(row)
        attach_to_deal(actor, agreement, side, Paper.About.TASK, row.pk, uploads)
        audit.add("agreement_task", row.pk, place_id=agreement.place_id, files=len(uploads))
        done(actor, TASK, row.pk)
        tell_sides(actor, agreement, BOTH, said("已完成：%(what)s", what=row.what[:80]), body=row.result)
    return row


def drop_task(*, actor: Actor, task_id: int, version: int, reason: str) -> DealTask:
    """A task is not needed any more, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明取消的理由。"))
    with write("exchange.drop_task", actor) as audit:
        row, agreement = open_part(DealTask, actor, "exchange.talk", task_id)
        _check_open(row, version)
        row.dropped_at, row.dropped_for = clock.now(), reason.strip()[:300]
        save(row)
        audit.add("agreement_task", row.pk, place_id=agreement.place_id, reason=reason)
        done(actor, TASK, row.pk)
    return row


def _check_open(row: DealTask, version: int) -> None:
    check_version(row, version)
    if row.done_at is not None or row.dropped_at is not None:
        raise Conflict(_("这项任务已完成或已取消。"))


# Papers and signatures ----------------------------------------------------------------------------


def sign_with_scan(*, actor: Actor, agreement_id: int, version: int, scan: Upload) -> Agreement:
    """``sign_agreement`` with the scan of the paper that was signed by hand. All or nothing."""
    with write("exchange.sign_with_scan", actor) as audit:
        signed = sign_agreement(actor=actor, agreement_id=agreement_id, version=version)
        side = other_side(signed.proposed_side)
        agreement = open_deal(actor, "exchange.agree", agreement_id, side)
        attach_to_deal(actor, agreement, side, Paper.About.SCAN, agreement.pk, [scan])
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side)
    return agreement


def add_papers(
    *, actor: Actor, agreement_id: int, side: str, kind: str, uploads: Sequence[Upload]
) -> Agreement:
    """Add the scan of the signed paper, or another file, for one side of an agreement."""
    if kind not in (Paper.About.SCAN, Paper.About.AGREEMENT):
        raise invalid("kind", _("请选择是签字扫描件还是其他附件。"))
    if not uploads:
        raise invalid("papers", _("没有选择文件。"), _("请先选择文件再上传。"))
    states = (Agreement.State.PROPOSED, *ENDED)
    with write("exchange.add_papers", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side, states=states)
        attach_to_deal(actor, agreement, side, kind, agreement.pk, uploads)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side, files=len(uploads))
    return agreement


# Milestones ---------------------------------------------------------------------------------------


def propose_milestone(
    *,
    actor: Actor,
    agreement_id: int,
    side: str,
    what: str,
    due_on: date,
    quantity: int | None = None,
    share_bp: int | None = None,
) -> Milestone:
    """Name a day by which so much is delivered, or such a share (hundredths of a percent) is paid.

    It holds when the other side agrees. Raises Invalid when all together would be more than is agreed.
    """
    with write("exchange.propose_milestone", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side)
        _check_milestone(agreement, what, due_on, quantity, share_bp)
        row = Milestone.objects.create(
            agreement=agreement,
            what=what.strip()[:100],
            due_on=due_on,
            quantity=quantity,
            share_bp=share_bp,
            proposed_side=side,
            proposed_by_id=actor.user_id or 0,
        )
        audit.add("milestone", row.pk, place_id=agreement.place_id, side=side, due_on=str(due_on))
        title = said("请确认节点：%(what)s", what=row.what)
        tell_sides(actor, agreement, [other_side(side)], title)
    return row


def _check_milestone(
    agreement: Agreement, what: str, due_on: date, quantity: int | None, share_bp: int | None
) -> None:
    problems = []
    if not what.strip():
        problems.append(Problem("what", _("请写明节点内容。"), ""))
    if due_on < clock.today():
        problems.append(Problem("due_on", _("期限已过。"), _("请填写今天或以后的日期。")))
    if (quantity is None) == (share_bp is None):
        problems.append(Problem("quantity", _("请填写数量或付款比例之一。"), ""))
    given = [*agreement.milestones.exclude(state=Milestone.State.REFUSED)]
    if quantity is not None:
        left = agreement.quantity - sum(row.quantity or 0 for row in given)
        if not 0 < quantity <= left:
            problems.append(
                Problem("quantity", _("各节点数量合计不能超过协议数量。"), _("还可安排 %d。") % left)
            )
    if share_bp is not None and not 0 < share_bp <= WHOLE_BP - sum(row.share_bp or 0 for row in given):
        problems.append(Problem("share", _("各节点付款比例合计不能超过 100%。"), ""))
    if problems:
        raise Invalid(problems)


def answer_milestone(
    *, actor: Actor, milestone_id: int, version: int, side: str, agrees: bool, reason: str = ""
) -> Milestone:
    """The other side agrees to a milestone, or says why not. Never the person who proposed it."""
    if not agrees and not reason.strip():
        raise invalid("reason", _("请说明不同意的理由。"))
    with write("exchange.answer_milestone", actor) as audit:
        row, agreement = open_part(Milestone, actor, "exchange.agree", milestone_id, side)
        check_version(row, version)
        if row.state != Milestone.State.PROPOSED:
            raise Conflict(_("这个节点已答复。"))
        _check_other(actor, side, row.proposed_side, row.proposed_by_id)
        row.state = Milestone.State.AGREED if agrees else Milestone.State.REFUSED
        row.answered_by_id, row.answered_at = actor.user_id, clock.now()
        row.refusal = "" if agrees else reason.strip()[:300]
        save(row)
        audit.add("milestone", row.pk, place_id=agreement.place_id, side=side, agrees=agrees)
        yes, no = (
            said("对方同意节点：%(what)s", what=row.what),
            said("对方不同意节点：%(what)s", what=row.what),
        )
        tell_sides(actor, agreement, [row.proposed_side], yes if agrees else no, body=row.refusal)
    return row


def _check_other(actor: Actor, side: str, asked_by_side: str, asked_by_id: int | None) -> None:
    """Only the other side's own people answer. Raises Refused."""
    if side == asked_by_side or actor.user_id == asked_by_id:
        raise Refused(_("须由对方自己的人答复。"), remedy=_("请等待对方答复。"))


def meet_milestone(*, actor: Actor, milestone_id: int, version: int) -> Milestone:
    """The giving side notes that an agreed payment came. Quantities are met by deliveries alone."""
    with write("exchange.meet_milestone", actor) as audit:
        row, agreement = open_part(Milestone, actor, "exchange.agree", milestone_id, "offer", states=ENDED)
        check_version(row, version)
        if row.state != Milestone.State.AGREED or row.share_bp is None or row.met_at is not None:
            raise Conflict(_("只有已约定、未收到的付款节点可以登记收款。"))
        row.met_at, row.met_by_id = clock.now(), actor.user_id
        save(row)
        audit.add("milestone", row.pk, place_id=agreement.place_id, share_bp=row.share_bp)
        tell_sides(actor, agreement, ["need"], said("对方已确认收款：%(what)s", what=row.what))
    return row


# Closing short ------------------------------------------------------------------------------------


def ask_closing(*, actor: Actor, agreement_id: int, version: int, side: str, reason: str) -> Agreement:
    """Ask the other side to end an agreement at what has been delivered, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明提前了结的理由。"))
    with write("exchange.ask_closing", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side)
        check_version(agreement, version)
        if agreement.closing_side:
            raise Conflict(_("已有一方提出提前了结，请先答复。"))
        _check_closable(agreement)
        agreement.closing_side, agreement.closing_reason = side, reason.strip()[:300]
        agreement.closing_by_id, agreement.closing_at = actor.user_id, clock.now()
        save(agreement)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side, reason=reason)
        title = said("对方提出提前了结协议 #%(number)d", number=agreement.pk)
        tell_sides(actor, agreement, [other_side(side)], title, body=agreement.closing_reason)
    return agreement


def answer_closing(*, actor: Actor, agreement_id: int, version: int, side: str, agrees: bool) -> Agreement:
    """The other side agrees to end an agreement short, or lets it go on.

    What was not delivered returns to the postings. Raises Conflict while a delivery or dispute is open.
    """
    with write("exchange.answer_closing", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side)
        check_version(agreement, version)
        if not agreement.closing_side:
            raise Conflict(_("没有人提出提前了结。"))
        asked = agreement.closing_side
        _check_other(actor, side, asked, agreement.closing_by_id)
        if agrees:
            _check_closable(agreement)
            _release(agreement)
            agreement.state = Agreement.State.CLOSED
            agreement.closed_by_id, agreement.closed_at = actor.user_id, clock.now()
        else:
            agreement.closing_side = agreement.closing_reason = ""
            agreement.closing_by_id = agreement.closing_at = None
        save(agreement)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side, agrees=agrees)
        number = agreement.pk
        yes = said("协议 #%(number)d 已提前了结", number=number)
        no = said("对方不同意提前了结协议 #%(number)d", number=number)
        tell_sides(actor, agreement, [asked], yes if agrees else no)
    return agreement


def _check_closable(agreement: Agreement) -> None:
    if Delivery.objects.filter(agreement=agreement, state=Delivery.State.RECORDED).exists():
        raise Conflict(_("还有待确认的交付，不能了结。"), remedy=_("请先由收货方确认或提出异议。"))
    if has_open_dispute(agreement):
        raise Conflict(_("还有未处理的争议，不能了结。"), remedy=_("请等待县级处理。"))


def _release(agreement: Agreement) -> None:
    """What was not delivered is open again in both postings, or expired with their window."""
    rest = agreement.quantity - agreement.fulfilled
    numbers = [agreement.offer_id, agreement.need_id]
    for posting in Posting.objects.filter(pk__in=numbers).order_by("pk").select_for_update():
        posting.agreed_quantity -= rest
        if posting.state == Posting.State.MATCHED:
            is_over = posting.window_to < clock.today()
            posting.state = Posting.State.EXPIRED if is_over else Posting.State.OPEN
        save(posting)
