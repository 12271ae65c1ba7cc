"""An objection to a notice that runs: a case of its own, which the notice waits for."""

from __future__ import annotations

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, invalid
from yuchang.procedures import queries
from yuchang.procedures.actions.opening import open_case
from yuchang.procedures.models import Case, Track
from yuchang.procedures.queries import NOTICE_OBJECTION, TRACK_KIND

OPEN, LONGEST = "procedures.open", 150


def object_to_notice(actor: Actor, *, track_id: int, text: str, raised_by: str = "") -> Case:
    """Note an objection that somebody raised within a notice's period (``procedures.open`` there).

    The notice is not over before it is answered; where it is found true the matter goes back. The notices of
    the register have a page of their own. Raises Invalid without a text, Conflict when the period is over or
    an objection is being looked into, Hidden, Refused.
    """
    if len(text.strip()) < 2:
        raise invalid("text", _("请写明异议内容。"))
    with write("procedures.object_to_notice", actor) as audit:
        rows = Track.objects.select_related("case__definition", "place")
        track = open_door(rows, actor, OPEN, track_id, within=place_filter(actor, OPEN), lock=True)
        _require_running(track)
        opened = open_case(
            actor,
            code=NOTICE_OBJECTION,
            subject_kind=TRACK_KIND,
            subject_id=track.pk,
            place=track.place,
            title=f"{track.case.title[:48]}：{text.strip()[:LONGEST]}",
            reference=raised_by.strip()[:120],
        )
        audit.add("case", track.case_id, place_id=track.place_id, code=track.case.code, objection=opened.pk)
    return opened


def _require_running(track: Track) -> None:
    if queries.plan_of(track.case.definition).driver:
        raise Conflict(_("这次公示的异议在公示页面登记。"), remedy=_("请打开对应的公示页面登记。"))
    last = track.ends_on
    if track.kind != Track.Kind.NOTICE or track.state != Track.State.OPEN or last is None:
        raise Conflict(_("现在没有进行中的公示。"), remedy=_("请刷新页面查看。"))
    if last < clock.today():
        raise Conflict(
            _("异议期已于 %(day)s 结束。") % {"day": last},
            remedy=_("期满后的意见,请另行发起申诉或投诉举报。"),
        )
    open_ones = Case.objects.filter(subject_kind=TRACK_KIND, subject_id=track.pk, state=Case.State.OPEN)
    if open_ones.exists():
        raise Conflict(
            _("对这次公示已有一件异议在核查。"), remedy=_("请打开那一件,把新的材料加为附件;办结后可再登记。")
        )
