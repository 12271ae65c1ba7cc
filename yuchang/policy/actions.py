"""Writes: decisions on one household, runs over a county."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import invalid
from yuchang.places.models import Place, keys_of
from yuchang.policy.explain import explain
from yuchang.policy.inputs import PLACE_COLUMNS, county_extracts, input_row
from yuchang.policy.models import Decision, Plan, Run
from yuchang.policy.queries import county_plan, place_plan
from yuchang.policy.rules import CompiledPlan, decide, judge, plan_hash, read_plan, run_statement
from yuchang.registry.models import Household
from yuchang.rulelang.sql import Tables
from yuchang.snapshots.actions import freeze
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.queries import SideTable, stream
from yuchang.snapshots.rules import Column

_RESULT_COLUMNS = ("household_id", *PLACE_COLUMNS, "met_mask", "unknown_mask", "verdict", "monitoring_class")


def decide_household(*, actor: Actor, household_id: int, on: date) -> Decision:
    """Apply the rules of ``policies/`` to one household as known on the day, and store the decision.

    Needs ``policy.decide`` over the household's village. Raises Invalid (422) when no usable line
    is stored for the place and day; nothing is decided without one.
    """
    _check_day(on)
    household = open_door(Household.objects.select_related("place"), actor, "policy.decide", household_id)
    source = place_plan(household.place, on)
    plan = read_plan(source)
    row = input_row(household.pk, on, plan.pack.facts)
    text = row.text()
    outcome = decide(plan, row, on)
    explanation = explain(plan, row, on, outcome)
    with write("policy.decide_household", actor) as audit:
        decision = Decision.objects.create(
            household=household,
            place=household.place,
            **keys_of(household.place),
            on=on,
            plan=_store_plan(source, plan),
            input_row=text,
            input_hash=hashlib.sha256(text.encode()).hexdigest(),
            verdict=outcome.verdict,
            monitoring_class=outcome.monitoring_class,
            met_mask=outcome.met_mask,
            unknown_mask=outcome.unknown_mask,
            explanation=explanation,
            made_at=clock.now(),
            made_by_id=actor.user_id,
        )
        audit.add(
            "decision",
            decision.pk,
            place_id=household.place_id,
            household=household.pk,
            verdict=outcome.verdict,
            plan=decision.plan.hash,
            input=decision.input_hash,
        )
    return decision


def run_policy(*, actor: Actor, county: Place, on: date) -> Run:
    """Freeze the county's households and apply the rules to all of them at once.

    Stores a ``Run`` with its plan and snapshot and one ``RunResult`` per household. Call it outside
    a transaction for the fast path. Raises like ``decide_household``.
    """
    _check_day(on)
    require(actor, "policy.decide")
    county = open_door(Place.objects.filter(level=Place.Level.COUNTY), actor, "policy.decide", county.pk)
    source = county_plan(county, on)
    plan = read_plan(source)
    snapshot = freeze(
        actor=actor,
        name="policy.county",
        place=county,
        extracts=county_extracts(county.pk, on),
        as_of=on,
    )
    with write("policy.run_policy", actor) as audit:
        tally = _stage_results(plan, snapshot, on)
        run = Run.objects.create(
            place=county,
            **keys_of(county),
            on=on,
            plan=_store_plan(source, plan),
            snapshot=snapshot,
            households=tally.households,
            counts=tally.counts(),
            result_hash=tally.digest.hexdigest(),
            made_at=clock.now(),
            made_by_id=actor.user_id,
        )
        _store_results(run)
        audit.add(
            "run",
            run.pk,
            place_id=county.pk,
            snapshot=snapshot.content_hash,
            plan=run.plan.hash,
            result=run.result_hash,
            households=run.households,
        )
    return run


def _check_day(on: date) -> None:
    if on > clock.today():
        raise invalid("on", _("不能按将来的日期认定。"), _("请选择今天或以前的日期。"))


def _store_plan(source: str, plan: CompiledPlan) -> Plan:
    stored, _created = Plan.objects.get_or_create(
        hash=plan_hash(source),
        defaults={"pack": plan.pack.name, "source": source, "created_at": clock.now()},
    )
    return stored


class _Tally:
    """Counts and the hash of result rows as they pass."""

    def __init__(self) -> None:
        self.households = 0
        self.verdicts: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.digest = hashlib.sha256()

    def add(self, row: tuple[Any, ...]) -> None:
        self.households += 1
        self.verdicts[row[-2]] += 1
        self.classes[row[-1]] += 1
        self.digest.update(f"{row[0]},{row[-4]},{row[-3]},{row[-2]},{row[-1]}\n".encode())

    def counts(self) -> dict[str, dict[str, int]]:
        return {"verdict": dict(self.verdicts), "class": dict(self.classes)}


def run_rows(plan: CompiledPlan, snapshot: Snapshot, on: date) -> Iterator[tuple[Any, ...]]:
    """The result rows of a plan over a snapshot, in household order. Writes nothing."""
    text = run_statement(plan, on, PLACE_COLUMNS, Tables()) + "\nORDER BY o_household_id"
    outcomes: dict[tuple[int, int], tuple[int, int, str, str]] = {}
    for rows in stream(snapshot, text, beside=_place_parameters(plan)):
        for row in rows:
            masks = row[-2], row[-1]
            if masks not in outcomes:
                found = judge(plan.pack, *masks)
                outcomes[masks] = (*masks, found.verdict, found.monitoring_class)
            yield (*row[:-2], *outcomes[masks])


def _place_parameters(plan: CompiledPlan) -> dict[str, SideTable]:
    if not plan.by_place:
        return {}
    names = sorted({name for values in plan.by_place.values() for name in values})
    columns = tuple(Column(name, "BIGINT") for name in ("place_id", *names))
    rows = [(int(place), *(values[n] for n in names)) for place, values in plan.by_place.items()]
    return {"place_parameters": SideTable(columns, rows)}


def _stage_results(plan: CompiledPlan, snapshot: Snapshot, on: date) -> _Tally:
    tally = _Tally()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged_results")
        cursor.execute(
            "CREATE TEMP TABLE staged_results (household_id bigint, province_id bigint, prefecture_id bigint,"
            " county_id bigint, township_id bigint, village_id bigint, met_mask bigint, unknown_mask bigint,"
            " verdict text, monitoring_class text) ON COMMIT DROP"
        )
        with cursor.cursor.copy(f"COPY staged_results ({', '.join(_RESULT_COLUMNS)}) FROM STDIN") as copy:
            for row in run_rows(plan, snapshot, on):
                tally.add(row)
                copy.write_row(row)
    return tally


def _store_results(run: Run) -> None:
    columns = ", ".join(_RESULT_COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO policy_runresult (run_id, {columns})"  # noqa: S608 - our own column names
            f" SELECT %s, {columns} FROM staged_results ORDER BY household_id",
            [run.pk],
        )
