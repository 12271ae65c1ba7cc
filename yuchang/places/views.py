"""Pages of places: search, one place, the map. Places are public facts: whoever is signed in may read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from yuchang.core.errors import Hidden
from yuchang.core.paging import keyset_page
from yuchang.places import outlines, queries
from yuchang.places.models import Place

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Declare that signing in is enough: ``accounts.doors.gate(SIGNED_IN)`` for a domain below the accounts.

    The middleware refuses strangers; the access matrix reads the mark.
    """
    view.permission = "signed in"  # type: ignore[attr-defined]
    return view


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Search, with results while typing; before a word is typed, the provinces."""
    word = request.GET.get("q", "").strip()[:60]
    found = queries.search_places(word, limit=50) if word else []
    context = {"word": word, "found": found, "provinces": None if word else queries.parts_of(None)}
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "places/found.html" if is_part else "places/index.html", context)


@signed_in
@require_GET
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """One place: where it lies, what lies in it, who is near, what became of it."""
    here = get_object_or_404(Place.objects.defer("grams"), pk=pk)
    context = {
        "place": here,
        "ancestors": queries.ancestors(here),
        "page": keyset_page(
            queries.children(here), order=["code", "id"], cursor=request.GET.get("after", "")
        ),
        "neighbours": queries.nearest_counties(here) if here.level >= 3 else [],
        "history": queries.history_of(here) if here.level <= 3 else [],
        "successors": [] if here.is_present else queries.present_successors(here),
        "poverty_counties": list(queries.poverty_counties_in(here)) if here.level == 3 else [],
        "poverty_county_count": queries.poverty_county_count(here) if here.level < 3 else 0,
    }
    return render(request, "places/place.html", context)


@signed_in
@require_GET
def place_map(request: HttpRequest) -> HttpResponse:
    """The country by province; a province or prefecture by county. A click leads down."""
    code = request.GET.get("area", "")
    here = queries.place_by_code(code) if code else None
    if code and (here is None or here.level > 3):
        raise Hidden(_("没有这个地区的地图。"), remedy=_("请从全国地图逐级点开。"))
    parts = queries.parts_of(here)
    context = {
        "place": here,
        "ancestors": queries.ancestors(here) if here else [],
        "parts": parts,
        "total": sum(part.poverty_counties for part in parts),
        "drawing": _drawing(here, parts),
    }
    return render(request, "places/map.html", context)


def _drawing(here: Place | None, parts: list[queries.Part]) -> dict[str, Any]:
    """What ``places-map.js`` draws."""
    return {
        "outlineUrl": reverse("places:outline", args=[here.code if here else outlines.COUNTRY]),
        "values": [
            {
                "code": part.place.code,
                "name": part.place.name,
                "value": part.poverty_counties if here is None else part.exit_year,
                "url": _map_address(part.place) if here is None else part.place.get_absolute_url(),
            }
            for part in parts
        ],
        "points": [
            {
                "code": part.place.code,
                "name": part.place.name,
                "at": [part.place.longitude, part.place.latitude],
                "value": part.exit_year,
                "url": part.place.get_absolute_url(),
            }
            for part in parts
            if here is not None and part.place.longitude is not None
        ],
        "unit": _("个脱贫县") if here is None else _("年摘帽"),
        "unknown": _("不在832个县之列"),
        "isYear": here is not None,
        "area": here.code if here else "",
        "areaUrl": f"{reverse('places:map')}?area=",
        "notes": {
            "package": _("底图为软件自带示意轮廓，没有审图号，公开发布前必须换成有审图号的地图。"),
            "operator": _("底图由本单位提供。"),
            "review": _("审图号："),
        },
    }


def _map_address(part: Place) -> str:
    return f"{reverse('places:map')}?area={part.code}"


@signed_in
@require_GET
def outline(request: HttpRequest, area: str) -> HttpResponse:
    """GeoJSON of ``china`` or of the outlines within a division, for maps; unchanged files answer 304."""
    found = outlines.outline_of(area)
    if found is None:
        raise Http404
    body = found.as_json()
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    response: HttpResponse = HttpResponse(body, content_type="application/geo+json")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response
