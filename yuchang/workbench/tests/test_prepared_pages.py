"""On the pages that people open all day, every question written once finds what Django finds by asking anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests import people
from yuchang.accounts.queries import actor_for, hats_for
from yuchang.core import clock
from yuchang.core.prepared import Prepared
from yuchang.workbench.tests.scene import build_scene


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were asked, each also plainly; a difference fails."""
    asked: list[str] = []
    ask = Prepared.__call__

    def both(question: Prepared[Any], *values: Any, **fixed: Any) -> list[Any]:
        found = ask(question, *values, **fixed)
        plain = question.plainly(*values, **fixed)
        name = f"{question.write.__module__}.{question.write.__name__}"
        assert [_columns(row) for row in found] == [_columns(row) for row in plain], name
        asked.append(name)
        return found

    monkeypatch.setattr(Prepared, "__call__", both)
    return asked


def _columns(row: Any) -> Any:
    """A row as values: what was read of a model, not only which row it is."""
    if not hasattr(row, "_meta"):
        return row
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


def test_prepared_questions_of_every_daily_page_find_what_plain_ones_find(
    db: None, compared: list[str]
) -> None:
    scene = build_scene(households=30)
    households = [f"/households/{row.pk}" for row in scene.households[:3]]
    pages = [
        "/",
        "/registry/",
        "/monitoring/",
        "/dashboard",
        "/suggest?q=测",
        "/suggest?q=苹果",
        "/search?q=成县",
    ]
    for reader in (people.wang(), people.li(), people.zhang(), people.province()):
        client = reader.client()
        for page in [*pages, *households]:
            assert client.get(page).status_code in (200, 404), page
    names = set(compared)
    assert len(names) > 25, sorted(names)


def test_the_function_of_rights_reads_the_same_hats_as_the_view(db: None) -> None:
    today = clock.today()
    for one in (people.wang(), people.li(), people.province(), people.helper(1)):
        roles = [hat.role for hat in hats_for(one.user.pk, today)]
        grants = actor_for(one.user.pk, "", today).grants
        assert roles and [grant.role.value for grant in grants] == list(dict.fromkeys(roles))
