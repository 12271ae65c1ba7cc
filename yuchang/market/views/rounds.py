"""Rounds as the county, the co-op and the village run them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import problems_shown, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.core.paging import keyset_page
from yuchang.market import lists, queries
from yuchang.market.actions.goods import Harvest, deliver_rounds, dispatch_rounds, fulfil_round, record_lot
from yuchang.market.actions.rounds import add_offer, close_round, commit, open_round, start_sales
from yuchang.market.actions.settlements import settle_round
from yuchang.market.forms import CommitForm, GoodsForm, LotForm, RoundForm, VersionForm
from yuchang.market.models import Channel
from yuchang.sheets.lists import answer


@gate("market.read")
@require_GET
def round_list(request: HttpRequest) -> HttpResponseBase:
    """Rounds in the reader's places, and for partners everything on sale."""
    actor = actor_of(request)
    channel = request.GET.get("channel", "")
    rows = queries.rounds_for(actor).filter(queries.by_channel(channel))
    is_buyer = bool(actor.organisation_ids("market.order"))
    chosen = Channel.AGREEMENT if channel == Channel.AGREEMENT else ""
    ways = [("", _("本平台预售")), (Channel.AGREEMENT, _("供需撮合协议"))]
    found = listing(
        request,
        rows.prefetch_related("offers"),
        lists.rounds(is_buyer=is_buyer, mine=actor.organisation_ids("market.open")),
        name="market.rounds",
        label=_("预售与订单"),
        order=["-sales_to", "-id"],
        size=20,
        prepare=lists.by_offer,
        filters=[] if is_buyer else [Filter("channel", _("来源"), chosen, ways, is_tabs=True)],
    )
    return answer(request, found, "market/round_list.html", {"can_open": queries.can_open(actor)})


@gate("market.open")
@require_http_methods(["GET", "POST"])
def round_new(request: HttpRequest) -> HttpResponse:
    """Open a round, as the county's officer or as a co-op."""
    actor = actor_of(request)
    place, organisation_id = queries.opening_place(actor)
    form = RoundForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = open_round(actor=actor, place=place, terms=form.terms(), organisation_id=organisation_id)
        except Invalid as refusal:
            show_problems(form, refusal)
        else:
            messages.success(request, _("已建团，请添加商品并登记农户承诺。"))
            return redirect("market:round", row.pk)
    context = {"form": form, "place": place}
    return render(request, "market/round_new.html", context, status=422 if form.errors else 200)


@gate("market.read")
@require_GET
def round_page(request: HttpRequest, round_id: int) -> HttpResponse:
    """A round: its goods, who committed, sold, harvested and shipped how much, and the next step."""
    actor = actor_of(request)
    row = queries.round_for(actor, round_id)
    offers = list(queries.offers_of(row))
    chosen = queries.chosen_offer(offers, request.GET.get("offer", ""))
    cursor = request.GET.get("after", "")
    page = keyset_page(queries.commitments(actor, chosen), order=["id"], cursor=cursor)
    context = {
        "round": row,
        "offers": offers,
        "chosen": chosen,
        "page": page,
        "growers": queries.grower_rows(page.items),
        "scale": queries.widest(page.items),
        "orders": queries.orders_of(row) if queries.may_run(actor, row) else None,
        "steps": queries.next_steps(actor, row),
        "sentence": queries.shortfall_sentence(row.shortfall_rule),
    }
    return render(request, "market/round.html", context)


@gate("market.open")
@require_http_methods(["GET", "POST"])
def offer_new(request: HttpRequest, round_id: int) -> HttpResponse:
    """Add goods to a round that is not yet on sale."""
    actor = actor_of(request)
    row = queries.round_for(actor, round_id, "market.open")
    form = GoodsForm(request.POST or None, initial={"version": row.version})
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            add_offer(actor=actor, round_id=row.pk, version=version, goods=form.goods())
        except Invalid as refusal:
            names = {"price_fen": "price", "grower_fen": "grower", "coop_fen": "coop"}
            show_problems(form, refusal, names)
        else:
            messages.success(request, _("已添加商品。"))
            return redirect("market:round", row.pk)
    context = {"form": form, "round": row}
    return render(request, "market/offer_new.html", context, status=422 if form.errors else 200)


@gate("market.commit")
@require_POST
def offer_commit(request: HttpRequest, offer_id: int) -> HttpResponse:
    """A household of the person's places promises, or changes its promise."""
    actor = actor_of(request)
    offer = queries.offer_to_commit(actor, offer_id)
    form = CommitForm(request.POST)
    if not form.is_valid():
        return _grower_page(request, offer_id, commit_form=form)
    data = form.cleaned_data
    with problems_shown(form, {"household_id": "number"}):
        commit(
            actor=actor,
            offer_id=offer.pk,
            household_id=data["number"],
            quantity=data["quantity"],
            version=data["version"],
        )
        messages.success(request, _("已登记承诺。"))
        return redirect("market:offer_growers", offer.pk)
    return _grower_page(request, offer_id, commit_form=form)


@gate("market.commit")
@require_POST
def offer_lot(request: HttpRequest, offer_id: int) -> HttpResponse:
    """What a household of the person's places has brought in."""
    actor = actor_of(request)
    offer = queries.offer_to_commit(actor, offer_id)
    form = LotForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        harvest = Harvest(data["number"], data["harvested"], data["lost"])
        try:
            record_lot(actor=actor, offer_id=offer.pk, harvest=harvest)
        except Invalid as refusal:
            show_problems(form, refusal)
        else:
            messages.success(request, _("已登记收获。"))
            return redirect("market:offer_growers", offer.pk)
    return _grower_page(request, offer_id, lot_form=form)


@gate("market.commit")
@require_GET
def offer_growers(request: HttpRequest, offer_id: int) -> HttpResponse:
    """The households of the person's places in an offer, with the forms for promises and harvests."""
    return _grower_page(request, offer_id)


def _grower_page(
    request: HttpRequest,
    offer_id: int,
    *,
    commit_form: CommitForm | None = None,
    lot_form: LotForm | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    offer = queries.offer_to_commit(actor, offer_id)
    page = keyset_page(
        queries.commitments(actor, offer, "market.commit"), order=["id"], cursor=request.GET.get("after", "")
    )
    context = {
        "offer": offer,
        "page": page,
        "growers": queries.grower_rows(page.items),
        "commit_form": commit_form or CommitForm(),
        "lot_form": lot_form or LotForm(),
    }
    return render(
        request, "market/offer_growers.html", context, status=422 if commit_form or lot_form else 200
    )


def _version(request: HttpRequest) -> int | None:
    form = VersionForm(request.POST)
    return form.cleaned_data["version"] if form.is_valid() else None


@gate("market.open")
@require_POST
def round_sales(request: HttpRequest, round_id: int, step: str) -> HttpResponse:
    """Start or close the sales of a round."""
    calls = {"start": (start_sales, _("已开售。")), "close": (close_round, _("已截单。"))}
    if step not in calls:
        raise Http404
    call, words = calls[step]
    call(actor=actor_of(request), round_id=round_id, version=_version(request))
    messages.success(request, words)
    return redirect("market:round", round_id)


@gate("market.settle")
@require_POST
def round_delivery(request: HttpRequest, round_id: int, step: str) -> HttpResponse:
    """Fill the orders of a round, send them, note their delivery."""
    actor = actor_of(request)
    if step == "fulfil":
        done = fulfil_round(actor=actor, round_id=round_id, version=_version(request))
        words = _("已配货，缺 %(missing)s，已按规则退款。") if done.missing else _("已足额配货。")
        words = words % {"missing": done.missing} if done.missing else words
    elif step in ("dispatch", "deliver"):
        call = dispatch_rounds if step == "dispatch" else deliver_rounds
        words = _("已登记 %(count)s 单。") % {"count": call(actor=actor, round_ids=[round_id])}
    else:
        raise Http404
    messages.success(request, words)
    return redirect("market:round", round_id)


@gate("market.settle")
@require_http_methods(["GET", "POST"])
def round_settlement(request: HttpRequest, round_id: int) -> HttpResponse:
    """What settling would pay to whom, to the fen; confirming books it."""
    actor = actor_of(request)
    row = queries.round_for(actor, round_id, "market.settle")
    if request.method == "POST":
        paid = settle_round(actor=actor, round_id=round_id, version=_version(request))
        messages.success(request, _("已结算 %(count)s 单。") % {"count": paid.orders})
        return redirect("market:round", round_id)
    context = {"round": row, "preview": queries.settlement_preview(row.pk)}
    return render(request, "market/settlement.html", context)
