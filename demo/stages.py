"""Stages that survive a kill: what a stage wrote and the mark that it is done commit together.

The marks are entries of the audit log (action ``demo.finish_stage``), so that the simulator needs no
table of its own. A stage that cannot run in one transaction (an import that commits in portions, a
freeze that wants its own snapshot) is written so that running it again changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import transaction

from demo.progress import Line
from yuchang.accounts.rules import SYSTEM
from yuchang.core import actions
from yuchang.core.models import AuditEntry
from yuchang.core.once import remembering

C = TypeVar("C")
MARK_ACTION = "demo.finish_stage"


@dataclass(frozen=True)
class Stage(Generic[C]):
    """``run`` writes and returns a sentence about what came of it."""

    name: str
    title: str
    run: Callable[[C, Line], str]
    is_atomic: bool = True
    writes_much: bool = False


class OtherSimulation(Exception):
    """The database holds a simulation made by another recipe."""


def marks() -> dict[str, dict[str, str]]:
    """The details of every mark, by stage name."""
    rows = AuditEntry.objects.filter(action=MARK_ACTION).order_by("id").values_list("object_id", "body")
    return {name: json.loads(body)["details"] for name, body in rows}


def run_stages(
    stages: Sequence[Stage[C]], context: C, recipe: str, after_much: Callable[[], None] | None = None
) -> dict[str, float]:
    """Run what is not marked yet, in order. Returns the seconds of each stage, also of earlier runs.

    ``after_much`` is called after a stage that writes much.
    Raises OtherSimulation when the marks are another recipe's.
    """
    known = marks()
    strangers = {mark["recipe"] for mark in known.values()} - {recipe}
    if strangers:
        raise OtherSimulation(", ".join(sorted(strangers)))
    seconds = {name: float(mark["seconds"]) for name, mark in known.items()}
    for number, stage in enumerate(stages, start=1):
        line = Line(number, len(stages), stage.title)
        if stage.name in known:
            line.skipped()
            continue
        started = time.monotonic()
        with remembering():
            result = _run(stage, context, line, recipe)
        seconds[stage.name] = round(time.monotonic() - started, 2)
        line.done(result)
        if stage.writes_much and after_much:
            after_much()
    return seconds


def _run(stage: Stage[C], context: C, line: Line, recipe: str) -> str:
    if not stage.is_atomic:
        result = stage.run(context, line)
        _mark(stage, line, recipe, result)
        return result
    with transaction.atomic():
        result = stage.run(context, line)
        _mark(stage, line, recipe, result)
    return result


def _mark(stage: Stage[C], line: Line, recipe: str, result: str) -> None:
    with actions.write(MARK_ACTION, SYSTEM) as audit:
        audit.add("demo_stage", stage.name, recipe=recipe, seconds=f"{line.seconds:.2f}", result=result)
