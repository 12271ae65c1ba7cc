"""Reviews: each side once, after goods were accepted; the other side answers once."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, invalid
from yuchang.core.phrases import said
from yuchang.exchange.actions.opening import open_deal, open_part
from yuchang.exchange.actions.telling import tell_sides
from yuchang.exchange.models import Agreement, Review
from yuchang.exchange.queries_deals import HOLDING
from yuchang.exchange.rules import other_side


def review(*, actor: Actor, agreement_id: int, side: str, stars: int, text: str) -> Review:
    """What a side says of the other: 1 to 5 and a text. Needs ``exchange.agree`` and an accepted delivery.

    Raises Conflict without one, or when the side has written its review.
    """
    if not 1 <= stars <= 5:
        raise invalid("stars", _("请给出 1 至 5 分。"))
    if not text.strip():
        raise invalid("text", _("请写下评价。"))
    with write("exchange.review", actor) as audit:
        agreement = open_deal(actor, "exchange.agree", agreement_id, side, states=HOLDING)
        if not agreement.fulfilled:
            raise Conflict(_("还没有确认过的交付，不能评价。"), remedy=_("请在确认收货后评价。"))
        row = _create(actor, agreement, side, stars, text)
        audit.add("review", row.pk, place_id=agreement.place_id, side=side, stars=stars)
        tell_sides(actor, agreement, [other_side(side)], said("对方已评价这次合作"), body=row.text)
    return row


def _create(actor: Actor, agreement: Agreement, side: str, stars: int, text: str) -> Review:
    judged = agreement.need if side == "offer" else agreement.offer
    try:
        with transaction.atomic():
            return Review.objects.create(
                agreement=agreement,
                side=side,
                organisation_id=judged.organisation_id,
                stars=stars,
                text=text.strip()[:500],
                written_by_id=actor.user_id or 0,
                written_by_name=actor.name[:60],
                written_at=clock.now(),
            )
    except IntegrityError as error:
        raise Conflict(_("本方已评价过。"), remedy=_("每方只能评价一次。")) from error


def answer_review(*, actor: Actor, review_id: int, version: int, text: str) -> Review:
    """The side that was reviewed answers, once."""
    if not text.strip():
        raise invalid("text", _("请写下答复。"))
    with write("exchange.answer_review", actor) as audit:
        side = Review.objects.filter(pk=review_id).values_list("side", flat=True).first() or "offer"
        row, agreement = open_part(
            Review, actor, "exchange.agree", review_id, other_side(side), states=HOLDING
        )
        check_version(row, version)
        if row.answer:
            raise Conflict(_("已答复过这条评价。"), remedy=_("每条评价只能答复一次。"))
        row.answer, row.answered_by_id, row.answered_at = text.strip()[:500], actor.user_id, clock.now()
        save(row)
        audit.add("review", row.pk, place_id=agreement.place_id)
        tell_sides(actor, agreement, [side], said("对方答复了您的评价"), body=row.answer)
    return row
