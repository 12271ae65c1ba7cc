"""What a person writes in the windows: saved lists, an appeal, a consent with its paper."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from yuchang.accounts.actions import give_consent, grant_role, leave
from yuchang.accounts.models import Assignment, Consent
from yuchang.accounts.queries import helping, holders_of, place_filter
from yuchang.accounts.rules import Actor, Grant, PlaceScope, Role
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Hidden, invalid
from yuchang.core.phrases import said
from yuchang.field.actions import close_devices_of
from yuchang.files.actions import Upload, take_in
from yuchang.messages.actions import send
from yuchang.partners.models import Organisation
from yuchang.procedures.actions import let_go, open_case
from yuchang.procedures.models import Case
from yuchang.registry.models import Household
from yuchang.workbench.models import SavedView

MOST_VIEWS = 20


def save_view(*, actor: Actor, page: str, name: str, query: str) -> SavedView:
    """Keep a list under a name; the same name again replaces it.

    Raises Invalid without a name, for an address too long, or when twenty are kept for the page.
    """
    name = name.strip()[:30]
    if not name:
        raise invalid("name", _("请给这个筛选起个名字。"), _("最多三十个字。"))
    if len(query) > 600:
        raise invalid("query", _("筛选条件太长，存不下。"), _("请减少条件。"))
    if actor.user_id is None:
        raise Hidden(_("没有这个常用筛选。"))
    own = SavedView.objects.filter(user_id=actor.user_id, page=page)
    if not own.filter(name=name).exists() and own.count() >= MOST_VIEWS:
        raise invalid("name", _("一个页面最多存二十个筛选。"), _("请先删除不用的。"))
    with write("workbench.save_view", actor) as audit:
        row, _made = SavedView.objects.update_or_create(
            user_id=actor.user_id, page=page[:60], name=name, defaults={"query": query}
        )
        audit.add("saved_view", row.pk, page=page[:60])
    return row


def forget_view(*, actor: Actor, view_id: int) -> None:
    """Drop one's own saved list. Raises Hidden for anybody else's."""
    row = SavedView.objects.filter(pk=view_id).first()
    if row is None or row.user_id != actor.user_id:
        raise Hidden(_("没有这个常用筛选。"), remedy=_("请刷新页面。"))
    with write("workbench.forget_view", actor) as audit:
        audit.add("saved_view", row.pk, page=row.page)
        row.delete()


LONGEST_APPEAL = 150


def appeal(*, actor: Actor, household: Household, text: str) -> Case:
    """A household says that something decided about it is wrong: an appeal begins its way.

    The caller has opened the household as the actor's own. A household may open no case by itself, so this
    action opens exactly this one in its name. Raises Invalid without words, Conflict when one is under way.
    """
    words = " ".join(text.split())
    if not words:
        raise invalid("text", _("请写下您不同意什么。"), _("一两句话就可以。"))
    if len(words) > LONGEST_APPEAL:
        raise invalid("text", _("写得太长了。"), _("请不超过一百五十个字，详细情况可当面说。"))
    village = PlaceScope(household.place_id, household.place.level)
    speaker = Actor(actor.user_id, actor.name, (Grant(Role.VILLAGE_CADRE, village),))
    return open_case(
        speaker,
        code="appeal",
        subject_kind="household",
        subject_id=household.pk,
        place=household.place,
        title=f"{household.head_name}：{words}",
    )


def record_consent(
    actor: Actor, *, household: Household, upload: Upload | None, channel: str, **agreed: Any
) -> Consent:
    """Note what a household consented to, with the signed paper where there is one. All or nothing.

    The caller has opened the household through its door; ``agreed`` goes to ``accounts.give_consent``. A
    consent on paper or face to face needs its paper. Raises Invalid, Refused, Hidden.
    """
    if upload is None and channel in (Consent.Channel.PAPER, Consent.Channel.VISIT):
        raise invalid("evidence", _("书面或面签的同意要附上签字件。"), _("请上传照片或 PDF。"))
    with transaction.atomic():
        paper = upload and take_in(
            actor,
            upload=upload,
            purpose="consent_form",
            place=household.place,
            about_kind="household",
            about_id=household.pk,
        )
        return give_consent(
            actor=actor,
            household_id=household.pk,
            place=household.place,
            channel=channel,
            evidence_file_id=paper.pk if paper else None,
            **agreed,
        )


def propose_role(
    actor: Actor,
    *,
    user_id: int,
    role: Role,
    place_id: int | None,
    organisation_id: int | None,
    valid_to: Any,
) -> None:
    """Propose a role; one for an organisation only where the actor's places introduced that organisation.

    Raises as ``accounts.grant_role``.
    """
    if organisation_id is not None:
        hosted = Organisation.objects.filter(place_filter(actor, "accounts.manage", prefix="host__"))
        if not hosted.filter(pk=organisation_id).exists():
            message = _("没有这个单位,或不是您管辖的地区引入的。")
            raise invalid("organisation", message, _("请核对单位编号;其他地区的单位请联系那里的管理员。"))
    grant_role(
        actor=actor,
        user_id=user_id,
        role=role,
        place_id=place_id,
        organisation_id=organisation_id,
        valid_to=valid_to,
    )


def see_off(
    actor: Actor, *, user_id: int, version: int | None, reason: str, successor_id: int | None = None
) -> None:
    """Somebody leaves for good, with everything that was held or waits with the person. All or nothing.

    Whoever names helpers where the person helped households is told that these have none now. Raises as
    ``accounts.leave``.
    """
    with transaction.atomic():
        helped = list(helping(user_id, clock.today()).select_related("place"))
        user = leave(actor=actor, user_id=user_id, version=version, reason=reason, successor_id=successor_id)
        let_go(actor, user_id=user_id, reason=reason)
        close_devices_of(actor, user_id=user_id)
        for work in helped:
            work.refresh_from_db()
            if work.post_id is None or successor_id is None:
                _tell_who_assigns(actor, work, user.display_name)


def _tell_who_assigns(actor: Actor, work: Assignment, name: str) -> None:
    send(
        actor,
        to_user_ids=holders_of("teams.assign", [work.township_id, work.county_id]),
        kind="notice",
        title=said("%(name)s已离任，结对农户没有帮扶责任人", name=name),
        body=said("%(place)s。请在农户的页面另行确定帮扶责任人。", place=work.place.name),
        link=reverse("registry:household_list"),
        place=work.place,
    )


def retry_task(*, actor: Actor, task_id: int) -> None:
    """Let a failed background task run once more. Raises Hidden when there is no such failed task."""
    with write("operations.retry_task", actor) as audit, connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE id = %s AND status = 'failed' FOR UPDATE",
            [task_id],
        )
        found = cursor.fetchone()
        if found is None:
            raise Hidden(_("没有这样的失败任务，它可能已经重新执行。"))
        cursor.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", [task_id])
        audit.add("task", task_id, task=found[0])
