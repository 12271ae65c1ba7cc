"""What the pages of deals show: each step only to those who may take it."""

from __future__ import annotations

from typing import Any

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange import forms_deals as forms
from yuchang.exchange import queries_deals as queries
from yuchang.exchange.models import Agreement, Delivery, Dispute, Milestone, Paper
from yuchang.exchange.rules import other_side
from yuchang.exchange.rules_deals import may_judge_dispute

LIVE, ENDED = Agreement.State.AGREED, Agreement.State.FULFILLED


def deal_context(actor: Actor, row: Agreement) -> dict[str, Any]:
    """Everything below the terms of an agreement that holds."""
    acting = queries.deal_sides(actor, "exchange.agree", row)
    talking = queries.deal_sides(actor, "exchange.talk", row)
    papers = queries.papers_of(row.match)
    deliveries, left = list(queries.deliveries_of(row)), queries.undelivered(row)
    is_live = row.state == LIVE
    mine = acting[0] if acting else ""
    return {
        "mine": mine,
        "is_live": is_live,
        "papers": [*_about(papers, Paper.About.SCAN, row.pk), *_about(papers, Paper.About.AGREEMENT, row.pk)],
        "paper_form": forms.PaperForm(initial={"side": mine}, auto_id="paper_%s") if mine else None,
        "left": left,
        "share": row.fulfilled * 100 // row.quantity,
        **_team(row, talking if is_live else [], papers),
        **_deliveries(actor, deliveries, left, acting if is_live else [], papers),
        **_steps(actor, row, acting),
        **_closing(actor, row, acting if is_live else []),
        **_disputes(row, deliveries, mine if row.state in (LIVE, ENDED) else ""),
        **_reviews(row, acting),
    }


def _about(papers: dict[str, dict[int, list[Paper]]], kind: str, number: int) -> list[Paper]:
    return papers.get(kind, {}).get(number, [])


def _team(row: Agreement, talking: list[str], papers: dict[str, dict[int, list[Paper]]]) -> dict[str, Any]:
    members = list(queries.members_of(row))
    side = talking[0] if talking else ""
    people = [(one.user_id, one.name) for one in queries.candidates(row)] if side else []
    named = [(one.pk, one.user.display_name) for one in members]
    return {
        "members": members,
        "member_form": forms.MemberForm(people=people, auto_id="member_%s") if people else None,
        "task_form": forms.TaskForm(members=named, auto_id="task_%s") if side else None,
        "may_talk": bool(side),
        "tasks": [
            {
                "row": task,
                "papers": _about(papers, Paper.About.TASK, task.pk),
                "is_late": task.done_at is None and task.due_on < clock.today(),
                "done": forms.TaskDoneForm(
                    initial={"side": side, "version": task.version}, auto_id=f"task{task.pk}_%s"
                )
                if side and task.done_at is None
                else None,
            }
            for task in queries.tasks_of(row)
        ],
    }


def _deliveries(
    actor: Actor,
    rows: list[Delivery],
    left: int,
    acting: list[str],
    papers: dict[str, dict[int, list[Paper]]],
) -> dict[str, Any]:
    initial = {"quantity": left, "delivered_on": clock.today()}
    return {
        "deliveries": [
            {
                "row": one,
                "papers": _about(papers, Paper.About.DELIVERY, one.pk),
                "judge": _judge_form(one) if _may_judge(actor, one, acting) else None,
                "may_withdraw": one.state == Delivery.State.RECORDED and "offer" in acting,
            }
            for one in rows
        ],
        "delivery_form": forms.DeliveryForm(initial=initial, auto_id="delivery_%s")
        if "offer" in acting and left > 0
        else None,
    }


def _may_judge(actor: Actor, one: Delivery, acting: list[str]) -> bool:
    is_waiting = one.state == Delivery.State.RECORDED
    return is_waiting and "need" in acting and one.recorded_by_id != actor.user_id


def _judge_form(one: Delivery) -> forms.JudgeForm:
    initial = {"accepted": one.quantity, "version": one.version}
    return forms.JudgeForm(initial=initial, auto_id=f"judge{one.pk}_%s")


def _steps(actor: Actor, row: Agreement, acting: list[str]) -> dict[str, Any]:
    is_live, mine = row.state == LIVE, acting[0] if acting else ""
    return {
        "milestones": [
            {
                "step": step,
                "share": (step.row.share_bp or 0) / 100,
                "answer_side": _answering(actor, step.row, acting) if is_live else "",
                "may_meet": "offer" in acting
                and row.state in (LIVE, ENDED)
                and step.row.state == Milestone.State.AGREED
                and step.row.share_bp is not None
                and step.row.met_at is None,
            }
            for step in queries.steps_of(row)
        ],
        "milestone_form": forms.MilestoneForm(initial={"side": mine}, auto_id="milestone_%s")
        if is_live and mine
        else None,
    }


def _answering(actor: Actor, one: Milestone, acting: list[str]) -> str:
    side = other_side(one.proposed_side)
    is_asked = one.state == Milestone.State.PROPOSED and one.proposed_by_id != actor.user_id
    return side if is_asked and side in acting else ""


def _closing(actor: Actor, row: Agreement, acting: list[str]) -> dict[str, Any]:
    asked = row.closing_side
    side = other_side(asked) if asked else ""
    return {
        "closing_ask": acting[0] if acting and not asked else "",
        "closing_answer": side if side in acting and row.closing_by_id != actor.user_id else "",
    }


def _disputes(row: Agreement, deliveries: list[Delivery], mine: str) -> dict[str, Any]:
    choices = [(one.pk, f"{one.delivered_on} · {one.quantity}") for one in deliveries]
    form = forms.DisputeForm(initial={"side": mine}, deliveries=choices, auto_id="dispute_%s")
    return {"disputes": list(queries.disputes_of(row)), "dispute_form": form if mine else None}


def _reviews(row: Agreement, acting: list[str]) -> dict[str, Any]:
    written = queries.reviews_of(row)
    done = {one.side for one in written}
    side = next((one for one in acting if one not in done), "") if row.fulfilled else ""
    return {
        "reviews": [
            {
                "row": one,
                "answer": forms.ReviewAnswerForm(
                    initial={"version": one.version}, auto_id=f"review{one.pk}_%s"
                )
                if not one.answer and other_side(one.side) in acting
                else None,
            }
            for one in written
        ],
        "review_form": forms.ReviewForm(initial={"side": side}, auto_id="review_%s") if side else None,
    }


def dispute_context(actor: Actor, row: Dispute) -> dict[str, Any]:
    """One dispute with the steps this reader may take."""
    agreement = row.agreement
    acting = queries.deal_sides(actor, "exchange.agree", agreement)
    answering = other_side(row.side)
    may_answer = row.state == Dispute.State.OPEN and answering in acting and row.opened_by_id != actor.user_id
    is_open = row.state in queries.OPEN_DISPUTES
    version = {"version": row.version}
    papers = queries.papers_of(agreement.match, [Paper.About.DISPUTE])
    return {
        "row": row,
        "agreement": agreement,
        "papers": _about(papers, Paper.About.DISPUTE, row.pk),
        "answer": forms.DisputeAnswerForm(initial={**version, "side": answering}) if may_answer else None,
        "may_withdraw": is_open and row.side in acting,
        "decide": forms.DecisionForm(initial=version) if _may_decide(actor, row) else None,
    }


def _may_decide(actor: Actor, row: Dispute) -> bool:
    within = Agreement.objects.filter(place_filter(actor, "exchange.judge"), pk=row.agreement_id)
    is_answered = row.state == Dispute.State.ANSWERED
    return (
        row.state in queries.OPEN_DISPUTES
        and may_judge_dispute(is_answered=is_answered, answer_until=row.answer_by, today=clock.today())
        and actor.user_id not in (row.opened_by_id, row.answered_by_id)
        and not queries.is_party(actor.user_id, row.agreement)
        and actor.may("exchange.judge")
        and within.exists()
    )
