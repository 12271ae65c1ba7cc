"""From a proposal to a talk: answer, say, counter."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, invalid
from yuchang.core.phrases import in_chinese, said
from yuchang.exchange.actions.bulk import execute
from yuchang.exchange.actions.papers import attach
from yuchang.exchange.actions.telling import Words, tell_match, tell_matches
from yuchang.exchange.models import Agreement, Match, Message, Paper, Talk, Why
from yuchang.exchange.queries import side_filter
from yuchang.exchange.rules import other_side, terms_flaws
from yuchang.exchange.words import problem_of
from yuchang.exchange.words_deals import as_said
from yuchang.files.actions import Upload

LIVE = (Match.State.PROPOSED, Match.State.TALKING)
_ANSWERED = """
    UPDATE exchange_match SET {side}_answer = %(answer)s, version = version + 1, updated_at = %(at)s,
        state = CASE %(answer)s WHEN 'declined' THEN 'declined' ELSE 'talking' END
    WHERE id = ANY(%(ids)s)
"""
_TALKS = """
    INSERT INTO exchange_talk (version, created_at, updated_at, match_id, quantity, price_fen,
                               delivery_from, delivery_to, terms_side)
    SELECT 1, %(at)s, %(at)s, id, quantity, price_fen, window_from, window_to, ''
    FROM exchange_match WHERE id = ANY(%(ids)s) ORDER BY id
    ON CONFLICT (match_id) DO NOTHING
"""
_MESSAGES = """
    INSERT INTO exchange_message (talk_id, side, kind, author_id, author_name, text, code, at)
    SELECT t.id, %(side)s, %(kind)s, %(author)s, %(name)s, %(text)s, %(code)s, %(at)s
    FROM exchange_talk t WHERE t.match_id = ANY(%(ids)s) ORDER BY t.match_id
"""
_ANSWERED_AUDIT = """
    SELECT m.id::text, o.place_id, jsonb_build_object('side', %s::text, 'answer', %s::text)
    FROM exchange_match m JOIN exchange_posting o ON o.id = m.offer_id WHERE m.id = ANY(%s) ORDER BY m.id
"""


def answer_match(
    *,
    actor: Actor,
    match_id: int,
    version: int,
    side: str,
    answer: str,
    reason: str = "",
    code: str = "",
) -> Match:
    """One side says ``accepted`` or ``declined`` (a reason is needed to decline, in words or as a ``Why``).

    Needs ``exchange.talk`` over that side's posting. The first answer opens the talk; a decline ends it and
    teaches the next clearings: ``price`` the least the side would take, any other code keeps the two apart.
    """
    reason = _check_answer(side, answer, reason, code)
    with write("exchange.answer_match", actor) as audit:
        match = open_side(actor, "exchange.talk", match_id, side)
        check_version(match, version)
        check_live(match)
        if answer == Match.Answer.DECLINED:
            _check_unsigned(match)
        setattr(match, f"{side}_answer", answer)
        match.state = Match.State.DECLINED if answer == "declined" else Match.State.TALKING
        save(match)
        kind = Message.Kind.DECLINE if answer == "declined" else Message.Kind.ACCEPT
        add_message(actor, talk_of(match), side, kind, text=reason, code=code)
        audit.add("match", match.pk, place_id=match.offer.place_id, side=side, answer=answer, code=code)
        tell_match(actor, match, other_side(side), _answered(answer).single, body=as_said(reason))
    return match


def answer_matches_set(
    *, actor: Actor, match_ids: Sequence[int], side: str, answer: str, reason: str = "", code: str = ""
) -> int:
    """``answer_match`` for many matches whose ``side`` is in the actor's reach; others are refused (Hidden).

    Returns how many were answered.
    """
    reason = _check_answer(side, answer, reason, code)
    if not match_ids:
        return 0
    with write("exchange.answer_match", actor) as audit:
        ids = open_sides(actor, "exchange.talk", match_ids, side, LIVE)
        live = Agreement.objects.filter(match_id__in=ids, state="proposed")
        if answer == Match.Answer.DECLINED and live.exists():
            raise Conflict(_("已有待签协议，请先拒签。"))
        kind = "decline" if answer == "declined" else "accept"
        values = {"ids": ids, "answer": answer, "at": clock.now(), "side": side, "kind": kind}
        values |= {"author": actor.user_id, "name": actor.name[:60], "text": reason[:1000], "code": code}
        execute(_ANSWERED.format(side=side), values)
        execute(_TALKS, values)
        execute(_MESSAGES, values)
        tell_matches(actor, ids, other_side(side), _answered(answer), body=as_said(reason))
        return audit.add_bulk("match", _ANSWERED_AUDIT, [side, answer, ids])


def _answered(answer: str) -> Words:
    """The news of an answer to one proposal, and to many."""
    if answer == Match.Answer.DECLINED:
        return Words(gettext_noop("对方谢绝了撮合建议"), gettext_noop("对方谢绝了 %s 项撮合建议"))
    return Words(gettext_noop("对方愿意按撮合建议洽谈"), gettext_noop("对方愿意洽谈 %s 项撮合建议"))


def say(*, actor: Actor, match_id: int, side: str, text: str, uploads: Sequence[Upload] = ()) -> Message:
    """Write a line to the other side, with files. All or nothing."""
    if not text.strip():
        raise invalid("text", _("请写下要说的话。"))
    with write("exchange.say", actor) as audit:
        match = open_side(actor, "exchange.talk", match_id, side)
        if match.state not in (*LIVE, Match.State.AGREED):
            raise Conflict(_("这项建议已结束，不能再留言。"))
        message = add_message(actor, talk_of(match), side, Message.Kind.NOTE, text=text)
        about = Paper.About.MESSAGE
        attach(actor, match=match, side=side, about_kind=about, about_id=message.pk, uploads=uploads)
        audit.add("message", message.pk, place_id=match.offer.place_id, match=match.pk, files=len(uploads))
        tell_match(actor, match, other_side(side), said("洽谈中有新的留言"), body=text)
    return message


def counter_terms(
    *,
    actor: Actor,
    match_id: int,
    version: int,
    side: str,
    price_fen: int,
    quantity: int,
    reason: str = "",
    code: str = "",
) -> Talk:
    """Name another price or quantity, with a reason; the other side's yes to the old terms lapses."""
    reason = reasoned(reason, code, _("请说明还价的理由。"))
    with write("exchange.counter_terms", actor) as audit:
        match = open_side(actor, "exchange.talk", match_id, side)
        check_version(match, version)
        check_live(match)
        _check_unsigned(match)
        talk = talk_of(match)
        left = units_left(match)
        flaws = terms_flaws(quantity, price_fen, left, talk.delivery_from, talk.delivery_to)
        problems = [problem_of(flaw) for flaw in flaws]
        if problems:
            raise Invalid(problems)
        talk.quantity, talk.price_fen, talk.terms_side = quantity, price_fen, side
        save(talk)
        setattr(match, f"{side}_answer", Match.Answer.ACCEPTED)
        setattr(match, f"{other_side(side)}_answer", Match.Answer.PENDING)
        match.state = Match.State.TALKING
        save(match)
        add_message(
            actor,
            talk,
            side,
            Message.Kind.COUNTER,
            text=reason,
            code=code,
            price_fen=price_fen,
            quantity=quantity,
        )
        audit.add("match", match.pk, place_id=match.offer.place_id, side=side, quantity=quantity)
        tell_match(actor, match, other_side(side), said("对方提出了新的价格或数量"), body=as_said(reason))
    return talk


def open_side(actor: Actor, permission: str, match_id: int, side: str) -> Match:
    """Lock a match whose ``side`` the actor speaks for. Raises Invalid, Refused or Hidden."""
    _check_side(side)
    rows = Match.objects.select_related("offer", "need", "category")
    within = side_filter(actor, permission, f"{side}__")
    return open_door(rows, actor, permission, match_id, within=within, lock=True)


def open_sides(
    actor: Actor, permission: str, match_ids: Sequence[int], side: str, states: Sequence[str]
) -> list[int]:
    """Lock many matches, by id. Raises Hidden if one is out of reach, Conflict if one is in another state."""
    _check_side(side)
    require(actor, permission)
    wanted = sorted(set(match_ids))
    rows = Match.objects.filter(side_filter(actor, permission, f"{side}__"), pk__in=wanted)
    locked = rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", "state")
    found = dict(locked)
    if len(found) < len(wanted):
        raise Hidden(_("有撮合建议没有找到，或不在您的管辖范围内。"))
    if any(state not in states for state in found.values()):
        raise Conflict(_("有撮合建议已结束或已签约。"), remedy=_("请刷新列表后重选。"))
    return wanted


def check_live(match: Match) -> None:
    """Raises Conflict unless the match can still be talked about."""
    if match.state not in LIVE:
        raise Conflict(
            _("这项建议已是“%(state)s”，不能再变动。") % {"state": match.get_state_display()},
            remedy=_("请在撮合板上查看新的建议。"),
        )


def units_left(match: Match) -> int:
    """What both postings still have."""
    return min(match.offer.left, match.need.left)


def talk_of(match: Match) -> Talk:
    """The talk of a match, opened at the proposed terms if there is none yet."""
    talk, _created = Talk.objects.get_or_create(
        match=match,
        defaults={
            "quantity": match.quantity,
            "price_fen": match.price_fen,
            "delivery_from": match.window_from,
            "delivery_to": match.window_to,
        },
    )
    return talk


def add_message(
    actor: Actor,
    talk: Talk,
    side: str,
    kind: str,
    *,
    text: str = "",
    code: str = "",
    price_fen: int | None = None,
    quantity: int | None = None,
) -> Message:
    """Append one line to a talk."""
    return Message.objects.create(
        talk=talk,
        side=side,
        kind=kind,
        author_id=actor.user_id,
        author_name=actor.name[:60],
        text=text.strip()[:1000],
        code=code,
        price_fen=price_fen,
        quantity=quantity,
        at=clock.now(),
    )


def _check_side(side: str) -> None:
    if side not in ("offer", "need"):
        raise invalid("side", _("须说明代表供方还是需方。"))


def _check_answer(side: str, answer: str, reason: str, code: str) -> str:
    """The reason in words. Raises Invalid for an unknown answer, and for a decline without a reason."""
    _check_side(side)
    if answer not in (Match.Answer.ACCEPTED, Match.Answer.DECLINED):
        raise invalid("answer", _("请选择“愿意”或“谢绝”。"))
    if answer != Match.Answer.DECLINED:
        return reason
    return reasoned(reason, code, _("请说明谢绝的理由，下次撮合会参考。"))


def reasoned(reason: str, code: str, advice: str) -> str:
    """The reason in words, the code's where none were given. Raises Invalid without either."""
    if code and code not in Why.values:
        raise invalid("code", _("没有这种理由。"), _("请从列表中选择。"))
    if not reason.strip() and not code:
        raise invalid("reason", advice)
    return reason.strip() or in_chinese(Why(code).label)


def _check_unsigned(match: Match) -> None:
    if Agreement.objects.filter(match=match, state=Agreement.State.PROPOSED).exists():
        raise Conflict(_("已有待签协议，请先拒签。"), remedy=_("请打开协议页处理。"))
