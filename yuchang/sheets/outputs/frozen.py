"""The record of a frozen report."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core.errors import Conflict
from yuchang.places.models import keys_of
from yuchang.sheets.models import Output, Report


def record(actor: Actor, output: Output) -> Report:
    """Append the report of a finished output, as the next edition of its month.

    Raises Conflict when the month has an edition already and no reason for a correction is given.
    """
    plan_id, period = output.options["plan"], date.fromisoformat(output.options["period"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"report:{plan_id}:{period}"]
        )
    last = Report.objects.filter(plan_id=plan_id, period=period).aggregate(n=Max("number"))["n"] or 0
    reason = output.options.get("reason", "")
    if last and not reason:
        raise Conflict(_("这个月的报表已经冻结。"), remedy=_("如需更正,请写明原因,另立新版。"))
    assert actor.user_id is not None and output.finished_at  # noqa: S101 - a finished output has both
    return Report.objects.create(
        plan_id=plan_id,
        period=period,
        number=last + 1,
        output=output,
        rows=output.rows_done,
        totals=output.totals,
        sha256=output.sha256,
        rows_sha256=output.rows_sha256,
        reason=reason,
        frozen_by_id=actor.user_id,
        frozen_at=output.finished_at,
        place=output.place,
        **keys_of(output.place),
    )
