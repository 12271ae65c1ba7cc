"""Disputes: stated by one side, answered by the other, decided by a county officer who took no part."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Refused, invalid
from yuchang.core.phrases import label, said
from yuchang.exchange.actions.deliveries import fulfil
from yuchang.exchange.actions.opening import ENDED, agreement_of, open_deal, open_part
from yuchang.exchange.actions.papers import attach_to_deal
from yuchang.exchange.actions.telling import tell_sides
from yuchang.exchange.models import Agreement, Delivery, Dispute, Paper
from yuchang.exchange.queries_deals import OPEN_DISPUTES, is_party, undelivered
from yuchang.exchange.rules import other_side
from yuchang.exchange.rules_deals import answer_by, may_judge_dispute
from yuchang.files.actions import Upload
from yuchang.places.models import keys_of

JUDGE = "exchange.judge"


def open_dispute(
    *,
    actor: Actor,
    agreement_id: int,
    side: str,
    statement: str,
    delivery_id: int | None = None,
    uploads: Sequence[Upload] = (),
) -> Dispute:
    """One side says that an agreement, or one of its deliveries, was not kept. Needs ``exchange.agree``."""
    if not statement.strip():
        raise invalid("statement", _("请写明争议事项。"))
    with write("exchange.open_dispute", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side, states=ENDED)
        delivery = _delivery(agreement, delivery_id)
        row = Dispute.objects.create(
            agreement=agreement,
            delivery=delivery,
            place=agreement.place,
            **keys_of(agreement.place),
            side=side,
            statement=statement.strip()[:1000],
            opened_by_id=actor.user_id or 0,
            opened_by_name=actor.name[:60],
            opened_at=clock.now(),
            answer_by=answer_by(clock.today()),
        )
        attach_to_deal(actor, agreement, side, Paper.About.DISPUTE, row.pk, uploads)
        audit.add("dispute", row.pk, place_id=row.place_id, side=side, delivery=delivery_id)
        title = said("对方就协议 #%(number)d 提出争议，请答复", number=agreement.pk)
        tell_sides(actor, agreement, [other_side(side)], title)
    return row


def _delivery(agreement: Agreement, delivery_id: int | None) -> Delivery | None:
    if delivery_id is None:
        return None
    row = Delivery.objects.filter(agreement=agreement, pk=delivery_id).first()
    if row is None:
        raise invalid("delivery", _("这份协议没有这次交付。"))
    return row


def answer_dispute(
    *,
    actor: Actor,
    dispute_id: int,
    version: int,
    side: str,
    answer: str,
    uploads: Sequence[Upload] = (),
) -> Dispute:
    """The other side says how it sees it; then the county decides. Never the person who opened it."""
    if not answer.strip():
        raise invalid("answer", _("请写下答复。"))
    with write("exchange.answer_dispute", actor) as audit:
        row, agreement = open_part(Dispute, actor, "exchange.agree", dispute_id, side, states=ENDED)
        _check_state(row, version, [Dispute.State.OPEN])
        if side == row.side or actor.user_id == row.opened_by_id:
            raise Refused(_("须由对方自己的人答复。"), remedy=_("请等待对方答复。"))
        row.state, row.answer = Dispute.State.ANSWERED, answer.strip()[:1000]
        row.answered_by_id, row.answered_by_name = actor.user_id, actor.name[:60]
        row.answered_at = clock.now()
        save(row)
        attach_to_deal(actor, agreement, side, Paper.About.DISPUTE, row.pk, uploads)
        audit.add("dispute", row.pk, place_id=row.place_id, side=side)
        tell_sides(actor, agreement, [row.side], said("对方已答复争议，等待县级处理"))
    return row


def withdraw_dispute(*, actor: Actor, dispute_id: int, version: int, reason: str) -> Dispute:
    """The side that opened a dispute takes it back, with the reason."""
    if not reason.strip():
        raise invalid("reason", _("请说明撤回的理由。"))
    with write("exchange.withdraw_dispute", actor) as audit:
        side = Dispute.objects.filter(pk=dispute_id).values_list("side", flat=True).first() or "offer"
        row, agreement = open_part(Dispute, actor, "exchange.agree", dispute_id, side, states=ENDED)
        _check_state(row, version, OPEN_DISPUTES)
        row.state = Dispute.State.WITHDRAWN
        save(row)
        _end_if_complete(agreement)
        audit.add("dispute", row.pk, place_id=row.place_id, reason=reason)
        tell_sides(actor, agreement, [other_side(side)], said("对方已撤回争议"), body=reason)
    return row


def decide_dispute(
    *,
    actor: Actor,
    dispute_id: int,
    version: int,
    outcome: str,
    decision: str,
    ruled_quantity: int | None = None,
) -> Dispute:
    """A county officer of the place decides, who took no part in the deal; the outcome is recorded.

    ``ruled_quantity`` is what of a contested delivery counts from now on: never less than was accepted.
    Raises Refused for a party, Conflict before the answer or its last day.
    """
    _check_outcome(outcome, decision)
    with write("exchange.decide_dispute", actor) as audit:
        row, agreement = _open_judged(actor, dispute_id)
        _check_state(row, version, OPEN_DISPUTES)
        if is_party(actor.user_id, agreement) or actor.user_id in (row.opened_by_id, row.answered_by_id):
            raise Refused(_("经办过这份协议的人不能处理它的争议。"), remedy=_("请由本县另一位专员处理。"))
        is_answered = row.state == Dispute.State.ANSWERED
        if not may_judge_dispute(is_answered=is_answered, answer_until=row.answer_by, today=clock.today()):
            raise Conflict(
                _("对方尚未答复。"), remedy=_("%(day)s 之后可以直接处理。") % {"day": row.answer_by}
            )
        row.state, row.outcome, row.decision = Dispute.State.DECIDED, outcome, decision.strip()[:1000]
        row.decided_by_id, row.decided_by_name = actor.user_id, actor.name[:60]
        row.decided_at, row.ruled_quantity = clock.now(), ruled_quantity
        save(row)
        _rule(agreement, row)
        audit.add("dispute", row.pk, place_id=row.place_id, outcome=outcome, ruled=ruled_quantity)
        title = said("争议已处理：%(outcome)s", outcome=label(Dispute.Outcome(outcome).label))
        tell_sides(actor, agreement, ["offer", "need"], title, body=row.decision)
    return row


def _check_outcome(outcome: str, decision: str) -> None:
    if outcome not in Dispute.Outcome.values:
        raise invalid("outcome", _("请选择处理结果。"))
    if not decision.strip():
        raise invalid("decision", _("请写明处理意见。"))


def _open_judged(actor: Actor, dispute_id: int) -> tuple[Dispute, Agreement]:
    """Lock the agreement and the dispute for an officer of its place."""
    agreement_id = agreement_of(Dispute, dispute_id)
    rows = Agreement.objects.select_related("match", "offer__place", "need__place", "place")
    within = place_filter(actor, JUDGE)
    agreement = open_door(rows, actor, JUDGE, agreement_id, within=within, lock=True)
    return Dispute.objects.select_for_update().get(pk=dispute_id), agreement


def _check_state(row: Dispute, version: int, states: Sequence[str]) -> None:
    check_version(row, version)
    if row.state not in states:
        raise Conflict(_("这项争议已是“%(state)s”。") % {"state": row.get_state_display()})


def _rule(agreement: Agreement, row: Dispute) -> None:
    """Count what the ruling adds to a contested delivery, and end what is complete."""
    if row.ruled_quantity is None:
        _end_if_complete(agreement)
        return
    delivery = Delivery.objects.select_for_update().filter(pk=row.delivery_id or 0).first()
    if delivery is None or delivery.state != Delivery.State.CONTESTED:
        raise invalid("ruled_quantity", _("只有对有异议的交付才能裁定数量。"))
    if agreement.state != Agreement.State.AGREED:
        raise Conflict(_("协议已结束，不能再改变交付数量。"))
    more = row.ruled_quantity - delivery.accepted
    most = min(delivery.quantity, delivery.accepted + undelivered(agreement))
    if more < 0 or row.ruled_quantity > most:
        raise invalid(
            "ruled_quantity",
            _("裁定数量须在 %(least)d 与 %(most)d 之间。") % {"least": delivery.accepted, "most": most},
        )
    delivery.accepted += more
    save(delivery)
    fulfil(agreement, more)


def _end_if_complete(agreement: Agreement) -> None:
    if agreement.state == Agreement.State.AGREED and agreement.fulfilled == agreement.quantity:
        fulfil(agreement, 0)
