"""Doors: the only way from a number to an object. A refusal says why and whom to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from yuchang.accounts.factors import real_now
from yuchang.accounts.queries import consented_fields, permission_word, reach, role_word
from yuchang.accounts.rules import PROOF_MINUTES, Actor, is_proof_fresh, roles_with
from yuchang.core.errors import Hidden, Refused
from yuchang.core.prepared import Prepared

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponseBase]
PUBLIC = "public"
SIGNED_IN = "signed in"
ROLES_NAMED = 4  # of those who could do it instead


def require(actor: Actor, permission: str) -> None:
    """Raises Refused (403) when no role of the actor carries the permission."""
    if not actor.may(permission):
        word = {"permission": permission_word(permission)}
        if replace(actor, only=None).may(permission):
            raise Refused(
                _("这一令牌没有“%(permission)s”权限。") % word,
                remedy=_("请在“接口”页面另发一个带此权限的令牌。"),
            )
        message = _("您的岗位没有“%(permission)s”权限。") % word
        roles = _("、").join(role_word(role) for role in roles_with(permission)[:ROLES_NAMED])
        remedy = _("可请%(roles)s办理;如确需自己办理,请联系本县系统管理员调整岗位。") % {"roles": roles}
        raise Refused(message, remedy=remedy)


def open_door(
    rows: QuerySet[M], actor: Actor, permission: str, pk: Any, *, within: Q | None = None, lock: bool = False
) -> M:
    """The one row with this key, if it lies in the actor's reach; ``lock`` takes it for update.

    ``within`` replaces the usual reach: by place, own household, assignment, consent and sample.
    Raises Refused (403) without the permission and Hidden (404) for a row that is absent or out of
    reach, without telling which.
    """
    require(actor, permission)
    found = rows.filter(reach(actor, permission, rows.model) if within is None else within, pk=pk)
    if lock:
        found = found.select_for_update(of=("self",))
    return _through(found.first())


def open_prepared(question: Prepared[M], model: type[M], actor: Actor, permission: str, pk: Any) -> M:
    """``open_door`` where ``question`` asks for the row by the condition of reach and the key."""
    require(actor, permission)
    return _through(next(iter(question(reach(actor, permission, model), pk)), None))


def _through(row: M | None) -> M:
    if row is None:
        raise Hidden(_("没有找到,或不在您的管辖范围内。"), remedy=_("请核对编号;跨区域事项请联系所属县。"))
    return row


class ProofDue(Refused):
    """Who is acting was proven too long ago for this; ``entry.ask_for_proof`` leads to the way out."""


def require_proof(proven_at: datetime | None) -> None:
    """Raises ProofDue (403) when the person's last proof is older than ``PROOF_MINUTES``, or unknown."""
    if not is_proof_fresh(proven_at, real_now()):
        raise ProofDue(
            _("距上次验证身份已超过 %(minutes)s 分钟。") % {"minutes": PROOF_MINUTES},
            remedy=_("请再次验证身份后查看。"),
        )


def open_consented(
    rows: QuerySet[M], actor: Actor, pk: Any, *, household_id: int, purpose: str
) -> tuple[M, frozenset[str]]:
    """One row of a household together with the fields that its live consents open for the purpose.

    Raises Refused (403) without ``consents.use``; Hidden (404) when nothing is consented, or no longer.
    """
    require(actor, "consents.use")
    fields = consented_fields(actor, household_id, purpose)
    within = Q() if fields else Q(pk__in=[])
    return open_door(rows, actor, "consents.use", pk, within=within), fields


def gate(permission: str) -> Callable[[View], View]:
    """Declare what a view needs: a permission, ``SIGNED_IN`` or ``PUBLIC``. The access matrix reads it."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if permission not in (PUBLIC, SIGNED_IN):
                require(actor_of(request), permission)
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return login_not_required(guarded) if permission == PUBLIC else guarded

    return declare


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in actor of this request. Raises Refused when nobody is signed in."""
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        raise Refused(_("请先登录。"))
    return actor
