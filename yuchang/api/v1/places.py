"""Administrative divisions: public facts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field

from yuchang.api.v1.frame import REFUSALS
from yuchang.core.errors import Hidden
from yuchang.places.queries import place_by_code
from yuchang.places.search import search_places

router = Router(tags=["places"])


class PlaceOut(Schema):
    """A division for as long as its code and name held."""

    id: int
    code: str
    name: str
    full_name: str
    level: int
    valid_from: date
    valid_to: date | None


@router.get("/places", response={200: list[PlaceOut], **REFUSALS})
def search(
    request: HttpRequest,
    q: Annotated[str, Field(min_length=1, max_length=60)],
    limit: Annotated[int, Field(ge=1, le=50)] = 20,
) -> Any:
    """Search by part of a name, pinyin, initials or code; best first."""
    return [found.place for found in search_places(q, limit=limit)]


@router.get("/places/{code}", response={200: PlaceOut, **REFUSALS})
def place(
    request: HttpRequest, code: Annotated[str, Field(pattern=r"^[0-9]{12}$")], on: date | None = None
) -> Any:
    """The division with a 12-digit code, today or on a day."""
    found = place_by_code(code, on)
    if found is None:
        raise Hidden(_("没有这个区划代码。"))
    return found
