"""The entry of organisations as an official procedure: who checks and who decides, until when.

The actions of this domain open and advance these cases in their own transaction; an organisation from
before the procedure has no case and needs none.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from yuchang.accounts.rules import SYSTEM, Actor, PlaceScope
from yuchang.core.errors import Refused
from yuchang.core.phrases import ours
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.procedures.actions import Subject, advance_cases, open_cases
from yuchang.procedures.models import Case

BY_STAFF = ours("由工作人员录入：%(name)s")
VETTED = ours("核验")
"""Opinions of steps that nobody wrote anything to."""

DRIVER, CODE, KIND = "partners", "partner_entry", "partners.organisation"


def begin(actor: Actor, rows: Sequence[Organisation], *, is_checked: bool) -> None:
    """Open a case for each. ``is_checked``: staff entered it and thereby looked at it.

    Opened in the name of the system where the actor has no post in the host county.
    """
    if not rows:
        return
    author = actor if all(_is_at_home(actor, row.host) for row in rows) else SYSTEM
    subjects = [Subject(row.pk, row.host_id, row.name, row.credit_code or "") for row in rows]
    open_cases(author, code=CODE, subject_kind=KIND, subjects=subjects)
    if is_checked:
        pass_check(author, [row.pk for row in rows], BY_STAFF % {"name": actor.name})


def _is_at_home(actor: Actor, host: Place) -> bool:
    above = {0: 0, 1: host.province_id, 2: host.prefecture_id, 3: host.pk}
    scopes = [s for s in actor.scopes("partners.propose") if isinstance(s, PlaceScope)]
    return any(s.level <= 3 and above[s.level] == s.place_id for s in scopes)


def pass_check(actor: Actor, organisation_ids: Sequence[int], opinion: str) -> None:
    """The papers were looked at."""
    _advance(actor, "check", "pass", organisation_ids, opinion)


def end(actor: Actor, organisation_ids: Sequence[int], choice: str, opinion: str) -> None:
    """Decided: ``admit`` or ``refuse``. Raises Refused when the decision was handed to somebody else."""
    held = Case.objects.filter(subject_kind=KIND, subject_id__in=organisation_ids, state=Case.State.OPEN)
    other = held.filter(assigned_to__isnull=False).exclude(assigned_to_id=actor.user_id).first()
    if other is not None and other.assigned_to is not None:
        name = other.assigned_to.display_name
        raise Refused(
            _("该机构的核验已转交 %(name)s 办理。") % {"name": name}, remedy=_("请由其办理或转回。")
        )
    words = opinion if len(opinion.strip()) > 1 else VETTED
    _advance(actor, "decide", choice, organisation_ids, words)


def _advance(actor: Actor, step: str, choice: str, organisation_ids: Sequence[int], opinion: str) -> None:
    advance_cases(
        actor,
        code=CODE,
        step=step,
        choice=choice,
        subject_kind=KIND,
        subject_ids=organisation_ids,
        opinion=opinion,
        driver=DRIVER,
    )
