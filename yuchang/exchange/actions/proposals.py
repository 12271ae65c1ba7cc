"""A proposal of one's own, between clearings: to the posting that a search or a recommendation found."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem
from yuchang.core.phrases import said
from yuchang.exchange.actions.talks import LIVE, add_message, talk_of
from yuchang.exchange.actions.telling import tell_match
from yuchang.exchange.models import Match, Message, Posting, Unsent
from yuchang.exchange.pairs import Pair, pair_of
from yuchang.exchange.queries import side_filter
from yuchang.exchange.rules import other_side, terms_flaws
from yuchang.exchange.words import both_names, problem_of, unit_word
from yuchang.exchange.words_deals import OPENING

PROPOSALS_MAX = 30
"""So many unanswered proposals of one's own a posting may have out."""


@dataclass(frozen=True)
class Terms:
    """What is proposed: so many units at what the offer receives per unit, and a line to the other side."""

    quantity: int
    price_fen: int
    text: str = ""


def propose_partner(*, actor: Actor, mine_id: int, other_id: int, terms: Terms) -> Match:
    """Propose to the other's open posting for one's own; the other side answers as to any proposal.

    It holds nothing of the other's quantity until answered. Needs ``exchange.talk`` over one's own posting.
    Raises Hidden, Invalid (the terms, or one's own limit), Conflict for a pair that cannot be, that
    talks already, or whom the other side has declined.
    """
    with write("exchange.propose_partner", actor) as audit:
        mine, other = _open_both(actor, mine_id, other_id)
        pair = pair_of(mine, other, clock.today())
        _check_pair(pair)
        _check_terms(pair, terms)
        match = _store(pair, terms)
        text = terms.text.strip() or OPENING
        talk = talk_of(match)
        price, units = terms.price_fen, terms.quantity
        kind = Message.Kind.COUNTER
        add_message(actor, talk, mine.direction, kind, text=text, price_fen=price, quantity=units)
        side = other_side(mine.direction)
        tell_match(actor, match, side, said("有人就您的%(name)s提出洽谈", name=both_names(other.category)))
        audit.add("match", match.pk, place_id=match.offer.place_id, offer=match.offer_id, need=match.need_id)
    return match


def _open_both(actor: Actor, mine_id: int, other_id: int) -> tuple[Posting, Posting]:
    """Lock both, lower number first; one's own through its door, the other's if it is open to all."""
    rows = Posting.objects.select_related("category", "place", "organisation", "household")
    list(Posting.objects.filter(pk__in=[mine_id, other_id]).order_by("pk").select_for_update())
    within = side_filter(actor, "exchange.talk") & Q(state=Posting.State.OPEN)
    mine = open_door(rows, actor, "exchange.talk", mine_id, within=within)
    other = rows.filter(pk=other_id, state=Posting.State.OPEN).first()
    if other is None:
        raise Hidden(_("对方的供需信息已不在撮合中。"), remedy=_("请重新搜索。"))
    return mine, other


def _check_pair(pair: Pair) -> None:
    """Raises Conflict when the two cannot deal, or have dealt with one another already."""
    if pair.why:
        raise Conflict(pair.why, remedy=_("请修改自己的供需信息，或另找对象。"))
    before = Match.objects.filter(offer=pair.offer, need=pair.need)
    on_its_way = Unsent.objects.filter(offer_id=pair.offer.pk, need_id=pair.need.pk)
    if before.filter(state__in=LIVE).exists() or on_its_way.exists():
        raise Conflict(_("双方已有一项建议或洽谈。"), remedy=_("请在撮合板中继续。"))
    their_answer = f"{other_side(pair.side)}_answer"
    if before.filter(state=Match.State.DECLINED, **{their_answer: Match.Answer.DECLINED}).exists():
        raise Conflict(_("对方已谢绝过这一组合。"), remedy=_("请另找对象。"))
    mine = Match.objects.filter(**{f"{pair.side}_id": pair.mine.pk}, clearing=None, state="proposed")
    if mine.count() >= PROPOSALS_MAX:
        raise Conflict(_("已有 %(n)d 项洽谈等待对方答复。") % {"n": PROPOSALS_MAX}, remedy=_("请等待答复。"))


def _check_terms(pair: Pair, terms: Terms) -> None:
    flaws = terms_flaws(terms.quantity, terms.price_fen, pair.left, pair.window_from, pair.window_to)
    problems = [problem_of(flaw) for flaw in flaws]
    lot = min(pair.lot, pair.left)
    if not problems and terms.quantity < lot:
        unit = unit_word(pair.mine.category)
        message = _("少于最小批量 %(lot)d %(unit)s。") % {"lot": lot, "unit": unit}
        problems.append(Problem("quantity", message, _("请增加数量。")))
    if not problems and pair.own_gain(terms.price_fen) < 0:
        message = _("这个价格超出您自己填写的底线。")
        problems.append(Problem("price", message, _("请改价，或先修改自己的底线。")))
    if problems:
        raise Invalid(problems)


def _store(pair: Pair, terms: Terms) -> Match:
    """A match outside any clearing: one side's yes, the other's open."""
    offer_gain, need_gain = pair.gains(terms.price_fen)
    return Match.objects.create(
        clearing=None,
        offer=pair.offer,
        need=pair.need,
        category_id=pair.offer.category_id,
        quantity=terms.quantity,
        price_fen=terms.price_fen,
        transport_fen=pair.transport_fen,
        offer_gain_fen=max(0, offer_gain),
        need_gain_fen=max(0, need_gain),
        distance_km=pair.km,
        window_from=pair.window_from,
        window_to=pair.window_to,
        reason={"direct": pair.side},
        **{f"{pair.side}_answer": Match.Answer.ACCEPTED},
    )
