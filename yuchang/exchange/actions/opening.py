"""Reaching an agreement and its parts for one side: always the agreement first, then the part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.exchange.models import Agreement, Side
from yuchang.exchange.queries import side_filter, spoken_for
from yuchang.exchange.queries_deals import HOLDING

M = TypeVar("M", bound=Model)
LIVE = (Agreement.State.AGREED,)
ENDED = (Agreement.State.AGREED, Agreement.State.FULFILLED)


def open_deal(
    actor: Actor, permission: str, agreement_id: int, side: str = "", *, states: Sequence[str] = LIVE
) -> Agreement:
    """Lock an agreement for whose ``side`` (either, if empty) the actor speaks.

    Raises Invalid, Refused, Hidden, and Conflict when it is in none of the states.
    """
    if side and side not in Side.values:
        raise invalid("side", _("须说明代表供方还是需方。"))
    within = side_filter(actor, permission, f"{side}__") if side else spoken_for(actor, permission)
    rows = Agreement.objects.select_related("match", "offer__place", "need__place", "place", "category")
    found = open_door(rows, actor, permission, agreement_id, within=within, lock=True)
    if found.state not in states:
        raise Conflict(
            _("这份协议是“%(state)s”，不能这样办理。") % {"state": found.get_state_display()},
            remedy=_("请刷新页面查看。") if found.state in HOLDING else _("请先由双方签字。"),
        )
    return found


def open_part(
    model: type[M],
    actor: Actor,
    permission: str,
    number: int,
    side: str = "",
    *,
    states: Sequence[str] = LIVE,
) -> tuple[M, Agreement]:
    """Lock one part of an agreement, and the agreement before it. Raises as ``open_deal``."""
    agreement_id = agreement_of(model, number)
    agreement = open_deal(actor, permission, agreement_id, side, states=states)
    return model._default_manager.select_for_update().get(pk=number), agreement


def agreement_of(model: type[M], number: int) -> int:
    """The agreement of a part. Raises Hidden when there is no such part."""
    rows = model._default_manager.filter(pk=number)
    found: int | None = rows.values_list("agreement_id", flat=True).first()
    if found is None:
        raise Hidden(_("没有找到，或不在您的管辖范围内。"))
    return found
