"""Every operation, fed with what its own description allows and forbids: no error of ours, no other shape."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from tests.access.world import standing_world
from yuchang.api.tests.machines import Machine
from yuchang.api.v1 import api

pytestmark = pytest.mark.xdist_group("descriptions")
ROLES = ("officer", "partner", "auditor")
load_all_checks()
response_schema_conformance, status_code_conformance = CHECKS.get_by_names(
    ["response_schema_conformance", "status_code_conformance"]
)
EXAMPLES = 4
NIGHTLY_EXAMPLES = 200


@pytest.fixture(scope="module")
def machines(django_db_setup: None, django_db_blocker: Any) -> Any:
    signals = (request_started, request_finished)
    for signal in signals:  # the real handler would close the test's connection after each request
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock(), standing_world() as world:
        yield {role: Machine(world.visitors[role]) for role in ROLES}
    for signal in signals:
        signal.connect(close_old_connections)


def _schema() -> Any:
    described = api.get_openapi_schema(path_prefix="/api/v1/")
    loaded = schemathesis.openapi.from_dict(described)
    loaded.app = get_wsgi_application()
    return loaded


def _label(found: Any) -> str:
    return f"{found.ok().method.upper()} {found.ok().path}"


SCHEMA = _schema()
OPERATIONS = sorted(_label(o) for o in SCHEMA.get_all_operations())


def _try(machine: Machine, label: str, examples: int) -> None:
    operation = next(o.ok() for o in SCHEMA.get_all_operations() if _label(o) == label)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def attempt(case: Any) -> None:
        with transaction.atomic():
            case.headers = {
                **(case.headers or {}),
                "Authorization": f"Bearer {machine.token}",
                "Accept-Encoding": "identity",
            }
            reply = case.call()
            assert reply.status_code < 500, f"{label}: {reply.status_code} {reply.text[:300]}"
            case.validate_response(reply, checks=[response_schema_conformance, status_code_conformance])
            transaction.set_rollback(True)

    attempt()


@pytest.mark.slow
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_input_that_fits_or_misses_the_description_breaks_an_operation(
    label: str, machines: dict[str, Machine]
) -> None:
    _try(machines["officer"], label, EXAMPLES)


@pytest.mark.nightly
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_the_same_for_every_role_at_length(label: str, role: str, machines: dict[str, Machine]) -> None:
    _try(machines[role], label, NIGHTLY_EXAMPLES)
