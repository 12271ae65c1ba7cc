"""Deliveries: recorded by the giving side, confirmed or contested by the receiving one; only they fulfil.

An order of the market that was made from an agreement delivers it, too (``deliver_orders``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid
from yuchang.core.phrases import Phrase, said
from yuchang.exchange.actions.opening import open_deal, open_part
from yuchang.exchange.actions.papers import attach_to_deal
from yuchang.exchange.actions.telling import Words, tell_set, tell_sides
from yuchang.exchange.models import Agreement, Delivery, Paper, Posting
from yuchang.exchange.queries_deals import has_open_dispute, undelivered
from yuchang.exchange.words import both_names, both_units
from yuchang.exchange.words_deals import BY_ORDER
from yuchang.files.actions import Upload

_LOCKED = "SELECT 1 FROM exchange_agreement WHERE id = ANY(%(agreements)s) ORDER BY id FOR UPDATE"
_BY_ORDER = """
    INSERT INTO exchange_delivery (version, created_at, updated_at, agreement_id, quantity, delivered_on,
        note, recorded_by_id, recorded_by_name, recorded_at, state, accepted, judged_by_id, judged_by_name,
        judged_at, reason, order_id)
    SELECT 1, %(at)s, %(at)s, a.id, n.units, %(on)s, '', 0, %(source)s, %(at)s, 'confirmed', n.units,
           %(user)s, %(name)s, %(at)s, '', g.order_id
    FROM unnest(%(agreements)s::bigint[], %(orders)s::bigint[], %(quantities)s::bigint[])
         AS g(agreement_id, order_id, quantity)
    JOIN exchange_agreement a ON a.id = g.agreement_id AND a.state = 'agreed'
    CROSS JOIN LATERAL (
        SELECT least(g.quantity, a.quantity - a.fulfilled - coalesce((
            SELECT sum(w.quantity) FROM exchange_delivery w
            WHERE w.agreement_id = a.id AND w.state = 'recorded'), 0)) AS units
    ) AS n
    WHERE n.units > 0 ORDER BY a.id
    ON CONFLICT (order_id) WHERE order_id IS NOT NULL DO NOTHING
    RETURNING agreement_id, accepted
"""
_COUNTED = """
    (SELECT s.posting_id, sum(s.units) AS units FROM (
        SELECT unnest(ARRAY[a.offer_id, a.need_id]) AS posting_id, c.units
        FROM unnest(%(ids)s::bigint[], %(units)s::bigint[]) AS c(id, units)
        JOIN exchange_agreement a ON a.id = c.id) AS s
     GROUP BY s.posting_id)
"""
_LOCKED_POSTINGS = f"""
    SELECT 1 FROM exchange_posting WHERE id IN (SELECT posting_id FROM {_COUNTED} AS n)
    ORDER BY id FOR UPDATE
"""  # noqa: S608 - our own constant
_FULFILLED_POSTINGS = f"""
    UPDATE exchange_posting p SET fulfilled = p.fulfilled + n.units, version = p.version + 1,
        updated_at = %(at)s,
        state = CASE WHEN p.fulfilled + n.units = p.quantity THEN 'fulfilled' ELSE p.state END
    FROM {_COUNTED} AS n WHERE p.id = n.posting_id
"""  # noqa: S608
_FULFILLED = """
    UPDATE exchange_agreement a SET fulfilled = a.fulfilled + c.units, version = a.version + 1,
        updated_at = %(at)s,
        state = CASE WHEN a.fulfilled + c.units = a.quantity AND NOT EXISTS (
                         SELECT 1 FROM exchange_dispute d
                         WHERE d.agreement_id = a.id AND d.state IN ('open', 'answered'))
                     THEN 'fulfilled' ELSE a.state END
    FROM unnest(%(ids)s::bigint[], %(units)s::bigint[]) AS c(id, units) WHERE a.id = c.id
"""
_DELIVERED = """
    SELECT d.id::text, a.place_id, jsonb_build_object('order', d.order_id, 'accepted', d.accepted)
    FROM exchange_delivery d JOIN exchange_agreement a ON a.id = d.agreement_id
    WHERE d.order_id = ANY(%s) ORDER BY d.id
"""


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
        about: dict[str, Any] = {"number": agreement.pk, "goods": _goods(agreement, quantity)}
        title = said("请确认收货：协议 #%(number)d，%(goods)s", **about)
        tell_sides(actor, agreement, ["need"], title, body=row.note)
    return row


def _check_delivery(agreement: Agreement, quantity: int, delivered_on: date) -> None:
    problems = []
    left = undelivered(agreement)
    if not 0 < quantity <= left:
        remedy = _("还可登记 %(left)d。") % {"left": left}
        problems.append(Problem("quantity", _("交付数量须大于 0，且不超过尚未交付的数量。"), remedy))
    signed = timezone.localdate(agreement.agreed_at) if agreement.agreed_at else delivered_on
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
        about: dict[str, Any] = {"number": agreement.pk, "goods": _goods(agreement, accepted)}
        title = (
            said("对方已确认收货：协议 #%(number)d，%(goods)s", **about)
            if is_whole
            else said("对方对交付有异议：协议 #%(number)d，认可 %(goods)s", **about)
        )
        tell_sides(actor, agreement, ["offer"], title, body=row.reason)
    return row


def _goods(agreement: Agreement, units: int) -> Phrase:
    """What a delivery was of, as a message to people says it."""
    name, unit = both_names(agreement.category), both_units(agreement.category)
    return said("%(name)s %(units)s %(unit)s", name=name, units=f"{units:,}", unit=unit)


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


@dataclass(frozen=True)
class Ordered:
    """What an order of the market delivered of an agreement."""

    agreement_id: int
    order_id: int
    quantity: int


def deliver_orders(*, actor: Actor, delivered: Sequence[Ordered]) -> int:
    """Count what orders of the market delivered today as fulfilled, each order once. Returns how many.

    Lots, allocation and receipt stand behind it in the market: the person who notes the receipt judges, and
    nobody has recorded it here. Never more counts than is still to come, so that goods which both sides have
    confirmed by themselves do not count twice; an agreement that has ended stays as it is. The caller has
    opened the orders. A fixed number of statements. Raises Refused without a person.
    """
    if not delivered:
        return 0
    if actor.user_id is None:
        raise Refused(_("签收须由人办理。"), remedy=_("请由办理人员登记签收。"))
    with write("exchange.deliver_orders", actor) as audit:
        values: dict[str, Any] = {
            "agreements": [one.agreement_id for one in delivered],
            "orders": [one.order_id for one in delivered],
            "quantities": [one.quantity for one in delivered],
            "at": clock.now(),
            "on": clock.today(),
            "user": actor.user_id,
            "name": actor.name[:60],
            "source": BY_ORDER,
        }
        with connection.cursor() as cursor:
            cursor.execute(_LOCKED, values)
            cursor.execute(_BY_ORDER, values)
            counted = cursor.fetchall()
            values["ids"] = [pk for pk, _units in counted]
            values["units"] = [units for _pk, units in counted]
            for statement in (_LOCKED_POSTINGS, _FULFILLED_POSTINGS, _FULFILLED):
                cursor.execute(statement, values)
        _tell_delivered(actor, values["ids"])
        audit.add_bulk("delivery", _DELIVERED, [values["orders"]])
    return len(counted)


def _tell_delivered(actor: Actor, agreement_ids: Sequence[int]) -> None:
    rows = (
        Agreement.objects.filter(pk__in=agreement_ids).order_by("pk").values_list("pk", "offer_id", "need_id")
    )
    about = [(side, reverse("exchange:agreement", args=[pk])) for pk, *sides in rows for side in sides]
    words = Words(gettext_noop("订单已签收，计入协议的履约"), gettext_noop("%s 份协议的订单已签收，计入履约"))
    tell_set(actor, about, words, everything=reverse("exchange:agreement_list"))


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
