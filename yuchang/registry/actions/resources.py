"""What households and villages have and need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Refused, invalid
from yuchang.places.models import Place, keys_of
from yuchang.registry.codes import RESOURCE_KINDS
from yuchang.registry.models import Household, Resource

_COLUMNS = (
    *("household_id", "village_id", "direction", "kind", "category", "quantity", "unit"),
    *("season_from", "season_to", "note"),
)


def declare_resource(
    *,
    actor: Actor,
    direction: str,
    kind: str,
    category: str,
    quantity: int,
    unit: str,
    household_id: int | None = None,
    village_id: int | None = None,
    season_from: date | None = None,
    season_to: date | None = None,
    note: str = "",
) -> Resource:
    """Note an offer or need of a household, or of a village (``registry.enter``)."""
    _require_sound(
        {
            "direction": direction,
            "kind": kind,
            "category": category,
            "quantity": quantity,
            "unit": unit,
            "season_from": season_from,
            "season_to": season_to,
        }
    )
    with write("registry.declare_resource", actor) as audit:
        household = None
        if household_id is not None:
            household = open_door(Household.objects.all(), actor, "registry.enter", household_id)
            village = household.place
        else:
            village = open_door(Place.objects.filter(level=5), actor, "registry.enter", village_id)
        resource = Resource.objects.create(
            household=household,
            place=village,
            **keys_of(village),
            direction=direction,
            kind=kind,
            category=category,
            quantity=quantity,
            unit=unit,
            season_from=season_from,
            season_to=season_to,
            note=note[:300],
            declared_by_id=actor.user_id,
            declared_at=clock.now(),
        )
        audit.add("resource", resource.pk, place_id=village.pk, category=category, quantity=quantity)
    return resource


def _require_sound(row: Mapping[str, Any]) -> None:
    if row["direction"] not in Resource.Direction.values:
        raise invalid("direction", _("请选择能提供或需要。"))
    if row["kind"] not in {c.code for c in RESOURCE_KINDS}:
        raise invalid("kind", _("没有这种类别。"))
    if not isinstance(row["quantity"], int) or row["quantity"] <= 0:
        raise invalid("quantity", _("数量应为正整数。"))
    if not row["category"] or not row["unit"]:
        raise invalid("category", _("请填写品类和单位。"))
    start, end = row.get("season_from"), row.get("season_to")
    if start and end and end < start:
        raise invalid("season_to", _("结束日期早于开始日期。"))


def declare_resources_set(*, actor: Actor, rows: Iterable[Mapping[str, Any]]) -> int:
    """Many at once: mappings with the arguments of ``declare_resource``. Returns how many.

    Every household and village must lie in the actor's area, or nothing is written (Refused).
    """
    require(actor, "registry.enter")
    given = list(rows)
    for row in given:
        _require_sound(row)
    with write("registry.declare_resources_set", actor) as audit:
        _copy(given)
        _require_mine(actor, len(given))
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [actor.user_id, clock.now()])
        audit.add_bulk("resource", _AUDIT)
    return len(given)


def _copy(rows: Iterable[Mapping[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_resource")
        cursor.execute(
            "CREATE TEMPORARY TABLE incoming_resource (id bigint DEFAULT nextval('registry_resource_id_seq'),"
            " household_id bigint, village_id bigint, direction text, kind text, category text,"
            " quantity integer, unit text, season_from date, season_to date, note text) ON COMMIT DROP"
        )
        lines = ([row.get(c) if c != "note" else row.get(c, "") for c in _COLUMNS] for row in rows)
        copy_rows("incoming_resource", _COLUMNS, lines)
        cursor.execute(
            "UPDATE incoming_resource i SET village_id = h.place_id FROM registry_household h"
            " WHERE h.id = i.household_id"
        )
        cursor.execute("ANALYZE incoming_resource")


def _require_mine(actor: Actor, count: int) -> None:
    """Every row must lie in one of the actor's villages."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT village_id, count(*) FROM incoming_resource GROUP BY 1")
        rows = dict(cursor.fetchall())
    mine = set(
        Place.objects.filter(place_filter(actor, "registry.enter"), level=5, pk__in=[k for k in rows if k])
        .order_by()
        .values_list("pk", flat=True)
    )
    outside = count - sum(number for village, number in rows.items() if village in mine)
    if outside:
        raise Refused(
            _("有 %(count)s 条不在您的管辖范围内,全部未写入。") % {"count": outside},
            remedy=_("请只提交本辖区的资源。"),
        )


_INSERT = """
INSERT INTO registry_resource (id, uid, version, created_at, updated_at, household_id, place_id, province_id,
    prefecture_id, county_id, township_id, village_id, direction, kind, category, quantity, unit, season_from,
    season_to, note, declared_by_id, declared_at)
SELECT i.id, gen_random_uuid(), 1, now(), now(), i.household_id, p.id, p.province_id, p.prefecture_id,
    p.county_id, p.township_id, p.village_id, i.direction, i.kind, i.category, i.quantity, i.unit,
    i.season_from, i.season_to, coalesce(i.note, ''), %s, %s
FROM incoming_resource i JOIN places_place p ON p.id = i.village_id ORDER BY i.id
"""
_AUDIT = """
SELECT i.id::text, i.village_id, jsonb_build_object('category', i.category, 'quantity', i.quantity)
FROM incoming_resource i
"""


def withdraw_resource(*, actor: Actor, resource_id: int, version: int | None) -> Resource:
    """Mark a resource as no longer there."""
    with write("registry.withdraw_resource", actor) as audit:
        resource = open_door(Resource.objects.all(), actor, "registry.enter", resource_id, lock=True)
        check_version(resource, version)
        if resource.withdrawn_at is not None:
            raise Conflict(_("这条资源已经撤下。"))
        resource.withdrawn_at = clock.now()
        save(resource)
        audit.add("resource", resource.pk, place_id=resource.place_id)
    return resource
