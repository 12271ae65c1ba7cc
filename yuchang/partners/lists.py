"""The columns of the directory."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.core.lists import day, state, text
from yuchang.partners import queries
from yuchang.partners.models import Commitment, Organisation
from yuchang.partners.rules import Record

STATE_KINDS = {"vetted": "good", "proposed": "warn"}


def record_words(record: Record | None) -> str:
    """Kept of due, with the counts; nothing where nothing was due yet."""
    return f"{record.kept}/{record.due}" if record and record.due else ""


def with_records(rows: list[Organisation]) -> list[Organisation]:
    """Organisations with what facts say of them. One query."""
    records = queries.records_of([row.pk for row in rows], clock.today())
    for row in rows:
        row.record = records.get(row.pk)  # type: ignore[attr-defined]
    return rows


ORGANISATIONS = (
    text(
        "name",
        _("名称"),
        lambda r: r.name,
        href=lambda r: reverse("partners:organisation_page", args=[r.pk]),
        sort=("name",),
    ),
    text("kind", _("类型"), lambda r: r.get_kind_display()),
    text("place", _("所在地"), lambda r: r.place.full_name),
    text("capabilities", _("能力与资源"), lambda r: "、".join(r.capabilities)),
    text("host", _("引荐县"), lambda r: r.host.name),
    text("record", _("兑现（已兑现/到期）"), lambda r: record_words(r.record)),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATE_KINDS.get(r.state, "bad")),
)
VERDICT_WORDS = {"kept": _("已兑现"), "late": _("逾期"), "broken": _("失信"), "open": _("未到期")}
VERDICT_KINDS = {"kept": "good", "late": "warn", "broken": "bad", "open": "info"}
STATES = {"active": "good", "offered": "warn", "proposed": "warn", "running": "info", "widened": "good"}


def with_verdicts(rows: list[Commitment]) -> list[dict[str, Any]]:
    """Commitments with their verdicts of today. One query."""
    verdicts = queries.verdicts_of([row.pk for row in rows if row.state == "active"], clock.today())
    return [{"row": row, "verdict": verdicts.get(row.pk, "")} for row in rows]


def _maker(row: Any) -> str:
    return str(row.organisation.name if row.organisation else row.maker_place.full_name)


def _helper(row: Any) -> str:
    return str(row.organisation.name if row.organisation else row.helper_place.full_name)


COMMITMENTS = (
    text(
        "title",
        _("承诺"),
        lambda r: r["row"].title,
        href=lambda r: reverse("partners:commitment", args=[r["row"].pk]),
    ),
    text("kind", _("类型"), lambda r: r["row"].get_kind_display()),
    text("maker", _("承诺方"), lambda r: _maker(r["row"])),
    text("place", _("受助地"), lambda r: r["row"].place.full_name),
    state(
        "state",
        _("状态"),
        lambda r: r["row"].get_state_display(),
        lambda r: STATES.get(r["row"].state, "quiet"),
    ),
    state(
        "verdict",
        _("兑现情况"),
        lambda r: VERDICT_WORDS.get(r["verdict"], "—"),
        lambda r: VERDICT_KINDS.get(r["verdict"], "quiet"),
    ),
)
PAIRINGS = (
    text(
        "kind",
        _("类型"),
        lambda r: r.get_kind_display(),
        href=lambda r: reverse("partners:pairing", args=[r.pk]),
    ),
    text("helper", _("帮扶方"), _helper),
    text("place", _("受助地"), lambda r: r.place.full_name),
    day("from", _("开始"), lambda r: r.valid_from),
    day("to", _("结束"), lambda r: r.valid_to),
    text("document", _("协议或文件号"), lambda r: r.document, is_extra=True),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATES.get(r.state, "quiet")),
)
PILOTS = (
    text("title", _("试点"), lambda r: r.title, href=lambda r: reverse("partners:pilot", args=[r.pk])),
    text("question", _("要回答的问题"), lambda r: r.question),
    text("place", _("组织地"), lambda r: r.place.full_name),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: STATES.get(r.state, "quiet")),
)
