"""What every operation shares: tokens, errors as messages, pages, writes that may be repeated."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from django.db import DataError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer
from pydantic import Field

from yuchang.accounts.doors import actor_of
from yuchang.api import actions, queries
from yuchang.api.models import ApiToken
from yuchang.api.v1 import words
from yuchang.core.errors import Invalid, YuchangError, invalid
from yuchang.core.logs import request_id
from yuchang.core.middleware import unstorable
from yuchang.core.paging import Numbers, Ranges, keyset_page

MOST = 200
T = TypeVar("T")
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class TokenAuth(HttpBearer):
    """``Authorization: Bearer yuc_…``"""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = queries.token_shown(token)
        if found is None:
            return None
        actions.note_use(found)
        request.actor = queries.actor_of_token(found)  # type: ignore[attr-defined]
        return found


class ProblemOut(Schema):
    """One thing wrong with the input."""

    field: str
    message: str
    remedy: str = ""


class ErrorOut(Schema):
    """What is wrong, where, and what to do."""

    message: str
    remedy: str = ""
    problems: list[ProblemOut] = []
    request_id: str = ""


REFUSALS = dict.fromkeys((401, 403, 404, 409, 422), ErrorOut)


def explain_errors(api: NinjaAPI) -> None:
    """Every refusal as an ``ErrorOut`` with its status."""

    def reply(
        request: HttpRequest, status: int, message: str, remedy: str = "", problems: Any = ()
    ) -> HttpResponse:
        body = {
            "message": message,
            "remedy": remedy,
            "problems": list(problems),
            "request_id": request_id.get(),
        }
        return api.create_response(request, body, status=status)

    @api.exception_handler(YuchangError)
    def refused(request: HttpRequest, error: YuchangError) -> HttpResponse:
        problems = error.problems if isinstance(error, Invalid) else []
        listed = [{"field": p.field, "message": p.message, "remedy": p.remedy} for p in problems]
        return reply(request, error.status, error.message, error.remedy, listed)

    @api.exception_handler(DataError)
    def unfit(request: HttpRequest, error: DataError) -> HttpResponse:
        told = unstorable(error)
        if told is None:
            raise error
        return refused(request, told)

    @api.exception_handler(ValidationError)
    def unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
        listed = [{"field": words.place(e), "message": words.told(e), "remedy": ""} for e in error.errors]
        return reply(request, 422, _("请求内容不符合要求。"), _("请按接口文档更正。"), listed)

    @api.exception_handler(HttpError)
    def unread(request: HttpRequest, error: HttpError) -> HttpResponse:
        if error.status_code != 400:
            return reply(request, error.status_code, str(error))
        problem = {"field": "body", "message": words.told({"type": "json_invalid"}), "remedy": ""}
        return reply(request, 422, _("请求内容不符合要求。"), _("请按接口文档更正。"), [problem])

    @api.exception_handler(AuthenticationError)
    def stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return reply(request, 401, _("令牌无效、已过期或已停用。"), _("请在“接口”页面签发新的令牌。"))

    @api.exception_handler(Http404)
    def absent(request: HttpRequest, error: Http404) -> HttpResponse:
        return reply(request, 404, _("没有找到。"))


class PageOut(Schema, Generic[T]):
    """One page of a list; ``next`` goes into ``after`` for the following one and is empty at the end."""

    items: list[T]
    next: str = ""


class Span(Schema):
    """Which page of a list."""

    after: str = ""
    limit: int = Field(50, ge=1, le=MOST)


def page_of(
    rows: QuerySet[Any] | Ranges[Any], span: Span, *order: str, within: Numbers | None = None
) -> dict[str, Any]:
    """One page of ``rows``, as ``PageOut`` reads it; ``within`` is the ``span`` of ``keyset_page``."""
    page = keyset_page(rows, order=order, cursor=span.after, size=span.limit, span=within)
    return {"items": page.items, "next": page.next}


def shown(schema: type[Schema], row: Any) -> dict[str, Any]:
    """A row as plain JSON, for a reply that is kept."""
    return schema.from_orm(row).model_dump(mode="json", by_alias=True)


Write = Callable[..., tuple[int, dict[str, Any]]]


def repeatable(view: Write) -> Callable[..., Status[Any]]:
    """A write that may be sent again under the same ``Idempotency-Key`` and gives the same reply."""

    @functools.wraps(view)
    def once(request: HttpRequest, *args: Any, **kwargs: Any) -> Status[Any]:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return Status(*view(request, *args, **kwargs))
        if len(key) > 80 or not key.isascii() or not key.isprintable():
            raise invalid("Idempotency-Key", _("键须为 80 个以内的可见 ASCII 字符。"))
        token: ApiToken = request.auth  # type: ignore[attr-defined]
        print_ = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).digest()
        with transaction.atomic():
            known = actions.stored_reply(token, key, print_)
            if known is not None:
                return Status(known.status, known.body)
            status, body = view(request, *args, **kwargs)
            actions.keep_reply(token, key, print_, status, body)
        return Status(status, body)

    # The framework reads the view's annotations, which are texts that only the view's own module explains.
    once.__signature__ = inspect.signature(view, eval_str=True)  # type: ignore[attr-defined]
    return once


__all__ = [
    "REFUSALS",
    "ErrorOut",
    "Id",
    "PageOut",
    "Span",
    "TokenAuth",
    "actor_of",
    "explain_errors",
    "page_of",
    "repeatable",
    "shown",
]
