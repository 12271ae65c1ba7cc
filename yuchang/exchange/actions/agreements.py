"""Agreements: both sides' yes, of two different people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Invalid, Refused
from yuchang.core.phrases import said
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.actions.talks import (
    LIVE,
    add_message,
    check_live,
    open_side,
    open_sides,
    reasoned,
    talk_of,
    units_left,
)
from yuchang.exchange.actions.telling import Words, tell_match, tell_matches
from yuchang.exchange.models import Agreement, Match, Message, Posting
from yuchang.exchange.queries import side_filter, spoken_for
from yuchang.exchange.rules import other_side, terms_flaws
from yuchang.exchange.words import problem_of
from yuchang.exchange.words_deals import as_said

KEYS = ("place_id", "province_id", "prefecture_id", "county_id", "township_id", "village_id")
_PROPOSED = f"""
    INSERT INTO exchange_agreement (version, created_at, updated_at, match_id, offer_id, need_id, category_id,
        quantity, price_fen, transport_fen, delivery_from, delivery_to, proposed_side, state, refusal,
        offer_yes_name, need_yes_name, offer_yes_by_id, offer_yes_at, need_yes_by_id, need_yes_at,
        {", ".join(KEYS)})
    SELECT 1, %(at)s, %(at)s, m.id, m.offer_id, m.need_id, m.category_id,
        coalesce(t.quantity, m.quantity), coalesce(t.price_fen, m.price_fen), m.transport_fen,
        m.window_from, m.window_to, %(side)s, 'proposed', '',
        CASE %(side)s WHEN 'offer' THEN %(name)s ELSE '' END,
        CASE %(side)s WHEN 'need' THEN %(name)s ELSE '' END,
        CASE %(side)s WHEN 'offer' THEN %(user)s::bigint END, CASE %(side)s WHEN 'offer' THEN %(at)s END,
        CASE %(side)s WHEN 'need' THEN %(user)s::bigint END, CASE %(side)s WHEN 'need' THEN %(at)s END,
        {", ".join(f"o.{key}" for key in KEYS)}
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id
    LEFT JOIN exchange_talk t ON t.match_id = m.id
    WHERE m.id = ANY(%(ids)s) ORDER BY m.id
"""  # noqa: S608 - the keys are constants of this file
_SIGNED = """
    UPDATE exchange_agreement SET {side}_yes_by_id = %(user)s, {side}_yes_name = %(name)s,
        {side}_yes_at = %(at)s, state = 'agreed', agreed_at = %(at)s,
        version = version + 1, updated_at = %(at)s
    WHERE state = 'proposed' AND match_id = ANY(%(ids)s)
"""
_RESERVED = """
    UPDATE exchange_posting p SET agreed_quantity = p.agreed_quantity + s.units, version = p.version + 1,
        updated_at = %(at)s,
        state = CASE WHEN p.agreed_quantity + s.units = p.quantity THEN 'matched' ELSE p.state END
    FROM (SELECT posting_id, sum(quantity) AS units FROM (
              SELECT offer_id AS posting_id, quantity FROM exchange_agreement
              WHERE match_id = ANY(%(ids)s) AND state = 'agreed'
              UNION ALL
              SELECT need_id, quantity FROM exchange_agreement
              WHERE match_id = ANY(%(ids)s) AND state = 'agreed') AS signed
          GROUP BY posting_id) AS s
    WHERE p.id = s.posting_id AND p.agreed_quantity + s.units <= p.quantity
"""
_TALKING = """
    UPDATE exchange_match SET state = %(state)s, {answer} version = version + 1, updated_at = %(at)s
    WHERE id = ANY(%(ids)s)
"""
_AUDITED = """
    SELECT id::text, place_id, jsonb_build_object('match', match_id, 'side', %s::text, 'state', state,
        'quantity', quantity, 'price_fen', price_fen)
    FROM exchange_agreement WHERE match_id = ANY(%s) AND state IN ('proposed', 'agreed') ORDER BY id
"""

PROPOSED = Words(
    gettext_noop("对方提出了协议，请签字或说明理由"), gettext_noop("对方提出了 %s 份协议，请签字或说明理由")
)
SIGNED = Words(gettext_noop("对方已签字，协议生效"), gettext_noop("对方签了 %s 份协议，已生效"))


def propose_agreement(
    *,
    actor: Actor,
    match_id: int,
    version: int,
    side: str,
    quantity: int,
    price_fen: int,
    delivery_from: date,
    delivery_to: date,
) -> Agreement:
    """Put the terms into an agreement with one side's yes; the other side must still sign.

    Needs ``exchange.agree`` over that side's posting. ``version`` is the match's. Raises Conflict when more
    is promised than is left, or a live agreement exists.
    """
    with write("exchange.propose_agreement", actor) as audit:
        match = open_side(actor, "exchange.agree", match_id, side)
        check_version(match, version)
        check_live(match)
        if Agreement.objects.filter(match=match, state=Agreement.State.PROPOSED).exists():
            raise Conflict(_("已有待签协议，请先签署或拒签。"))
        flaws = terms_flaws(quantity, price_fen, units_left(match), delivery_from, delivery_to)
        problems = [problem_of(flaw) for flaw in flaws]
        if problems:
            raise Invalid(problems)
        keys = {key: getattr(match.offer, key) for key in KEYS}
        agreement = Agreement(
            match=match,
            offer_id=match.offer_id,
            need_id=match.need_id,
            category_id=match.category_id,
            quantity=quantity,
            price_fen=price_fen,
            transport_fen=match.transport_fen,
            delivery_from=delivery_from,
            delivery_to=delivery_to,
            proposed_side=side,
            **keys,
        )
        _say_yes(agreement, actor, side)
        agreement.save(force_insert=True)
        setattr(match, f"{side}_answer", Match.Answer.ACCEPTED)
        match.state = Match.State.TALKING
        save(match)
        add_message(actor, talk_of(match), side, Message.Kind.PROPOSE, price_fen=price_fen, quantity=quantity)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, match=match.pk, side=side)
        tell_match(actor, match, other_side(side), PROPOSED.single)
    return agreement


def _say_yes(agreement: Agreement, actor: Actor, side: str) -> None:
    setattr(agreement, f"{side}_yes_by_id", actor.user_id)
    setattr(agreement, f"{side}_yes_name", actor.name[:60])
    setattr(agreement, f"{side}_yes_at", clock.now())


def sign_agreement(*, actor: Actor, agreement_id: int, version: int) -> Agreement:
    """The other side's yes: the agreement holds, and both postings keep its quantity reserved.

    The proposer, and anyone who acts only for the proposing side, is refused. Raises Conflict when either
    posting has less left than agreed.
    """
    with write("exchange.sign_agreement", actor) as audit:
        agreement = _open_signable(actor, agreement_id)
        check_version(agreement, version)
        side = other_side(agreement.proposed_side)
        match = Match.objects.select_for_update().get(pk=agreement.match_id)
        _reserve(agreement)
        _say_yes(agreement, actor, side)
        agreement.state = Agreement.State.AGREED
        agreement.agreed_at = clock.now()
        save(agreement)
        setattr(match, f"{side}_answer", Match.Answer.ACCEPTED)
        match.state = Match.State.AGREED
        save(match)
        add_message(actor, talk_of(match), side, Message.Kind.SIGN)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side)
        tell_match(actor, match, other_side(side), SIGNED.single)
    return agreement


def _open_signable(actor: Actor, agreement_id: int) -> Agreement:
    """Lock a proposed agreement for the side that has not said yes."""
    within = Q(proposed_side="offer") & side_filter(actor, "exchange.agree", "need__")
    within |= Q(proposed_side="need") & side_filter(actor, "exchange.agree", "offer__")
    rows = Agreement.objects.all()
    agreement = open_door(rows, actor, "exchange.agree", agreement_id, within=within, lock=True)
    if agreement.state != Agreement.State.PROPOSED:
        raise Conflict(_("这份协议已是“%(state)s”。") % {"state": agreement.get_state_display()})
    proposer = agreement.offer_yes_by_id if agreement.proposed_side == "offer" else agreement.need_yes_by_id
    if proposer == actor.user_id:
        raise Refused(_("提出协议的人不能代对方签字。"), remedy=_("请由对方自己的人签字。"))
    return agreement


def _reserve(agreement: Agreement) -> None:
    """Take the quantity out of both postings, locked in id order. Raises Conflict when too little is left."""
    numbers = [agreement.offer_id, agreement.need_id]
    for posting in Posting.objects.filter(pk__in=numbers).order_by("pk").select_for_update():
        left = posting.left
        if posting.state != Posting.State.OPEN or left < agreement.quantity:
            raise Conflict(
                _("剩余数量不足：还剩 %(left)d，协议需要 %(asked)d。")
                % {"left": left if posting.state == "open" else 0, "asked": agreement.quantity},
                remedy=_("请拒签后按剩余数量重新提出。"),
            )
        posting.agreed_quantity += agreement.quantity
        if posting.agreed_quantity == posting.quantity:
            posting.state = Posting.State.MATCHED
        save(posting)


def refuse_agreement(
    *, actor: Actor, agreement_id: int, version: int, reason: str = "", code: str = ""
) -> Agreement:
    """Either side says no before it holds, in words or as a ``Why``; the match is declined."""
    reason = reasoned(reason, code, _("请说明不签的理由。"))
    with write("exchange.refuse_agreement", actor) as audit:
        within = spoken_for(actor, "exchange.agree")
        rows = Agreement.objects.select_related("match")
        agreement = open_door(rows, actor, "exchange.agree", agreement_id, within=within, lock=True)
        check_version(agreement, version)
        if agreement.state != Agreement.State.PROPOSED:
            raise Conflict(_("这份协议已是“%(state)s”。") % {"state": agreement.get_state_display()})
        match = Match.objects.select_for_update().get(pk=agreement.match_id)
        side = _side_of(actor, agreement)
        agreement.state = Agreement.State.REFUSED
        agreement.refusal = reason.strip()[:300]
        save(agreement)
        setattr(match, f"{side}_answer", Match.Answer.DECLINED)
        match.state = Match.State.DECLINED
        save(match)
        add_message(actor, talk_of(match), side, Message.Kind.REFUSE, text=reason, code=code)
        audit.add("agreement", agreement.pk, place_id=agreement.place_id, side=side, reason=reason)
        tell_match(actor, match, other_side(side), said("对方不签协议"), body=as_said(reason))
    return agreement


def _side_of(actor: Actor, agreement: Agreement) -> str:
    """The side that says no: the one asked, unless the actor speaks only for the proposer's."""
    asked = other_side(agreement.proposed_side)
    own = Agreement.objects.filter(side_filter(actor, "exchange.agree", f"{asked}__"), pk=agreement.pk)
    return asked if own.exists() else agreement.proposed_side


def agree_set(*, actor: Actor, match_ids: Sequence[int], side: str) -> int:
    """Say yes for one side of many matches at the terms on the table and the proposed window.

    Where no agreement exists it is proposed; where the other side has proposed one it is signed, with the
    same rules as ``sign_agreement`` (never both sides by one person). All or nothing. Returns how many.
    """
    if not match_ids:
        return 0
    with write("exchange.agree_set", actor) as audit:
        ids = open_sides(actor, "exchange.agree", match_ids, side, LIVE)
        values: dict[str, Any] = {"side": side, "at": clock.now(), "user": actor.user_id}
        values["name"] = actor.name[:60]
        waiting = _waiting(ids, side, actor)
        fresh = [number for number in ids if number not in waiting]
        answer = f"{side}_answer = 'accepted',"
        execute(_PROPOSED, {**values, "ids": fresh})
        execute(_TALKING.format(answer=answer), {**values, "ids": fresh, "state": "talking"})
        execute(_SIGNED.format(side=side), {**values, "ids": waiting})
        _reserve_set(waiting, values)
        execute(_TALKING.format(answer=answer), {**values, "ids": waiting, "state": "agreed"})
        tell_matches(actor, fresh, other_side(side), PROPOSED)
        tell_matches(actor, waiting, other_side(side), SIGNED)
        return audit.add_bulk("agreement", _AUDITED, [side, ids])


def _waiting(ids: Sequence[int], side: str, actor: Actor) -> list[int]:
    """The matches whose agreement waits for this side. Raises Conflict or Refused if it may not sign."""
    rows = Agreement.objects.filter(match_id__in=ids, state=Agreement.State.PROPOSED).order_by("match_id")
    found = list(rows.select_for_update(of=("self",)))
    if any(row.proposed_side == side for row in found):
        raise Conflict(_("有协议已由本方提出，正等待对方签字。"))
    proposer = f"{other_side(side)}_yes_by_id"
    if any(getattr(row, proposer) == actor.user_id for row in found):
        raise Refused(_("提出协议的人不能代对方签字。"), remedy=_("请由对方自己的人签字。"))
    return [row.match_id for row in found]


def _reserve_set(ids: Sequence[int], values: dict[str, Any]) -> None:
    """``_reserve`` for many: lock the postings in id order, then take all quantities at once."""
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, state FROM exchange_posting WHERE id IN"
            " (SELECT offer_id FROM exchange_match WHERE id = ANY(%(ids)s)"
            "  UNION SELECT need_id FROM exchange_match WHERE id = ANY(%(ids)s))"
            " ORDER BY id FOR UPDATE",
            {"ids": list(ids)},
        )
        states = [state for _number, state in cursor.fetchall()]
    taken = execute(_RESERVED, {**values, "ids": list(ids)})
    if taken < len(states) or any(state != Posting.State.OPEN for state in states):
        raise Conflict(_("有供需信息剩余数量不足。"), remedy=_("请逐条签署，或重新撮合。"))
