"""What the token may do."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from yuchang.api.v1.frame import REFUSALS

router = Router(tags=["token"])


class TokenOut(Schema):
    """The token itself: whose it is and what it may do."""

    name: str
    owner: str
    permissions: list[str]
    expires_on: date


@router.get("/me", response={200: TokenOut, **REFUSALS})
def me(request: HttpRequest) -> Any:
    """Whose token this is, what it may do, and until when."""
    token = request.auth  # type: ignore[attr-defined]
    return {
        "name": token.name,
        "owner": token.owner.display_name,
        "permissions": token.permissions,
        "expires_on": token.expires_on,
    }
