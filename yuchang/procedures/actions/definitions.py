"""Definitions come into the database once and are never changed; a new version is a new row."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import Author, write
from yuchang.core.errors import Invalid, Problem, invalid
from yuchang.places.models import Place
from yuchang.procedures import queries
from yuchang.procedures.library import Shipped, shipped, shipped_of
from yuchang.procedures.models import Definition
from yuchang.procedures.rules.machine import Faulty, loosened, parse


def sync_definitions(*, actor: Author = SYSTEM, code: str = "") -> int:
    """Bring the shipped definitions (of one code, or all) into the database. Returns how many were new.

    Those of places that this database does not have are left out. Stored ones are never touched.
    """
    wanted = [s for s in shipped() if code in ("", s.code)]
    codes = [s.place_code for s in wanted if s.place_code]
    places = {p.code: p for p in Place.objects.filter(code__in=codes, valid_to=None)} if codes else {}
    stored = set(Definition.objects.filter(code=code) if code else Definition.objects.all())
    known = {(d.code, d.place_id, d.number) for d in stored}
    fresh = [(s, places.get(s.place_code)) for s in wanted if not s.place_code or s.place_code in places]
    fresh = [(s, p) for s, p in fresh if (s.code, p.pk if p else None, s.number) not in known]
    if not fresh:
        return 0
    with write("procedures.sync_definitions", actor) as audit:
        rows = [Definition(place=place, **s.columns) for s, place in fresh]
        Definition.objects.bulk_create(rows, ignore_conflicts=True)
        for s, place in fresh:
            audit.add("definition", s.code, place_id=place.pk if place else None, number=s.number)
    return len(fresh)


def add_definition(actor: Actor, *, place: Place, content: Mapping[str, Any]) -> Definition:
    """A place's own version of a procedure (``procedures.manage`` there), from its YAML mapping.

    Its number follows the place's latest one. Cases that have begun keep theirs. It keeps the safeguards of
    the version that holds there otherwise (``machine.loosened``). Raises Invalid with every fault, Refused
    or Hidden outside the area.
    """
    open_door(Place.objects.all(), actor, "procedures.manage", place.pk)
    latest = Definition.objects.filter(code=content.get("code", ""), place=place).order_by("-number").first()
    try:
        given: Shipped = shipped_of({**content, "number": latest.number + 1 if latest else 1})
    except Faulty as error:
        raise Invalid([Problem("content", fault) for fault in error.faults]) from error
    except (KeyError, TypeError) as error:
        message = _("缺少必填项:%(name)s。") % {"name": error}
        raise Invalid([Problem("content", message)]) from error
    above = queries.above(given.code, place, given.valid_from)
    if above and (lacks := loosened(queries.plan_of(above), parse(given.body))):
        raise Invalid(
            [Problem("content", _("不能放宽上级规定:%(lack)s。") % {"lack": lack}) for lack in lacks]
        )
    with write("procedures.add_definition", actor) as audit:
        row = Definition.objects.create(place=place, **given.columns)
        audit.add(
            "definition", row.pk, place_id=place.pk, code=row.code, number=row.number, digest=row.digest
        )
    return row


def adapt_definition(
    actor: Actor,
    *,
    definition: Definition,
    place: Place,
    days: Mapping[str, int],
    samples: Mapping[str, int],
    valid_from: date,
    document: str,
    source: str,
) -> Definition:
    """A place's own version of a procedure with other day limits and larger samples, by step.

    ``document`` is the number of the paper that says so. What is not given stays as in ``definition``.
    Raises Invalid for a day that has passed or a weaker safeguard, else as ``add_definition``.
    """
    if valid_from < clock.today():
        raise invalid("valid_from", _("起始日已过。"), _("请填写今天或以后的日期。"))
    body = deepcopy(definition.body)
    for step in body["steps"]:
        if step["code"] in days:
            step["limit"] = {**step["limit"], "days": days[step["code"]]}
        if step["code"] in samples:
            step["sample_percent"] = samples[step["code"]]
    content = {"code": definition.code, "title": definition.title, "title_en": definition.title_en, **body}
    content |= {
        "certainty": "local",
        "valid_from": valid_from,
        "document": document.strip(),
        "source": source.strip(),
    }
    return add_definition(actor, place=place, content=content)
