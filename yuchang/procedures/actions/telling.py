"""Who is told what became of a case: to whom it was handed, to whom it came back, who opened it."""

from __future__ import annotations

from django.urls import reverse

from yuchang.accounts.rules import Actor
from yuchang.core.phrases import Both, Phrase, said
from yuchang.messages import actions as messages
from yuchang.messages.models import Message
from yuchang.procedures.models import Case, StepRecord
from yuchang.procedures.rules.machine import Plan

TURN_KIND = "procedures.turn"


def transferred(actor: Actor, row: Case, reason: str) -> None:
    """The one who got the step finds it in the inbox, until it has moved on."""
    _settle(actor, row)
    if row.assigned_to_id is not None:
        _ask(actor, row, [row.assigned_to_id], said("转交您办理：%(title)s", title=row.title), reason)


def returned(actor: Actor, row: Case, reason: str) -> None:
    """Who did the step to which a case came back finds it in the inbox."""
    _settle(actor, row)
    before = row.records.filter(kind=StepRecord.Kind.ADVANCED, step=row.step, by__is_active=True)
    last = before.order_by("-number").values_list("by_id", flat=True).first()
    if last is not None and last != actor.user_id:
        _ask(actor, row, [last], said("退回重办：%(title)s", title=row.title), reason)


def advanced(actor: Actor, row: Case, plan: Plan) -> None:
    """What was asked for is done; who opened a case hears how it ended."""
    _settle(actor, row)
    if row.state == Case.State.DONE and not plan.driver:
        outcome = plan.outcomes[row.outcome]
        body = said("结果：%(outcome)s。", outcome=Both(*outcome))
        _tell_opener(actor, row, said("您发起的事项已办结：%(title)s", title=row.title), body)


def closed(actor: Actor, row: Case, reason: str) -> None:
    """Who opened a case hears that another took it back."""
    _settle(actor, row)
    _tell_opener(actor, row, said("您发起的事项已被撤回：%(title)s", title=row.title), reason.strip())


def settle_many(actor: Actor, case_ids: list[int]) -> None:
    """These cases have moved on."""
    waiting = Message.objects.filter(
        reference_kind=TURN_KIND, reference_id__in=case_ids, due_on__isnull=False, settled_at=None
    )
    if found := sorted({n for n in waiting.values_list("reference_id", flat=True) if n is not None}):
        messages.settle_set(actor, reference_kind=TURN_KIND, reference_ids=found)


def _settle(actor: Actor, row: Case) -> None:
    settle_many(actor, [row.pk])


def _page(row: Case) -> str:
    return reverse("procedures:case", args=[row.pk])


def _ask(actor: Actor, row: Case, people: list[int], title: Phrase, reason: str) -> None:
    messages.send(
        actor,
        to_user_ids=people,
        kind="task",
        title=title,
        body=reason.strip(),
        link=_page(row),
        due_on=row.due_on,
        place=row.place,
        reference_kind=TURN_KIND,
        reference_id=row.pk,
    )


def _tell_opener(actor: Actor, row: Case, title: Phrase, body: Phrase | str) -> None:
    if row.opened_by_id is None or row.opened_by_id == actor.user_id:
        return
    messages.send(
        actor,
        to_user_ids=[row.opened_by_id],
        kind="result",
        title=title,
        body=body,
        link=_page(row),
        place=row.place,
    )
