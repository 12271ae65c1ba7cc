"""Pages: postings, their form, their list, the way from a resource to a posting."""

from __future__ import annotations

from typing import Any, TypedDict

from django import forms as django_forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid, Problem
from yuchang.core.forms import VersionForm, require_valid, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.core.money import plain_yuan
from yuchang.exchange import actions, forms, lists, queries
from yuchang.exchange.learning import learned_limits
from yuchang.exchange.models import UNSETTLED, Category, Direction, Posting
from yuchang.exchange.rules import PostingFacts, convert_quantity, year_on
from yuchang.exchange.words import in_unit
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.registry.models import Household, Resource
from yuchang.sheets.lists import answer

NAMES = {"limit": "limit", "owner": "household_number"}


@gate("exchange.read")
@require_GET
def posting_list(request: HttpRequest) -> HttpResponseBase:
    """The actor's own postings with why they found nobody, or (``?view=market``) everybody's open ones."""
    actor = actor_of(request)
    form = forms.PostingFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    is_market = request.GET.get("view") == "market"
    direction, state, category = (str(wanted.get(name) or "") for name in ("direction", "state", "category"))
    rows = (
        queries.open_market(category=category, direction=direction)
        if is_market
        else queries.own_postings(actor, direction=direction, state=state, category=category)
    )
    found = listing(
        request,
        rows,
        lists.MARKET if is_market else lists.POSTINGS,
        name="exchange.market" if is_market else "exchange.postings",
        label=_("全部供需") if is_market else _("我方供需"),
        prepare=lists.open_postings if is_market else lists.own_postings,
        filters=_filters(wanted, is_market),
    )
    own = [] if is_market else actor.organisation_ids("exchange.post")
    context = {"is_market": is_market, "organisations": own}
    return answer(request, found, "exchange/posting_list.html", context)


def _filters(wanted: dict[str, Any], is_market: bool) -> list[Filter]:
    direction = Filter("direction", _("方向"), wanted.get("direction") or "", Direction.choices)
    state = Filter("state", _("状态"), wanted.get("state") or "", Posting.State.choices)
    return [direction] if is_market else [direction, state]


@gate("exchange.read")
@require_GET
def posting_page(request: HttpRequest, posting_id: int) -> HttpResponse:
    """One posting: with its limit for its own side, without for anybody else."""
    actor = actor_of(request)
    row = queries.posting_for(actor, posting_id)
    is_mine = queries.speaks_for(actor, "exchange.read", row)
    may_post = actor.may("exchange.post") and queries.speaks_for(actor, "exchange.post", row)
    leftover = queries.latest_leftovers([row.pk]).get(row.pk) if is_mine else None
    if leftover:
        leftover.posting = row
    context = {
        "row": row,
        "said": in_unit(row.left, row.unit, row.entered_unit),
        "owner": queries.own_owner(row) if is_mine else queries.public_owner(row),
        "limit_fen": row.limit_fen if is_mine else None,
        "is_mine": is_mine,
        "photos": row.photos.order_by("id"),
        "photo_form": forms.PhotoForm() if may_post and row.state in UNSETTLED else None,
        "may_change": may_post and row.state in UNSETTLED,
        "cards": queries.board(actor, queries.matches_of(actor, row)) if is_mine else [],
        "leftover": leftover if row.state == Posting.State.OPEN else None,
        "learned_fen": learned_limits([row.pk]).get(row.pk) if is_mine else None,
    }
    return render(request, "exchange/posting_page.html", context)


@gate("exchange.post")
@require_GET
def choose_category(request: HttpRequest) -> HttpResponse:
    """Category first, searched by any name it goes by; or a declared resource in one step."""
    text = request.GET.get("q", "")[:30]
    resources = queries.unposted_resources(
        actor_of(request), household_number=request.GET.get("household", "")
    )
    names = Category.objects.in_bulk([row.category for row in resources])
    context = {
        "text": text,
        "found": queries.find_categories(text),
        "resources": [{"row": row, "category": names[row.category]} for row in resources],
    }
    return render(request, "exchange/choose_category.html", context)


@gate("exchange.post")
@require_http_methods(["GET", "POST"])
def posting_new(request: HttpRequest, code: str) -> HttpResponse:
    """The form of one category."""
    actor = actor_of(request)
    category = get_object_or_404(Category, pk=code, is_leaf=True)
    form = _form(actor, category, request)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.post(actor=actor, facts=_facts(actor, category, form))
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已发布，将参加下一次撮合。"))
            wanted = request.GET.get("to", "")
            if wanted.isascii() and wanted.isdigit():
                return redirect(f"{reverse('exchange:propose', args=[int(wanted[:18])])}?mine={row.pk}")
            return redirect("exchange:posting", row.pk)
    context = {"form": form, "category": category, "count": None}
    return render(request, "exchange/posting_new.html", context, status=422 if form.errors else 200)


def _form(actor: Actor, category: Category, request: HttpRequest) -> forms.PostingForm:
    today = clock.today()
    initial = {
        "direction": request.GET.get("direction", "offer"),
        "household_number": request.GET.get("household", ""),
        "window_from": today,
        "window_to": year_on(today),
    }
    data = request.POST if request.method == "POST" else None
    numbers = actor.organisation_ids("exchange.post")
    if numbers:
        found = Organisation.objects.filter(pk__in=numbers).order_by("name").values_list("pk", "name")
        return forms.PartnerPostingForm(data, initial=initial, category=category, organisations=list(found))
    return forms.StaffPostingForm(data, initial=initial, category=category)


def _facts(actor: Actor, category: Category, form: forms.PostingForm) -> PostingFacts:
    data = form.cleaned_data
    return PostingFacts(
        direction=data["direction"],
        category=category.pk,
        **form.said(),
        **_owner(actor, data),
    )


class _Owner(TypedDict, total=False):
    household_id: int
    village_id: int
    organisation_id: int


def _owner(actor: Actor, data: dict[str, Any]) -> _Owner:
    """The owner as a keyword of ``PostingFacts``; nobody when nothing fits."""
    if "organisation" in data:
        return {"organisation_id": data["organisation"]}
    if data["household_number"]:
        reach = place_filter(actor, "exchange.post")
        found = Household.objects.filter(reach, number=data["household_number"])
        number = found.values_list("pk", flat=True).first()
        if number is None:
            raise Invalid([Problem("household_number", _("本辖区没有这个户编号。"), _("请核对户编号。"))])
        return {"household_id": number}
    village = _village(actor, data["village_code"])
    return {"village_id": village} if village else {}


def _village(actor: Actor, code: str) -> int | None:
    if code:
        rows = Place.objects.filter(place_filter(actor, "exchange.post"), code=code, level=5, valid_to=None)
        return rows.values_list("pk", flat=True).first()
    own = [s.place_id for s in actor.scopes("exchange.post") if isinstance(s, PlaceScope) and s.level == 5]
    return own[0] if len(own) == 1 else None


@gate("exchange.post")
@require_GET
def partner_count(request: HttpRequest, code: str) -> HttpResponse:
    """A fragment: how many stand opposite in time. Prices are not counted, they would tell limits."""
    category = get_object_or_404(Category, pk=code, is_leaf=True)
    form = _CountForm(request.GET)
    count = queries.count_partners(category=code, **form.cleaned_data) if form.is_valid() else None
    is_more = count is not None and count > queries.COUNTED
    context = {"count": queries.COUNTED if is_more else count, "is_more": is_more, "category": category}
    return render(request, "exchange/partner_count.html", context)


class _CountForm(django_forms.Form):
    direction = django_forms.ChoiceField(choices=[("offer", ""), ("need", "")])
    window_from = django_forms.DateField()
    window_to = django_forms.DateField()


@gate("exchange.post")
@require_http_methods(["GET", "POST"])
def post_resource(request: HttpRequest, resource_id: int) -> HttpResponse:
    """A declared resource becomes a posting with a price and two dates."""
    actor = actor_of(request)
    rows = Resource.objects.filter(withdrawn_at=None).select_related("household", "place")
    resource = open_door(rows, actor, "exchange.post", resource_id)
    category = Category.objects.filter(pk=resource.category, is_leaf=True).first()
    quantity = convert_quantity(resource.quantity, resource.unit, category.unit) if category else None
    if category is None or quantity is None:
        raise Conflict(
            _("这项资源的品类或单位不能直接发布。"), remedy=_("请从“发布供需”选择品类后按其单位填写。")
        )
    today = clock.today()
    initial = {
        "window_from": max(resource.season_from or today, today),
        "window_to": resource.season_to or year_on(today),
    }
    form = forms.ResourcePostingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.post(
                actor=actor, facts=_resource_facts(resource, category, quantity, form.cleaned_data)
            )
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已发布，将参加下一次撮合。"))
            return redirect("exchange:posting", row.pk)
    context = {
        "form": form,
        "resource": resource,
        "category": category,
        "quantity": quantity,
    }
    return render(request, "exchange/post_resource.html", context, status=422 if form.errors else 200)


def _resource_facts(
    resource: Resource, category: Category, quantity: int, data: dict[str, Any]
) -> PostingFacts:
    return PostingFacts(
        direction=resource.direction,
        category=category.pk,
        quantity=quantity,
        limit_fen=forms.fen(data["limit"]),
        window_from=data["window_from"],
        window_to=data["window_to"],
        household_id=resource.household_id,
        village_id=None if resource.household_id else resource.place_id,
        resource_id=resource.pk,
        note=resource.note,
        entered_unit=resource.unit if resource.unit != category.unit else "",
    )


@gate("exchange.post")
@require_http_methods(["GET", "POST"])
def posting_edit(request: HttpRequest, posting_id: int) -> HttpResponse:
    """Correct quantity, limit, window or note."""
    actor = actor_of(request)
    rows = queries.postings_for(actor, "exchange.post")
    row = open_door(rows, actor, "exchange.post", posting_id, within=Q())
    initial = {
        "quantity": row.quantity,
        "limit": plain_yuan(row.limit_fen),
        "window_from": row.window_from,
        "window_to": row.window_to,
        "radius_km": row.radius_km,
        "note": row.note,
        "min_lot": row.min_lot if row.min_lot > 1 else None,
        "certificates": row.certificates,
        "repeats": row.repeats,
        "repeat_until": row.repeat_until,
        "direction": row.direction,
        "version": row.version,
    }
    form = forms.EditPostingForm(request.POST or None, initial=initial, category=row.category)
    if request.method == "POST" and form.is_valid():
        try:
            actions.correct_posting(
                actor=actor,
                posting_id=row.pk,
                version=form.cleaned_data["version"],
                facts=_edited(row, form),
            )
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已修改。"))
            return redirect("exchange:posting", row.pk)
    context = {"form": form, "row": row}
    return render(request, "exchange/posting_edit.html", context, status=422 if form.errors else 200)


def _edited(row: Posting, form: forms.EditPostingForm) -> PostingFacts:
    said = form.said()
    if "radius_km" not in form.fields:
        said["radius_km"] = row.radius_km
    said["entered_unit"] = said["entered_unit"] or row.entered_unit
    return PostingFacts(
        direction=row.direction,
        category=row.category_id,
        resource_id=row.resource_id,
        **said,
        household_id=row.household_id,
        organisation_id=row.organisation_id,
        village_id=row.village_id if row.owner_kind == Posting.OwnerKind.VILLAGE else None,
    )


@gate("exchange.post")
@require_POST
def posting_open(request: HttpRequest, posting_id: int) -> HttpResponse:
    """Publish a draft."""
    version = require_valid(VersionForm(request.POST))["version"]
    actions.open_posting(actor=actor_of(request), posting_id=posting_id, version=version)
    messages.success(request, _("已发布，将参加下一次撮合。"))
    return redirect("exchange:posting", posting_id)


@gate("exchange.post")
@require_POST
def posting_withdraw(request: HttpRequest, posting_id: int) -> HttpResponse:
    """Take a posting back."""
    data = require_valid(forms.ReasonForm(request.POST))
    actions.withdraw_posting(actor=actor_of(request), posting_id=posting_id, **data)
    messages.success(request, _("已撤回。"))
    return redirect("exchange:posting", posting_id)
