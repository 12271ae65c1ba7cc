"""The public pages: published rows only."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from yuchang.accounts.doors import PUBLIC, gate
from yuchang.core import clock
from yuchang.core.errors import Hidden
from yuchang.core.forms import problems_shown
from yuchang.core.paging import keyset_page
from yuchang.market.models import Round, ShortfallRule
from yuchang.portal import actions, queries
from yuchang.portal.forms import ObjectionForm
from yuchang.portal.models import PublishedGoods, PublishedNoticeEntry
from yuchang.portal.queries.figures import CAUSES_BY_TOWNSHIP, flows_in_words
from yuchang.portal.queries.goods import all_in_words, in_words
from yuchang.portal.queries.trades import DEALS, public_deals
from yuchang.portal.views.keeping import kept_a_moment
from yuchang.registry.codes import CAUSE_GROUP_LABELS


@gate(PUBLIC)
@require_GET
@kept_a_moment
def front(request: HttpRequest) -> HttpResponse:
    """The counties that publish."""
    rows = list(queries.latest_counties())
    hides = any(getattr(row, name) is None for row in rows for name in queries.TOTALS)
    context = {"counties": rows, "totals": queries.totals(rows), "hides": hides}
    return render(request, "portal/front.html", context)


def bars(causes: dict[str, int]) -> list[tuple[str, int, int]]:
    """Each cause in words, its households, and the width of its bar out of 100: the commonest is 100 wide."""
    ranked = sorted(causes.items(), key=lambda pair: -pair[1])
    most = max(1, ranked[0][1]) if ranked else 1
    return [(_(CAUSE_GROUP_LABELS.get(group, group)), n, 100 * n // most) for group, n in ranked]


@gate(PUBLIC)
@require_GET
@kept_a_moment
def county(request: HttpRequest, code: str) -> HttpResponse:
    """What was found, given and earned in a county; its live notices."""
    rows = list(queries.publications(code)[:6])
    today = clock.today()
    notices = queries.live_notices(today, code)
    rounds = list(queries.live_rounds(today, code).order_by("-sales_to")[:20])
    if not (rows or rounds or notices.exists()):
        raise Hidden(_("这个县还没有公开的内容。"), remedy=_("请从首页选择。"))
    page = keyset_page(notices, order=["expires_on", "id"], cursor=request.GET.get("after", ""))
    newest = rows[0] if rows else None
    context = {
        "county": newest,
        "flows": flows_in_words(newest.sankey) if newest else {},
        "causes": bars(newest.causes) if newest else [],
        "older": rows[1:],
        "page": page,
        "total": notices.count(),
        "rounds": [(row, Round.State(row.state).label) for row in rounds],
        "datasets": set(queries.live_tables(today, code).values_list("dataset", flat=True)),
        "code": code,
    }
    return render(request, "portal/county.html", context)


@gate(PUBLIC)
@require_GET
def notice(request: HttpRequest, code: str) -> HttpResponse:
    """One live notice, masked, with the days that are left."""
    found = queries.live_notices(clock.today()).filter(code=code).first()
    if found is None:
        raise Hidden(_("这份公示已经结束，或编号有误。"), remedy=_("公示到期后不再显示，以保护农户隐私。"))
    entries = PublishedNoticeEntry.objects.filter(notice=found)
    context = {
        "notice": found,
        "page": keyset_page(entries, order=["id"], cursor=request.GET.get("after", "")),
        "days_left": (found.expires_on - clock.today()).days + 1,
        "labels": {group: _(word) for group, word in CAUSE_GROUP_LABELS.items()},
    }
    return render(request, "portal/notice.html", context)


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def objection(request: HttpRequest, code: str) -> HttpResponse:
    """Object to one household of a live notice."""
    entry = queries.live_entry(clock.today(), code)
    if entry is None:
        raise Hidden(_("这份公示已经结束，或编号有误。"), remedy=_("请直接向乡镇或县乡村振兴部门反映。"))
    form = ObjectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with problems_shown(form):
            receipt = actions.receive_objection(
                entry_code=entry.code,
                text=form.cleaned_data["text"],
                network_address=request.META.get("REMOTE_ADDR", ""),
            )
            return redirect("portal:received", receipt)
    status = 422 if form.errors else 200
    return render(request, "portal/objection.html", {"entry": entry, "form": form}, status=status)


@gate(PUBLIC)
@require_GET
def received(request: HttpRequest, receipt: str) -> HttpResponse:
    """The receipt of an objection, and what became of it."""
    state = queries.receipt_state(clock.today(), receipt)
    return render(request, "portal/received.html", {"receipt": receipt, "state": state})


@gate(PUBLIC)
@require_GET
@kept_a_moment
def round_page(request: HttpRequest, code: str) -> HttpResponse:
    """A round for buyers: the goods, where each yuan goes, what was promised."""
    found = queries.live_rounds(clock.today()).filter(code=code).first()
    if found is None:
        raise Hidden(_("没有找到这次预售，或已不再公开。"), remedy=_("请从县页选择。"))
    context = {
        "round": found,
        "goods": all_in_words(PublishedGoods.objects.filter(round=found).order_by("id")),
        "state": Round.State(found.state).label,
        "shortfall": ShortfallRule(found.shortfall_rule).label,
    }
    return render(request, "portal/round.html", context)


@gate(PUBLIC)
@require_GET
@kept_a_moment
def trace(request: HttpRequest, code: str) -> HttpResponse:
    """The page behind the code on the box: where the goods grew, and what the growers received."""
    found = queries.live_goods(clock.today(), code)
    if found is None:
        raise Hidden(_("没有找到这个溯源编号，或已不再公开。"), remedy=_("请核对包装上的编号。"))
    parts = [
        (_("农户"), found.grower_fen),
        (_("合作社"), found.coop_fen),
        (_("物流"), found.logistics_fen),
        (_("平台服务与尾差"), found.residual_fen),
    ]
    context = {
        "goods": found,
        "said": in_words(found),
        "round": found.round,
        "parts": [(word, fen, round(100 * fen / found.price_fen, 1)) for word, fen in parts],
        "state": Round.State(found.round.state).label,
    }
    return render(request, "portal/trace.html", context)


@gate(PUBLIC)
@require_GET
@kept_a_moment
def open_data(request: HttpRequest, code: str) -> HttpResponse:
    """Everything that can be downloaded about a county, with fingerprints."""
    tables = list(queries.live_tables(clock.today(), code)[:50])
    if not tables:
        raise Hidden(_("这个县还没有公开的数据。"), remedy=_("请从首页选择。"))
    files: dict[int, list[object]] = {}
    for file in queries.live_files(clock.today(), [table.pk for table in tables]):
        files.setdefault(file.table_id, []).append(file)
    newest = queries.live_tables(clock.today(), code, CAUSES_BY_TOWNSHIP).first()
    columns = newest.rows["columns"] if newest else []
    context = {
        "county": tables[0],
        "newest": newest,
        "columns": [_(CAUSE_GROUP_LABELS.get(column, column)) for column in columns],
        "lines": [(row, [newest.rows["cells"][row].get(c) for c in columns]) for row in newest.rows["rows"]]
        if newest
        else [],
        "tables": [(table, files.get(table.pk, [])) for table in tables],
    }
    return render(request, "portal/open_data.html", context)


@gate(PUBLIC)
@require_GET
@kept_a_moment
def trades(request: HttpRequest) -> HttpResponse:
    """Who gives what to whom, as all counties together have published it."""
    return render(request, "portal/trades.html", {"deals": public_deals(clock.today())})


@gate(PUBLIC)
@require_GET
@kept_a_moment
def county_trades(request: HttpRequest, code: str) -> HttpResponse:
    """What one county gave to whom."""
    newest = queries.live_tables(clock.today(), code, DEALS).first()
    if newest is None:
        raise Hidden(_("这个县还没有公开供需去向。"), remedy=_("请从首页选择。"))
    context = {"deals": public_deals(clock.today(), code), "county": newest}
    return render(request, "portal/trades.html", context)


@gate(PUBLIC)
@require_GET
def download(request: HttpRequest, code: str) -> HttpResponse:
    """A published file, as long as it has not expired."""
    found = queries.live_file(clock.today(), code)
    if found is None:
        raise Hidden(_("这个文件已经到期撤下，或编号有误。"), remedy=_("请从县的开放数据页重新选择。"))
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", found.name)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-SHA256"] = found.sha256
    return response


@gate(PUBLIC)
@require_GET
@kept_a_moment
def about(request: HttpRequest) -> HttpResponse:
    """What this is, what never appears here, how to verify."""
    return render(request, "portal/about.html")
