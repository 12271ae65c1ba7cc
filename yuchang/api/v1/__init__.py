"""Version 1 of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from yuchang.accounts.doors import SIGNED_IN, gate
from yuchang.api.v1 import audit, book, exchange, market, monitoring, own, partners, places, registry
from yuchang.api.v1.frame import TokenAuth, explain_errors

TOKEN = "token"  # noqa: S105 - what the access matrix calls the gate of these addresses


def _signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    return gate(SIGNED_IN)(require_GET(view))


class _Described(NinjaAPI):
    """Its description never changes while the process lives, and takes a second to make."""

    _description: OpenAPISchema | None = None

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        if self._description is None:
            self._description = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        return self._description


api = _Described(
    title="渔场 Yuchang API",
    version="1.0.0",
    description="Money is integer fen, days are ISO 8601, lists are paged by `after`.",
    auth=TokenAuth(),
    urls_namespace="v1",
    docs_decorator=_signed_in,
)
explain_errors(api)
for part in (own, places, registry, partners, exchange, market, book, monitoring, audit):
    api.add_router("", part.router)
