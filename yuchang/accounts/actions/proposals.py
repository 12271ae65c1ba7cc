"""What every right shares: one person proposes it, another approves it, the database has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import Deputy, Incumbency, RoleGrant, TeamMember, Vetted
from yuchang.accounts.queries import grants_in_reach, people_for, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Invalid, Refused, YuchangError, invalid

MANAGE, VET = "accounts.manage", "accounts.vet"
KINDS: dict[str, type[Vetted]] = {
    "grant": RoleGrant,
    "post": Incumbency,
    "deputy": Deputy,
    "team": TeamMember,
}
_WAY = {"post": "post__", "deputy": "incumbency__post__", "team": "team__"}


def proposal(actor: Actor) -> dict[str, Any]:
    """The columns of a right proposed by the actor; only the command line makes it live at once."""
    state = Vetted.State.PROPOSED if actor.user_id else Vetted.State.LIVE
    return {"state": state, "proposed_by_id": actor.user_id}


def in_reach(actor: Actor, kind: str, permission: str = VET) -> Q:
    """Proposals of one kind within the actor's places."""
    if kind == "grant":
        return grants_in_reach(actor, permission)
    return place_filter(actor, permission, prefix=_WAY[kind])


def refuse_oneself(actor: Actor, user_id: int) -> None:
    """Nobody adjusts the own account or rights. Raises Refused."""
    if user_id == actor.user_id:
        other = _("请由另一位系统管理员办理。") if actor.may(MANAGE) else _("请由另一位有此权限的同事办理。")
        raise Refused(_("不能调整自己的账号与岗位。"), remedy=other)


def check_person(actor: Actor, user_id: int, permission: str = MANAGE) -> None:
    """The person exists in reach, may sign in, and is somebody else. Raises Invalid at the field, Refused.

    Who is out of reach is refused in the words for who does not exist.
    """
    require(actor, permission)
    refuse_oneself(actor, user_id)
    if not people_for(actor, permission).filter(pk=user_id, is_active=True).exists():
        raise unknown_person()


def unknown_person() -> Invalid:
    """Nobody of this name, or nobody of the actor's places: not told apart, so names cannot be tried out."""
    message = _("没有这个登录名,或此人不在您的管辖范围内。")
    return invalid("username", message, _("请核对登录名;其他地区的人员请联系那里的管理员。"))


def check_days(valid_from: date, valid_to: date | None) -> None:
    """The end is not before the beginning. Raises Invalid."""
    if valid_to is not None and valid_to < valid_from:
        raise invalid("valid_to", _("截止日期早于开始日期。"))


def end_row(row: Any, last: date | None = None) -> None:
    """End a dated row with its last day, yesterday unless told; a proposal or what begins later never counts.

    Raises Conflict when it has ended before.
    """
    last = last or clock.today() - timedelta(days=1)
    if (row.valid_to is not None and row.valid_to <= last) or getattr(row, "state", "") == "ended":
        raise Conflict(_("这一任职或岗位已经结束。"))
    if getattr(row, "state", "") == "proposed" or (row.valid_from > last and hasattr(row, "state")):
        row.state = Vetted.State.ENDED
    else:
        row.valid_to = max(last, row.valid_from)
    actions.save(row)


# What the database says, as kind of refusal, sentence and remedy (translated when shown).
_REFUSALS: dict[str, tuple[type[YuchangError], str, str]] = {
    "accounts_administrators_apart": (
        Refused,
        gettext_noop("系统管理员、安全管理员、审计管理员、审计员互相分立,也不能兼任业务岗位。"),
        gettext_noop("请为业务岗位另设账号。"),
    ),
    "accounts_incumbency_one_at_a_time": (
        Conflict,
        gettext_noop("这一岗位在这段时间已有人任职。"),
        gettext_noop("请先办理交接。"),
    ),
    "accounts_deputy_one_at_a_time": (
        Conflict,
        gettext_noop("这段时间已有代理人。"),
        gettext_noop("请先结束原来的代理。"),
    ),
    "accounts_teammember_once": (
        Conflict,
        gettext_noop("此人已在队(组)中。"),
        gettext_noop("请刷新名单。"),
    ),
    "accounts_teammember_one_leader": (
        Conflict,
        gettext_noop("这段时间已有组长(队长)。"),
        gettext_noop("请先让原来的组长(队长)离任。"),
    ),
    "accounts_scopeitem_one_helper": (
        Conflict,
        gettext_noop("这户在这段时间已有帮扶责任人。"),
        gettext_noop("请刷新后重试。"),
    ),
}


@contextmanager
def explained() -> Iterator[None]:
    """A savepoint in which a refusal of the database becomes a sentence. Raises Refused, Conflict."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
        if name not in _REFUSALS:
            raise
        kind, message, remedy = _REFUSALS[name]
        raise kind(_(message), remedy=_(remedy)) from error


def answer_proposal(actor: Actor, row: Vetted, *, approve: bool, note: str, others: str) -> None:
    """Note on a locked row that a second person approved or refused it; the caller saves it.

    ``others`` says who could instead. Raises Conflict when it is answered, Refused for the proposer, Invalid
    for a refusal without a reason.
    """
    if not approve and not note.strip():
        raise invalid("note", _("请写明不批准的理由。"))
    if row.state != Vetted.State.PROPOSED:
        raise Conflict(_("这项申请已经办理。"))
    if actor.user_id in (None, row.proposed_by_id):
        raise Refused(_("提出人和本人不能批准。"), remedy=others)
    row.state = Vetted.State.LIVE if approve else Vetted.State.REFUSED
    row.vetted_by_id, row.vetted_at, row.vetting_note = actor.user_id, clock.now(), note.strip()


def vet(*, actor: Actor, kind: str, pk: int, version: int | None, approve: bool, note: str = "") -> Vetted:
    """Approve or refuse what somebody proposed (``kind``: grant, post, deputy, team).

    Only a security administrator, and neither the proposer nor the person who gains by it.
    Raises Hidden, Refused, Stale, Conflict, Invalid.
    """
    if kind not in KINDS:
        raise invalid("kind", _("没有这一类申请。"))
    with actions.write("accounts.vet", actor) as audit:
        rows = KINDS[kind]._default_manager.all()
        row: Any = open_door(rows, actor, VET, pk, within=in_reach(actor, kind), lock=True)
        actions.check_version(row, version)
        if actor.user_id == row.user_id:
            raise Refused(_("提出人和本人不能批准。"), remedy=_("请由另一位安全管理员办理。"))
        answer_proposal(actor, row, approve=approve, note=note, others=_("请由另一位安全管理员办理。"))
        with explained():
            actions.save(row)
        audit.add(f"{kind}_right", row.pk, user=row.user_id, approved=approve, note=note.strip())
    assert isinstance(row, Vetted)  # noqa: S101 - KINDS says so
    return row
