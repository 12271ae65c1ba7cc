"""Whoever looks at the county from outside is made at every size, and finds something to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password

from demo import cast, hands
from demo.cast import Part
from demo.scene import Options, Scene
from tests import people, things
from yuchang.accounts.models import User
from yuchang.accounts.queries import is_opened
from yuchang.accounts.rules import Role
from yuchang.procedures.queries import tasks_of


@pytest.mark.parametrize(("late", "code"), [(7, "household_verification"), (0, "household_exit")])
def test_an_evaluator_gets_a_drawn_sample_whatever_waits(
    late: int, code: str, db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        User, "set_password", lambda self, raw: setattr(self, "password", make_password(None))
    )
    monkeypatch.setattr(User, "check_password", lambda self, raw: True)
    scene = Scene(Options(households=90, folder=tmp_path))
    scene.set_clock(11, 13)
    cast.enter(Part("officer", "王专员", Role.COUNTY_OFFICER, "county"), scene.county_place)
    clerk, second = people.wang().user, people.zhang().user
    for number in range(5):
        things.household(
            people.villages()[0], name=f"王{number}", state="listed", entered_by=clerk, verified_by=second
        )
    for number in range(late):
        things.household(people.villages()[0], name=f"李{number}", state="entered")
    printed = hands._evaluator(scene)
    assert (printed.username, printed.role) == ("evaluator", "评估员")
    evaluator = cast.actor("evaluator")
    (task,) = tasks_of(evaluator)
    assert (task.sample.code, task.sample.size, task.checked) == (code, 3 if late else 2, 0)
    assert all(is_opened(evaluator, "registry.read", row.case.subject_id) for row in task.rows)
