"""The loop from workbook to book: it survives being killed, and running it twice changes nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection

from demo import cast, report, stages
from demo.county import truth
from demo.loop import STAGES
from demo.progress import Line
from demo.scene import Options, Scene
from demo.stages import OtherSimulation, Stage, marks, run_stages
from yuchang.accounts.models import User
from yuchang.accounts.rules import SYSTEM
from yuchang.core import actions, clock
from yuchang.core.models import AuditEntry, Instance


class Killed(BaseException):
    """What a test does to a stage."""


def note(name: str) -> None:
    with actions.write("demo.test", SYSTEM) as audit:
        audit.add("test", name)


def test_a_stage_killed_half_way_leaves_nothing_and_is_done_at_the_next_run(transactional_db: None) -> None:
    calls = []

    def first(context: None, line: Line) -> str:
        calls.append("first")
        note("first")
        return "one"

    def second(context: None, line: Line) -> str:
        calls.append("second")
        note("second")
        if calls.count("second") == 1:
            raise Killed
        return "two"

    made = (Stage("first", "一", first), Stage("second", "二", second))
    with pytest.raises(Killed):
        run_stages(made, None, "recipe")
    assert list(marks()) == ["first"]
    run_stages(made, None, "recipe")
    run_stages(made, None, "recipe")
    assert calls == ["first", "second", "second"]
    assert list(AuditEntry.objects.filter(action="demo.test").values_list("object_id", flat=True)) == [
        "first",
        "second",
    ]


def test_another_recipe_on_the_same_database_is_refused(db: None) -> None:
    made = (Stage("first", "一", lambda context, line: "one"),)
    run_stages(made, None, "seed=1")
    with pytest.raises(OtherSimulation):
        run_stages(made, None, "seed=2")


def test_a_bar_draws_only_on_a_terminal() -> None:
    out = io.StringIO()
    line = Line(1, 2, "导入", out)
    line.step(1, 2)
    line.done("完成")
    assert out.getvalue().count("\n") == 1 and "\r" not in out.getvalue()


def test_sign_ins_are_readable_by_this_account_only(tmp_path: Path) -> None:
    cast.remember(tmp_path, [cast.SignIn("officer", "old", "王专员", "县级专员", "成县", "导入")])
    cast.remember(tmp_path, [cast.SignIn("officer", "new", "王专员", "县级专员", "成县", "导入")])
    text = cast.publish(tmp_path, "http://localhost/", cast.date(2026, 11, 20))
    assert "new" in text and "old" not in text
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("sign-ins.json", "sign-ins.txt")} == {0o600}


TABLES = (
    "registry_household",
    "registry_member",
    "exchange_posting",
    "exchange_agreement",
    "market_order",
    "ledger_leg",
    "monitoring_alert",
    "core_auditentry",
)


def counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
    return found


@pytest.mark.slow
def test_a_small_county_lives_through_the_whole_loop_although_it_is_killed_twice(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        User, "set_password", lambda self, raw: setattr(self, "password", make_password(None))
    )
    monkeypatch.setattr(User, "check_password", lambda self, raw: True)
    options = Options(households=90, seed=5, villages=3, folder=tmp_path)
    killed = {"import", "talks"}
    steps = Line.step

    def dies(self: Line, done: int, total: int) -> None:
        for title in [s.title for s in STAGES if s.name in killed]:
            if title in self.head and done:
                killed.remove(next(s.name for s in STAGES if s.title == title))
                raise Killed
        steps(self, done, total)

    monkeypatch.setattr(Line, "step", dies)
    for _ in range(2):
        with pytest.raises(Killed):
            run_stages(STAGES, Scene(options), options.recipe)
    seconds = run_stages(STAGES, Scene(options), options.recipe)
    assert set(seconds) == {stage.name for stage in STAGES}
    before = counts()
    run_stages(STAGES, Scene(options), options.recipe)
    assert counts() == before
    assert clock.is_simulated() and Instance.objects.get().clock_at is not None

    made = report.make(Scene(options), seconds)
    assert made.is_sound, made.text
    assert "账本合计" in made.text
    assert (tmp_path / "report.html").exists() and (tmp_path / "errors.parquet").exists()
    reported = truth.read(tmp_path / "truth", "households")["is_reported"].sum()
    assert before["registry_household"] >= reported
    assert before["ledger_leg"] > 0 and before["exchange_agreement"] > 0
    assert stages.MARK_ACTION in set(AuditEntry.objects.values_list("action", flat=True))
