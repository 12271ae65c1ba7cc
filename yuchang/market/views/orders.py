"""The shop and the orders, as buyers use them on a phone and the county reads them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import problems_shown, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.market import lists, queries
from yuchang.market.actions.agreements import order_from_agreement
from yuchang.market.actions.goods import deliver_order
from yuchang.market.actions.orders import cancel_order, place_order
from yuchang.market.actions.payments import pay_simulated, record_transfer
from yuchang.market.forms import BuyForm, GrowersForm, TransferForm, VersionForm
from yuchang.sheets.lists import answer


@gate("market.order")
@require_GET
def offer(request: HttpRequest, offer_id: int) -> HttpResponse:
    """An offer for its buyer: growers, where each yuan goes, what is left, the promise, and buying."""
    return _offer_page(request, offer_id, BuyForm.fresh())


def _offer_page(request: HttpRequest, offer_id: int, form: BuyForm) -> HttpResponse:
    row = queries.offer_on_sale(actor_of(request), offer_id)
    context = {
        "offer": row,
        "left": row.cap - row.sold,
        "parts": queries.part_bars(row),
        "growers": queries.masked_growers(row),
        "sentence": queries.shortfall_sentence(row.round.shortfall_rule),
        "form": form if queries.is_on_sale(row) else None,
    }
    return render(request, "market/offer.html", context, status=422 if form.errors else 200)


@gate("market.order")
@require_POST
def buy(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Place an order; the same form sent twice is one order."""
    actor = actor_of(request)
    row = queries.offer_on_sale(actor, offer_id)
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _offer_page(request, offer_id, form)
    with problems_shown(form):
        placed = place_order(
            actor=actor,
            organisation_id=queries.buyer_id(actor),
            quantities={row.pk: form.cleaned_data["quantity"]},
            idempotency_key=form.cleaned_data["key"],
        )
        messages.success(request, _("已下单，请在保留时间内付款。"))
        return redirect("market:order", placed.pk)
    return _offer_page(request, offer_id, form)


@gate("market.read")
@require_GET
def order_list(request: HttpRequest) -> HttpResponseBase:
    """The reader's orders: of one's organisation, or of one's places."""
    actor = actor_of(request)
    rows = queries.orders_for(actor).filter(queries.in_state(request.GET.get("state", "")))
    if (round_id := request.GET.get("round", "")).isdecimal():
        rows = rows.filter(round_id=int(round_id))
    state = request.GET.get("state", "")
    tabs = Filter("state", _("状态"), state, queries.order_states(), is_tabs=True, any_word=_("全部"))
    found = listing(
        request,
        rows,
        lists.ORDERS,
        name="market.orders",
        label=_("订单列表"),
        order=["-placed_at", "-id"],
        filters=[tabs],
    )
    return answer(request, found, "market/order_list.html")


@gate("market.read")
@require_GET
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: ticket, payment, parcel, and where the money went."""
    return _order_page(request, order_id, TransferForm())


def _order_page(request: HttpRequest, order_id: int, form: TransferForm) -> HttpResponse:
    actor = actor_of(request)
    row = queries.order_for(actor, order_id)
    context = {
        "order": row,
        "lines": queries.order_lines(row),
        "stages": queries.stages(row),
        "settlement": queries.settlement_of(row),
        "growers": queries.growers_of_order(row),
        "is_mine": row.organisation_id in actor.organisation_ids("market.order"),
        "can_simulate": queries.can_pay_simulated(),
        "transfer_form": form if queries.may_record_transfer(actor, row) else None,
    }
    return render(request, "market/order.html", context, status=422 if form.errors else 200)


@gate("market.order")
@require_POST
def order_pay(request: HttpRequest, order_id: int) -> HttpResponse:
    """Pay through the simulated provider of a demonstration."""
    row = pay_simulated(actor=actor_of(request), order_id=order_id)
    messages.success(request, _("付款结果：%(state)s") % {"state": row.get_state_display()})
    return redirect("market:order", order_id)


@gate("market.order")
@require_POST
def order_cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Give back an order that is not paid."""
    form = VersionForm(request.POST)
    version = form.cleaned_data["version"] if form.is_valid() else None
    cancel_order(actor=actor_of(request), order_id=order_id, version=version)
    messages.success(request, _("订单已取消。"))
    return redirect("market:order", order_id)


@gate("market.order")
@require_POST
def order_receive(request: HttpRequest, order_id: int) -> HttpResponse:
    """Confirm that the goods arrived."""
    form = VersionForm(request.POST)
    version = form.cleaned_data["version"] if form.is_valid() else None
    deliver_order(actor=actor_of(request), order_id=order_id, version=version)
    messages.success(request, _("已签收。"))
    return redirect("market:order", order_id)


@gate("market.settle")
@require_POST
def order_transfer(request: HttpRequest, order_id: int) -> HttpResponse:
    """Record a bank transfer that arrived for an order."""
    form = TransferForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            record_transfer(
                actor=actor_of(request),
                order_id=order_id,
                amount_fen=data["amount"],
                reference=data["reference"],
            )
        except Invalid as refusal:
            show_problems(form, refusal, {"amount_fen": "amount"})
        else:
            messages.success(request, _("已登记到账。"))
            return redirect("market:order", order_id)
    return _order_page(request, order_id, form)


@gate("market.read")
@require_http_methods(["GET", "POST"])
def agreement_order(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """Turn a signed agreement into an order that is delivered and paid."""
    actor = actor_of(request)
    agreement = queries.agreement_for_order(actor, agreement_id)
    form = GrowersForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        carrier = form.cleaned_data["logistics"]
        try:
            made = order_from_agreement(
                actor=actor,
                agreement_id=agreement.pk,
                growers=form.cleaned_data["growers"],
                logistics_id=carrier.pk if carrier else None,
            )
        except Invalid as refusal:
            show_problems(form, refusal)
        else:
            return redirect("market:order", made.pk)
    context = {"form": form, "agreement": agreement}
    return render(request, "market/agreement_order.html", context, status=422 if form.errors else 200)
