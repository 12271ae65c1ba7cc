"""Pages: search over everybody's open postings, saved searches."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.forms import VersionForm, require_valid
from yuchang.core.paging import Page, keyset_page
from yuchang.exchange import actions, forms
from yuchang.exchange.models import Category, Posting
from yuchang.exchange.queries_console import urgent_postings
from yuchang.exchange.search import PAGE, Home, browse, find_postings, home_of, own_units, searches_of
from yuchang.exchange.searching import Criteria
from yuchang.exchange.words import category_word, in_unit


@gate("exchange.read")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Everybody's open postings by words, kind, distance and time; without limits, notes or persons."""
    actor = actor_of(request)
    form = forms.SearchForm(request.GET or None, categories=_categories())
    home = home_of(actor)
    page: Page[Posting] = Page([])
    if form.is_valid():
        page = _found(form.criteria(home.county_id), home, request.GET.get("after", ""))
    units = own_units(actor) if page.items else {}
    urgent = urgent_postings([row.pk for row in page.items]) if page.items else set()
    context = {
        "form": form,
        "page": page,
        "hits": [
            (row, in_unit(row.left, row.unit, units.get(row.category_id, "")), row.pk in urgent)
            for row in page.items
        ],
        "may_propose": actor.may("exchange.talk"),
        "is_asked": form.is_bound,
        "may_save": actor.may("exchange.post"),
        "saved": list(searches_of(actor)),
    }
    return render(request, "exchange/search.html", context, status=422 if form.errors else 200)


def _found(criteria: Criteria, home: Home, cursor: str) -> Page[Posting]:
    if criteria.text:
        return find_postings(criteria, home, cursor)
    return keyset_page(browse(criteria), order=["-id"], cursor=cursor, size=PAGE)


def _categories() -> list[tuple[str, str]]:
    """The tree for choosing: groups, and under each its leaves."""
    rows = Category.objects.order_by("position").only("code", "name_zh", "name_en", "is_leaf")
    return [(row.code, ("　" if row.is_leaf else "") + category_word(row)) for row in rows]


@gate("exchange.post")
@require_POST
def search_save(request: HttpRequest) -> HttpResponse:
    """Keep a search; new postings that answer it become notices."""
    actor = actor_of(request)
    form = forms.SaveSearchForm(request.POST, categories=_categories())
    data = require_valid(form)
    row = actions.save_search(
        actor=actor, name=data["name"], criteria=form.criteria(home_of(actor).county_id)
    )
    messages.success(request, _("已保存。有新的供需时会通知您。"))
    return redirect(f"{reverse('exchange:search')}?{row.query}")


@gate("exchange.post")
@require_POST
def search_drop(request: HttpRequest, search_id: int) -> HttpResponse:
    """End a saved search."""
    version = require_valid(VersionForm(request.POST))["version"]
    actions.drop_search(actor=actor_of(request), search_id=search_id, version=version)
    messages.success(request, _("已删除，不再通知。"))
    return redirect("exchange:search")
