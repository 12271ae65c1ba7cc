"""Dated observations: one household, or a county at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Refused, invalid
from yuchang.registry.actions.store import HOUSEHOLD_COLUMNS, MEMBER_COLUMNS, Origin, run, store_facts
from yuchang.registry.codes import HEALTH
from yuchang.registry.models import Household, HouseholdFacts, Source

# These stand on the household too: they change by correction, never by a bare observation.
_FIXED = {"size", "attribute", "exit_attribute", "main_cause"}


def record_facts(
    *,
    actor: Actor,
    household_id: int,
    observed_on: date,
    source: str,
    facts: Mapping[str, Any],
    member_facts: Mapping[int, Mapping[str, Any]] | None = None,
) -> HouseholdFacts:
    """Add an observation (``registry.enter``). Columns not named are carried over from the latest one.

    ``member_facts``: member id → columns of ``MemberFacts``, and ``health`` (list of codes).
    Raises Invalid for an unknown column or a day in the future.
    """
    member_facts = member_facts or {}
    _require_columns(facts, HOUSEHOLD_COLUMNS, observed_on, source)
    for values in member_facts.values():
        _require_columns(
            {k: v for k, v in values.items() if k != "health"}, MEMBER_COLUMNS, observed_on, source
        )
        if not set(values.get("health") or ()) <= {c.code for c in HEALTH}:
            raise invalid("health", _("健康状况不在代码表中。"))
    with write("registry.record_facts", actor) as audit:
        household = open_door(Household.objects.all(), actor, "registry.enter", household_id)
        here = set(household.members.filter(left_on=None).values_list("pk", flat=True))
        if not set(member_facts) <= here:
            raise invalid("member_facts", _("所列成员不属于该户。"))
        people = [
            {"id": pk, "facts": _plain(values), "health": values.get("health")}
            for pk, values in member_facts.items()
        ]
        _fill([(household.pk, dict(facts))], people)
        store_facts(Origin(actor.user_id, source, observed_on, clock.now(), renews=True))
        Household.objects.filter(pk=household.pk).update(content_hash=None)
        names = sorted({*facts, *(k for v in member_facts.values() for k in v)})
        audit.add(
            "household", household.pk, place_id=household.place_id, on=observed_on, source=source, facts=names
        )
    latest = HouseholdFacts.objects.filter(household=household, observed_on__lte=observed_on)
    return latest.order_by("-observed_on", "-id")[0]


def record_facts_set(
    *,
    actor: Actor,
    observed_on: date,
    source: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> int:
    """Many observations at once: ``rows`` are (household_id, value, …) in the order of ``columns``.

    Every household must lie in the actor's area, or nothing is written (Refused). Other columns are
    carried over. Saying the same again on a later day renews the date. Returns how many households were
    observed.
    """
    require(actor, "registry.enter")
    _require_columns(dict.fromkeys(columns), HOUSEHOLD_COLUMNS, observed_on, source)
    given = [(row[0], dict(zip(columns, row[1:], strict=True))) for row in rows]
    with write("registry.record_facts_set", actor) as audit:
        _fill(given, [])
        _require_mine(actor)
        store_facts(Origin(actor.user_id, source, observed_on, clock.now(), renews=True))
        run(
            "UPDATE registry_household h SET content_hash = NULL FROM incoming_household i"
            " WHERE h.id = i.id AND h.content_hash IS NOT NULL",
            {},
        )
        details = json.dumps({"on": str(observed_on), "source": source, "facts": sorted(columns)})
        return audit.add_bulk(
            "household",
            "SELECT h.id::text, h.place_id, %s::jsonb FROM incoming_household i"
            " JOIN registry_household h ON h.id = i.id",
            [details],
        )


def _require_columns(values: Mapping[str, Any], known: Sequence[str], on: date, source: str) -> None:
    if on > clock.today():
        raise invalid("observed_on", _("日期在将来。"), _("请填写调查当天的日期。"))
    if source not in Source.values:
        raise invalid("source", _("没有这种来源。"))
    unknown = sorted(set(values) - (set(known) - _FIXED))
    if unknown:
        raise invalid("facts", _("没有这些事实项:%(names)s。") % {"names": "、".join(unknown)})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k != "health"}


def _fill(households: Sequence[tuple[int, dict[str, Any]]], people: Sequence[Mapping[str, Any]]) -> None:
    """The writer's temporary tables, with facts only."""
    run(
        "DROP TABLE IF EXISTS pg_temp.incoming_household, pg_temp.incoming_member;\n"
        "CREATE TEMPORARY TABLE incoming_household (id bigint PRIMARY KEY, is_new boolean DEFAULT false,"
        " facts jsonb) ON COMMIT DROP;\n"
        "CREATE TEMPORARY TABLE incoming_member (id bigint PRIMARY KEY, is_new boolean DEFAULT false,"
        " facts jsonb, health text[], disability_kind text, disability_level smallint) ON COMMIT DROP;\n",
        {},
    )
    copy_rows("incoming_household", ("id", "facts"), ((pk, _json(facts)) for pk, facts in households))
    persons = ((p["id"], _json(p["facts"]), p["health"]) for p in people)
    copy_rows("incoming_member", ("id", "facts", "health"), persons)
    run("ANALYZE incoming_household;\nANALYZE incoming_member", {})


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, default=str)


def _require_mine(actor: Actor) -> None:
    """Refuse the whole set when one household is absent, removed or out of reach."""
    mine = Household.objects.filter(place_filter(actor, "registry.enter")).exclude(state="removed")
    sql, parameters = mine.order_by().values("id").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM incoming_household i WHERE i.id NOT IN ({sql})",  # noqa: S608 - Django's own
            parameters,
        )
        outside = cursor.fetchone()[0]
    if outside:
        raise Refused(
            _("有 %(count)s 户不在您的管辖范围内或已注销,全部未写入。") % {"count": outside},
            remedy=_("请只提交本辖区的户。"),
        )
