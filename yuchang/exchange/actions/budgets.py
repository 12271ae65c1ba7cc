"""What an organisation can pay: stated by itself, respected by clearings that are asked to."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem
from yuchang.exchange.clearing.side_rows import ROW_MAX_FEN
from yuchang.exchange.models import Budget

DAYS_MAX = 1100
"""A budget is stated for three years at most."""


def set_budget(*, actor: Actor, organisation_id: int, version: int, amount_fen: int, until: date) -> Budget:
    """State what one's organisation can pay from now on until a day, carriage included.

    ``version`` is that of the budget before, 0 for the first one. Needs ``exchange.post`` for the
    organisation. Raises Invalid (negative or absurd amount, a day that is past or too far), Hidden, Conflict.
    """
    require(actor, "exchange.post")
    if organisation_id not in actor.organisation_ids("exchange.post"):
        raise Hidden(_("没有找到，或不在您的管辖范围内。"), remedy=_("只能填写本机构的预算。"))
    _check(amount_fen, until)
    with write("exchange.set_budget", actor) as audit:
        row = Budget.objects.select_for_update().filter(organisation=organisation_id).first()
        values = {"amount_fen": amount_fen, "until": until, "set_at": clock.now(), "set_by_id": actor.user_id}
        if row is None:
            row = _first(organisation_id, version, values)
        else:
            check_version(row, version)
            for name, value in values.items():
                setattr(row, name, value)
            save(row)
        audit.add("budget", row.pk, organisation=organisation_id, until=until.isoformat())
    return row


def _first(organisation_id: int, version: int, values: dict[str, object]) -> Budget:
    if version:
        raise Conflict(_("预算已经变动。"), remedy=_("请刷新页面后再填写。"))
    try:
        with transaction.atomic():
            return Budget.objects.create(organisation_id=organisation_id, **values)
    except IntegrityError as error:
        raise Conflict(_("预算已经变动。"), remedy=_("请刷新页面后再填写。")) from error


def _check(amount_fen: int, until: date) -> None:
    problems = []
    if not 0 <= amount_fen <= ROW_MAX_FEN:
        problems.append(Problem("amount", _("预算须在 0 至 1000 亿元之间。"), _("请核对金额；不买请填 0。")))
    if not clock.today() <= until <= clock.today() + timedelta(days=DAYS_MAX):
        problems.append(Problem("until", _("截止日期须在今天至三年之内。"), _("请核对截止日期。")))
    if problems:
        raise Invalid(problems)
