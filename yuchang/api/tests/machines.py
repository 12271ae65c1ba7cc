"""A machine with somebody's token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from tests.people import Person
from yuchang.api import actions
from yuchang.api.models import ApiToken
from yuchang.api.queries import offered_permissions
from yuchang.core import clock


class Machine:
    """Calls operations with a token of a person's; by default with every right that can be given."""

    def __init__(self, person: Person, permissions: list[str] | None = None) -> None:
        actor = person.actor
        given = permissions or [name for name, _words in offered_permissions(actor)]
        self.row: ApiToken
        self.row, self.token = actions.issue_token(
            actor=actor, name="对接", permissions=given, expires_on=clock.today() + timedelta(days=30)
        )
        self._client = Client(raise_request_exception=True)

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/api/v1{path}", query, headers=self._headers())

    def post(self, path: str, body: Any, *, key: str = "", language: str = "") -> Any:
        more = {"Idempotency-Key": key} if key else {}
        more |= {"Accept-Language": language} if language else {}
        return self._client.post(
            f"/api/v1{path}", body, content_type="application/json", headers=self._headers() | more
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
