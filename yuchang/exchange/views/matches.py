"""Pages: the match board, one match with its talk, agreements."""

from __future__ import annotations

from collections.abc import Collection

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Hidden
from yuchang.core.lists import Filter, listing
from yuchang.core.money import plain_yuan
from yuchang.core.paging import keyset_page
from yuchang.exchange import actions, forms, forms_deals, lists, queries, queries_deals
from yuchang.exchange.explanations import comparison_of, partners_to_compare
from yuchang.exchange.models import Agreement, Match, Paper, Talk, Why
from yuchang.exchange.search import for_you
from yuchang.exchange.views.deal_context import deal_context
from yuchang.exchange.views.steps import said, step
from yuchang.sheets.lists import answer

TABS = {
    "live": ("proposed", "talking"),
    "agreed": ("agreed",),
    "ended": ("declined", "superseded"),
}


@gate("exchange.read")
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """My matches as cards."""
    actor = actor_of(request)
    tab = request.GET.get("tab", "live")
    tab = tab if tab in TABS else "live"
    rows = queries.matches_for(actor, states=TABS[tab])
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""), size=24)
    context = {"page": page, "cards": queries.board(actor, page.items), "tab": tab}
    context["suggestions"] = for_you(actor) if tab == "live" else []
    return render(request, "exchange/board.html", context)


@gate("exchange.read")
@require_GET
def match_page(request: HttpRequest, match_id: int) -> HttpResponse:
    """One match: why, the talk so far, and the next step for each side the actor speaks for."""
    actor = actor_of(request)
    match = queries.match_for(actor, match_id)
    sides = queries.sides_of(actor, "exchange.read", match)
    talk = Talk.objects.filter(match=match).first()
    live = match.agreements.exclude(state=Agreement.State.REFUSED).first()
    context = {
        "match": match,
        "cards": [queries.card(match, side) for side in sides],
        "offer_name": queries.owner_for(match.offer, is_own="offer" in sides),
        "need_name": queries.owner_for(match.need, is_own="need" in sides),
        "talk": talk,
        "lines": _lines(match),
        "why": Why.choices,
        "agreement": live,
        "steps": _steps(actor, match, talk, live),
        "is_live": match.state in TABS["live"],
    }
    return render(request, "exchange/match_page.html", context)


def _lines(match: Match) -> list[dict[str, object]]:
    """The conversation with its files."""
    papers = queries_deals.papers_of(match, [Paper.About.MESSAGE]).get(Paper.About.MESSAGE, {})
    return [{"row": row, "papers": papers.get(row.pk, [])} for row in queries.messages_of(match)]


@gate("exchange.read")
@require_GET
def match_why(request: HttpRequest, match_id: int) -> HttpResponse:
    """Why this partner and not that one: the reader names another posting of the run."""
    actor = actor_of(request)
    match = queries.match_for(actor, match_id)
    sides = queries.sides_of(actor, "exchange.read", match)
    if not sides:
        raise Hidden(_("只有双方自己的人可以比较。"), remedy=_("请由供方或需方的人员查看。"))
    side = request.GET.get("side", sides[0])
    side = side if side in sides else sides[0]
    others = partners_to_compare(match, side)
    wanted = request.GET if "other" in request.GET else None
    form = forms_deals.WhyForm(wanted, others=[(one.pk, one.words) for one in others])
    found = comparison_of(match, side, form.cleaned_data["other"]) if wanted and form.is_valid() else ""
    context = {"match": match, "side": side, "others": others, "form": form, "found": found}
    return render(request, "exchange/match_why.html", context)


def _steps(actor: Actor, match: Match, talk: Talk | None, live: Agreement | None) -> list[dict[str, object]]:
    """The forms of each side for which the actor may talk."""
    if match.state not in (*TABS["live"], "agreed"):
        return []
    price = talk.price_fen if talk else match.price_fen
    terms = {
        "price": plain_yuan(price),
        "quantity": talk.quantity if talk else match.quantity,
        "delivery_from": talk.delivery_from if talk else match.window_from,
        "delivery_to": talk.delivery_to if talk else match.window_to,
        "version": match.version,
    }
    may_agree = set(queries.sides_of(actor, "exchange.agree", match)) if live is None else set()
    is_live = match.state in TABS["live"]
    return [
        {
            "side": side,
            "answer": match.offer_answer if side == "offer" else match.need_answer,
            "say": forms.SayForm(initial={"side": side}, auto_id=f"say_{side}_%s"),
            "counter": _counter(side, terms) if is_live and live is None else None,
            "agree": _agree(side, terms) if is_live and side in may_agree else None,
        }
        for side in queries.sides_of(actor, "exchange.talk", match)
    ]


def _counter(side: str, terms: dict[str, object]) -> forms.CounterForm:
    return forms.CounterForm(initial={**terms, "side": side}, auto_id=f"counter_{side}_%s")


def _agree(side: str, terms: dict[str, object]) -> forms.AgreementForm:
    return forms.AgreementForm(initial={**terms, "side": side}, auto_id=f"agree_{side}_%s")


@gate("exchange.talk")
@require_POST
def match_answer(request: HttpRequest, match_id: int) -> HttpResponse:
    """Accept or decline a proposal."""
    data = said(request, forms.AnswerForm)
    words = _("已表示愿意，可继续洽谈或提出协议。") if data["answer"] == "accepted" else _("已谢绝。")
    return step(request, actions.answer_match, data, words, match_id=match_id)


@gate("exchange.talk")
@require_POST
def match_say(request: HttpRequest, match_id: int) -> HttpResponse:
    """Write to the other side."""
    actions.say(actor=actor_of(request), match_id=match_id, **said(request, forms.SayForm))
    return redirect("exchange:match", match_id)


@gate("exchange.talk")
@require_POST
def match_counter(request: HttpRequest, match_id: int) -> HttpResponse:
    """Name other terms."""
    data = said(request, forms.CounterForm)
    return step(request, actions.counter_terms, data, _("已还价，等待对方回应。"), match_id=match_id)


@gate("exchange.agree")
@require_POST
def match_agree(request: HttpRequest, match_id: int) -> HttpResponse:
    """Propose an agreement."""
    data = said(request, forms.AgreementForm)
    return step(request, actions.propose_agreement, data, _("协议已提出，等待对方签字。"), match_id=match_id)


@gate("exchange.read")
@require_GET
def agreement_list(request: HttpRequest) -> HttpResponseBase:
    """My agreements."""
    state = request.GET.get("state", "")
    states = [state] if state in Agreement.State.values else Agreement.State.values
    rows = queries.agreements_for(actor_of(request), states=states)
    tabs = Filter("state", _("状态"), state, Agreement.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(
        request, rows, lists.AGREEMENTS, name="exchange.agreements", label=_("协议"), filters=[tabs]
    )
    return answer(request, found, "exchange/agreement_list.html")


@gate("exchange.read")
@require_GET
def agreement_page(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """One agreement: terms, who said yes, and the next step."""
    actor = actor_of(request)
    row = queries.agreement_for(actor, agreement_id)
    sides = queries.sides_of(actor, "exchange.read", row.match)
    agreeing = queries.sides_of(actor, "exchange.agree", row.match) if actor.may("exchange.agree") else []
    proposer = row.offer_yes_by_id if row.proposed_side == "offer" else row.need_yes_by_id
    asked = "need" if row.proposed_side == "offer" else "offer"
    is_open = row.state == Agreement.State.PROPOSED
    context = {
        "row": row,
        "offer_name": queries.own_owner(row.offer) if "offer" in sides else queries.masked_owner(row.offer),
        "need_name": queries.own_owner(row.need) if "need" in sides else queries.masked_owner(row.need),
        "total_fen": row.quantity * row.price_fen,
        "carriage_fen": row.quantity * row.transport_fen,
        "may_sign": is_open and asked in agreeing and proposer != actor.user_id,
        "may_refuse": is_open and bool(agreeing),
        "sign_form": forms_deals.SignForm(initial={"version": row.version}, auto_id="sign_%s"),
        "refuse_form": forms.RefuseForm(initial={"version": row.version}, auto_id="refuse_%s"),
        "deal": deal_context(actor, row) if row.state in queries_deals.HOLDING else None,
        "may_order": _may_order(actor, row, sides),
    }
    return render(request, "exchange/agreement_page.html", context)


def _may_order(actor: Actor, row: Agreement, sides: Collection[str]) -> bool:
    """Whether the seller's officer or the buyer reads here that the agreement can become an order."""
    is_sound = row.state in (Agreement.State.AGREED, Agreement.State.FULFILLED) and row.price_fen > 0
    is_sold = row.need.organisation_id is not None and row.offer.organisation_id is None
    sells = "offer" in sides and actor.may("market.open")
    return is_sound and is_sold and (sells or ("need" in sides and actor.may("market.order")))


@gate("exchange.agree")
@require_POST
def agreement_sign(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """The other side's yes."""
    data, words = said(request, forms_deals.SignForm), _("双方已签字，协议生效。")
    if data["scan"]:
        return step(request, actions.sign_with_scan, data, words, agreement_id=agreement_id)
    del data["scan"]
    return step(request, actions.sign_agreement, data, words, agreement_id=agreement_id)


@gate("exchange.agree")
@require_POST
def agreement_refuse(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """No, with the reason."""
    data = said(request, forms.RefuseForm)
    return step(request, actions.refuse_agreement, data, _("已拒签。"), agreement_id=agreement_id)
