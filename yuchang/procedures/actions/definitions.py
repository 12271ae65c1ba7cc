"""Definitions come into the database once and are never changed; a new version is a new row.

A place's own version is proposed by one person and put in force by another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts import actions as accounts
from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.audit import Author
from yuchang.core.errors import Conflict, Invalid, Problem, Refused, invalid
from yuchang.core.phrases import Both, said
from yuchang.messages import actions as messages
from yuchang.places.models import Place
from yuchang.procedures import queries
from yuchang.procedures.differences import lack_word
from yuchang.procedures.library import Shipped, shipped, shipped_of
from yuchang.procedures.models import Definition
from yuchang.procedures.rules.adapting import NewStep, StepChange, adapted
from yuchang.procedures.rules.machine import Faulty, Plan, loosened, parse

PROPOSE, VET, DEFINITION_KIND = "procedures.propose", "procedures.vet", "procedures.definition"


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
    """Propose a place's own version of a procedure (``procedures.propose`` there), from its YAML mapping.

    Its number follows the place's latest one. It keeps the safeguards of the version that holds there
    otherwise (``machine.loosened``). Cases begin under it once another person has put it in force
    (``vet_definition``); all of them are told. Raises Invalid with every fault, Conflict while another
    version of the same place waits, Refused or Hidden outside the area.
    """
    open_door(Place.objects.all(), actor, PROPOSE, place.pk)
    latest = Definition.objects.filter(code=content.get("code", ""), place=place).order_by("-number").first()
    try:
        given: Shipped = shipped_of({**content, "number": latest.number + 1 if latest else 1})
    except Faulty as error:
        raise Invalid([Problem("content", fault) for fault in error.faults]) from error
    except (KeyError, TypeError) as error:
        message = _("缺少必填项:%(name)s。") % {"name": error}
        raise Invalid([Problem("content", message)]) from error
    _check_safeguards(given.code, place, given.valid_from, parse(given.body))
    with write("procedures.add_definition", actor) as audit:
        _refuse_second(given.code, place)
        row = Definition.objects.create(place=place, **given.columns, **accounts.proposal(actor))
        facts = {"code": row.code, "number": row.number, "digest": row.digest, "state": row.state}
        audit.add("definition", row.pk, place_id=place.pk, **facts)
        _ask(actor, row, place)
    return row


def _check_safeguards(code: str, place: Place, on: date, plan: Plan) -> None:
    """Raises Invalid with everything that a place's version would loosen of the one above it."""
    above = queries.above(code, place, on)
    if above is None:
        return
    rule = queries.plan_of(above)
    if lacks := [lack_word(lack, rule) for lack in loosened(rule, plan)]:
        message = _("不能放宽上级规定:%(lack)s。")
        raise Invalid([Problem("content", message % {"lack": lack}) for lack in lacks])


def _refuse_second(code: str, place: Place) -> None:
    """One proposal at a time; whoever comes at the same moment waits for the place. Raises Conflict."""
    Place.objects.select_for_update(of=("self",), no_key=True).get(pk=place.pk)
    if Definition.objects.filter(code=code, place=place, state="proposed").exists():
        raise Conflict(_("本地已有一版待批准。"), remedy=_("请先由另一人批准或退回那一版。"))


def _name(row: Definition) -> Both:
    return Both(row.title, row.title_en)


def _ask(actor: Actor, row: Definition, place: Place) -> None:
    messages.send(
        actor,
        to_user_ids=queries.vetters_of(place, but=actor.user_id),
        kind="task",
        title=said("请审定程序“%(title)s”第 %(number)s 版", title=_name(row), number=row.number),
        body=said("%(place)s，由 %(name)s 提出。", place=place.name, name=actor.name),
        link=reverse("procedures:definition", args=[row.pk]),
        due_on=row.valid_from,
        place=place,
        reference_kind=DEFINITION_KIND,
        reference_id=row.pk,
    )


def vet_definition(
    actor: Actor, *, definition_id: int, version: int | None, approve: bool, note: str = ""
) -> Definition:
    """Put a proposed version in force, or refuse it with a reason: another person (``procedures.vet`` there).

    It holds from its first day, or from today when that has passed meanwhile; its safeguards are compared
    again with what holds above it now. The proposer is told.
    Raises Refused for the proposer, Hidden outside the area, Stale, Conflict when it is answered, Invalid.
    """
    with write("procedures.vet_definition", actor) as audit:
        within = place_filter(actor, VET, prefix="place__") & Q(place__isnull=False)
        rows = Definition.objects.select_related("place", "proposed_by")
        row = open_door(rows, actor, VET, definition_id, within=within, lock=True)
        check_version(row, version)
        others = _("请由同样有权调整程序的另一位同事批准；本级没有时，由上一级的批准。")
        accounts.answer_proposal(actor, row, approve=approve, note=note, others=others)
        assert row.place is not None and row.proposed_by is not None  # noqa: S101 - somebody proposed it there
        if approve:
            row.valid_from = max(row.valid_from, clock.today())
            _check_safeguards(row.code, row.place, row.valid_from, queries.plan_of(row))
        save(row)
        facts = {"code": row.code, "number": row.number, "approved": approve, "note": row.vetting_note}
        audit.add("definition", row.pk, place_id=row.place_id, valid_from=row.valid_from, **facts)
        messages.settle(actor, reference_kind=DEFINITION_KIND, reference_id=row.pk)
        _tell(actor, row, row.place)
    return row


def withdraw_definition(
    actor: Actor, *, definition_id: int, version: int | None, reason: str = ""
) -> Definition:
    """Take back a version that waits: its proposer, while nobody has answered it; nobody is asked any more.

    Raises Refused for anybody else, Hidden outside the area, Stale, Conflict when it is answered, Invalid
    without a reason.
    """
    if len(reason.strip()) < 2:
        raise invalid("reason", _("请写明理由。"))
    with write("procedures.withdraw_definition", actor) as audit:
        within = place_filter(actor, PROPOSE, prefix="place__") & Q(place__isnull=False)
        row = open_door(Definition.objects.all(), actor, PROPOSE, definition_id, within=within, lock=True)
        check_version(row, version)
        if row.proposed_by_id != actor.user_id:
            raise Refused(_("只有提出人可以撤回这一版。"), remedy=_("有权批准的人可以写明理由不予批准。"))
        if row.state != Definition.State.PROPOSED:
            raise Conflict(_("这一版已经批准、退回或撤回。"), remedy=_("请刷新页面查看结果。"))
        row.state, row.vetting_note = Definition.State.ENDED, reason.strip()[:200]
        save(row)
        facts = {"code": row.code, "number": row.number, "reason": row.vetting_note}
        audit.add("definition", row.pk, place_id=row.place_id, **facts)
        messages.settle(actor, reference_kind=DEFINITION_KIND, reference_id=row.pk)
    return row


def _tell(actor: Actor, row: Definition, place: Place) -> None:
    named = {"title": _name(row), "number": row.number}
    live, refused = (
        said("程序“%(title)s”第 %(number)s 版已批准", **named),
        said("程序“%(title)s”第 %(number)s 版未获批准", **named),
    )
    messages.send(
        actor,
        to_user_ids=[row.proposed_by_id] if row.proposed_by_id else [],
        kind="result",
        title=live if row.state == Definition.State.LIVE else refused,
        body=row.vetting_note,
        link=reverse("procedures:definition", args=[row.pk]),
        place=place,
    )


def adapt_definition(
    actor: Actor,
    *,
    definition: Definition,
    place: Place,
    changes: Mapping[str, StepChange],
    valid_from: date,
    document: str,
    source: str,
    left_out: Sequence[str] = (),
    added: NewStep | None = None,
) -> Definition:
    """Propose a place's own version of a procedure with other steps (``rules.adapting``).

    ``document`` is the number of the paper that says so. What is not given stays as in ``definition``.
    Raises Invalid for a day that has passed, a version that changes nothing or a weaker safeguard, else as
    ``add_definition``.
    """
    if valid_from < clock.today():
        raise invalid("valid_from", _("起始日已过。"), _("请填写今天或以后的日期。"))
    body = adapted(definition.body, changes, left_out=left_out, added=added)
    if body == definition.body:
        raise invalid("content", _("这一版与原来的没有不同。"), _("请至少改一处再提出。"))
    content = {"code": definition.code, "title": definition.title, "title_en": definition.title_en, **body}
    content |= {
        "certainty": "local",
        "valid_from": valid_from,
        "document": document.strip(),
        "source": source.strip(),
    }
    return add_definition(actor, place=place, content=content)
