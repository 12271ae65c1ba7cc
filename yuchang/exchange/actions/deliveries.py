"""Deliveries: recorded by the giving side, confirmed or contested by the receiving one; only they fulfil."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid
from yuchang.exchange.actions.opening import open_deal, open_part
from yuchang.exchange.actions.papers import attach_to_deal
from yuchang.exchange.actions.telling import tell_sides
from yuchang.exchange.models import Agreement, Posting
from yuchang.exchange.models_deals import Delivery, Paper
from yuchang.exchange.queries_deals import has_open_dispute, undelivered
from yuchang.files.actions import Upload


def record_delivery(
    *,
    actor: Actor,
    agreement_id: int,
    quantity: int,
    delivered_on: date,
    note: str = "",
    uploads: Sequence[Upload] = (),
) -> Delivery:
    """The giving side notes goods on their way or handed over, with papers; nothing counts yet.

    Needs ``exchange.agree`` for the offer. Raises Invalid for more than is still to come, or another day.
    """
    with write("exchange.record_delivery", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, "offer")
        _check_delivery(agreement, quantity, delivered_on)
        row = Delivery.objects.create(
            agreement=agreement,
            quantity=quantity,
            delivered_on=delivered_on,
            note=note.strip()[:300],
            recorded_by_id=actor.user_id or 0,
            recorded_by_name=actor.name[:60],
            recorded_at=clock.now(),
        )
        attach_to_deal(actor, agreement, "offer", Paper.About.DELIVERY, row.pk, uploads)
        audit.add("delivery", row.pk, place_id=agreement.place_id, quantity=quantity, files=len(uploads))
        title = _("请确认收货：协议 #%(number)d，%(quantity)d") % {
            "number": agreement.pk,
            "quantity": quantity,
        }
        tell_sides(actor, agreement, ["need"], title, body=row.note)
    return row


def _check_delivery(agreement: Agreement, quantity: int, delivered_on: date) -> None:
    problems = []
    left = undelivered(agreement)
    if not 0 < quantity <= left:
        remedy = _("还可登记 %(left)d。") % {"left": left}
        problems.append(Problem("quantity", _("交付数量须大于 0，且不超过尚未交付的数量。"), remedy))
    signed = agreement.agreed_at.date() if agreement.agreed_at else delivered_on
    if not signed <= delivered_on <= clock.today():
        problems.append(Problem("delivered_on", _("交付日期须在签约之后、今天以前。"), ""))
    if problems:
        raise Invalid(problems)


def judge_delivery(
    *, actor: Actor, delivery_id: int, version: int, accepted: int, reason: str = ""
) -> Delivery:
    """The receiving side confirms a delivery, or accepts less of it with the reason (contested).

    What is accepted counts at once as fulfilled. Needs ``exchange.agree`` for the need, and another person
    than recorded it. Raises Conflict when it was judged, Invalid for a quantity outside 0 to the delivered.
    """
    with write("exchange.judge_delivery", actor) as audit:
        row, agreement = _open_recorded(actor, delivery_id, version, "need")
        _check_judgement(actor, row, accepted, reason)
        is_whole = accepted == row.quantity
        row.state = Delivery.State.CONFIRMED if is_whole else Delivery.State.CONTESTED
        row.accepted, row.reason = accepted, "" if is_whole else reason.strip()[:300]
        row.judged_by_id, row.judged_by_name = actor.user_id, actor.name[:60]
        row.judged_at = clock.now()
        save(row)
        fulfil(agreement, accepted)
        audit.add("delivery", row.pk, place_id=agreement.place_id, state=row.state, accepted=accepted)
        words = _("对方已确认收货 %(accepted)d") if is_whole else _("对方对交付有异议，认可 %(accepted)d")
        tell_sides(actor, agreement, ["offer"], words % {"accepted": accepted}, body=row.reason)
    return row


def _open_recorded(actor: Actor, delivery_id: int, version: int, side: str) -> tuple[Delivery, Agreement]:
    """Lock a delivery that nobody has judged, for a side. Raises Stale, Conflict."""
    row, agreement = open_part(Delivery, actor, "exchange.agree", delivery_id, side)
    check_version(row, version)
    if row.state != Delivery.State.RECORDED:
        raise Conflict(_("这次交付已是“%(state)s”。") % {"state": row.get_state_display()})
    return row, agreement


def _check_judgement(actor: Actor, row: Delivery, accepted: int, reason: str) -> None:
    if row.recorded_by_id == actor.user_id:
        raise Refused(_("登记交付的人不能自己确认。"), remedy=_("请由收货方的其他人员确认。"))
    if not 0 <= accepted <= row.quantity:
        raise invalid("accepted", _("认可数量须在 0 与交付数量之间。"))
    if accepted < row.quantity and not reason.strip():
        raise invalid("reason", _("认可数量少于交付数量时请说明理由。"))


def withdraw_delivery(*, actor: Actor, delivery_id: int, version: int) -> Delivery:
    """The giving side takes back what was recorded by mistake, before it is judged."""
    with write("exchange.withdraw_delivery", actor) as audit:
        row, agreement = _open_recorded(actor, delivery_id, version, "offer")
        row.state = Delivery.State.WITHDRAWN
        save(row)
        audit.add("delivery", row.pk, place_id=agreement.place_id)
    return row


def fulfil(agreement: Agreement, units: int) -> None:
    """Count accepted units in a locked agreement and its postings; what is complete ends.

    The caller has stored the delivery: the database compares the sums when it commits.
    """
    agreement.fulfilled += units
    numbers = [agreement.offer_id, agreement.need_id]
    for posting in Posting.objects.filter(pk__in=numbers).order_by("pk").select_for_update():
        posting.fulfilled += units
        if posting.fulfilled == posting.quantity:
            posting.state = Posting.State.FULFILLED
        save(posting)
    if agreement.fulfilled == agreement.quantity and not has_open_dispute(agreement):
        agreement.state = Agreement.State.FULFILLED
    save(agreement)
