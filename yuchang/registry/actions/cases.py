"""The register's work as official procedures: what waits for whom, until when, is one list for everyone.

The actions of the register open and advance these cases in their own transaction; a row from before
procedures existed has no case and needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.errors import Refused
from yuchang.core.phrases import ours
from yuchang.procedures.actions import advance_cases, open_from, withdraw_cases
from yuchang.procedures.models import Case
from yuchang.registry.models import Objection

CORRECTED = ours("内容已更正,重新核实")
"""Why a verification is asked for again."""

DRIVER = "registry"
HOUSEHOLD, NOTICE, OBJECTION = "registry.household", "registry.notice", "registry.objection"
VERIFICATION = "household_verification"
AT_ONCE = 4_000

_INCOMING = """
SELECT i.id, h.place_id, h.head_name || ' ' || h.number, h.number, NULL::date
FROM incoming_household i JOIN registry_household h ON h.id = i.id
"""
_CASELESS_ROWS = "SELECT h.id, h.place_id, h.head_name || ' ' || h.number, h.number, NULL::date"
_CASELESS = f"""
FROM registry_household h
WHERE h.verified_by_id IS NULL AND h.state IN ('entered', 'listed', 'exited') AND NOT EXISTS (
    SELECT 1 FROM procedures_case c WHERE c.subject_kind = '{HOUSEHOLD}' AND c.subject_id = h.id
      AND c.code = '{VERIFICATION}' AND c.state = 'open')
"""  # noqa: S608 - our own constants
# Right after an import there are no statistics of the cases just opened: without this the planner reads them
# all for every household, a minute for 30,000.
_READ_ONCE = "SET LOCAL enable_nestloop = off"
_CASELESS_END = "ORDER BY h.id LIMIT %(limit)s"
_NOTICES = """
SELECT n.id, n.place_id, p.name || ' ' || n.opens_on, n.public_code, n.closes_on
FROM registry_notice n JOIN places_place p ON p.id = n.place_id WHERE n.id = ANY(%s)
"""
_OBJECTION = """
SELECT o.id, o.place_id, h.head_name || ' ' || h.number, '', NULL::date
FROM registry_objection o JOIN registry_noticeentry e ON e.id = o.entry_id
JOIN registry_household h ON h.id = e.household_id WHERE o.id = %s
"""


def await_second_person(actor: Actor) -> None:
    """A second person checks every household of ``incoming_household``; older checks are taken back."""
    take_back_verification(actor)
    open_from(actor, code=VERIFICATION, subject_kind=HOUSEHOLD, select_sql=_INCOMING, params=[])


def take_back_verification(actor: Actor) -> None:
    """What was asked before about the corrected of ``incoming_household`` is void.

    After an import, ``await_second_persons`` opens the new cases: nobody waits for them at the screen.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM incoming_household WHERE NOT is_new")
        corrected = [pk for (pk,) in cursor.fetchall()]
    if corrected:
        drop_verification(actor, corrected, CORRECTED)


def await_second_persons() -> int:
    """Open the case of up to 4,000 households that wait for a second person without one; how many.

    The work of a task, after imports and for what was there before procedures were. Each case is
    opened in the name of whoever entered the household, or of the system when the post has ended.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_READ_ONCE)
        cursor.execute(f"SELECT h.entered_by_id {_CASELESS} LIMIT 1")
        row = cursor.fetchone()
        if row is None:
            return 0
        author = User.objects.filter(pk=row[0]).first()
        values = {"author": row[0], "limit": AT_ONCE}
        actor = actor_for(author.pk, author.display_name, clock.today()) if author else SYSTEM
        try:
            with transaction.atomic():
                return _open_caseless(actor, values)
        except Refused:
            return _open_caseless(SYSTEM, values)


def _open_caseless(actor: Actor, values: dict[str, Any]) -> int:
    select = (
        f"{_CASELESS_ROWS} {_CASELESS} AND h.entered_by_id IS NOT DISTINCT FROM %(author)s {_CASELESS_END}"
    )
    return open_from(actor, code=VERIFICATION, subject_kind=HOUSEHOLD, select_sql=select, params=values)


def drop_verification(actor: Actor, household_ids: Sequence[int], reason: str) -> None:
    """What waited for a second person is gone."""
    withdraw_cases(
        actor,
        code=VERIFICATION,
        subject_kind=HOUSEHOLD,
        subject_ids=household_ids,
        reason=reason,
        driver=DRIVER,
    )


def held_by_others(actor: Actor) -> dict[int, str]:
    """Households whose check was transferred to somebody else, and to whom. They are few."""
    rows = Case.objects.filter(subject_kind=HOUSEHOLD, state=Case.State.OPEN, assigned_to__isnull=False)
    rows = rows.exclude(assigned_to_id=actor.user_id)
    return dict(rows.values_list("subject_id", "assigned_to__display_name"))


def confirm(actor: Actor, household_ids: Sequence[int]) -> None:
    """The second person has confirmed these. Raises Refused when one was transferred to another."""
    held = held_by_others(actor)
    if name := next((held[pk] for pk in household_ids if pk in held), ""):
        raise Refused(_("该户的核实已转交 %(name)s 办理。") % {"name": name}, remedy=_("请由其办理或转回。"))
    _advance(actor, VERIFICATION, "verify", "confirm", HOUSEHOLD, household_ids)


def open_notices(actor: Actor, notice_ids: Sequence[int]) -> None:
    """The notices have begun; each must be closed soon after its last day."""
    open_from(
        actor, code="public_notice", subject_kind=NOTICE, select_sql=_NOTICES, params=[list(notice_ids)]
    )


def end_notices(actor: Actor, notice_ids: Sequence[int]) -> None:
    """The notices were closed."""
    _advance(actor, "public_notice", "notice", "close", NOTICE, notice_ids)


def open_objection(actor: Actor, objection: Objection) -> None:
    """An objection waits for a decision. ``actor``: who raised it, or the system for one from the public."""
    open_from(actor, code="objection", subject_kind=OBJECTION, select_sql=_OBJECTION, params=[objection.pk])


def end_objection(actor: Actor, objection: Objection) -> None:
    """The objection was decided."""
    choice = "uphold" if objection.state == Objection.State.UPHELD else "reject"
    _advance(actor, "objection", "decide", choice, OBJECTION, [objection.pk], objection.reason)


def _advance(
    actor: Actor, code: str, step: str, choice: str, kind: str, ids: Sequence[int], opinion: str = ""
) -> None:
    advance_cases(
        actor,
        code=code,
        step=step,
        choice=choice,
        subject_kind=kind,
        subject_ids=ids,
        opinion=opinion,
        driver=DRIVER,
    )
