"""Posts, who holds them, hand-over, and who stands in during a leave."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from yuchang.accounts.actions.grants import check_combination, place_within, scope_place
from yuchang.accounts.actions.proposals import (
    MANAGE,
    check_days,
    check_person,
    end_row,
    explained,
    proposal,
    refuse_oneself,
    unknown_person,
)
from yuchang.accounts.doors import open_door
from yuchang.accounts.models import Assignment, Department, Deputy, Hat, Incumbency, Post, User
from yuchang.accounts.queries import LEVEL_COLUMNS, live, not_over, place_filter
from yuchang.accounts.rules import NEEDS_ORGANISATION, Actor, Role
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.places.models import Place, keys_of


def create_department(*, actor: Actor, place_id: int, name: str) -> Department:
    """An organ of the state at a place. Raises Refused, Hidden, Invalid, Conflict."""
    if not name.strip():
        raise invalid("name", _("请写明部门名称。"))
    with actions.write("accounts.create_department", actor) as audit:
        place = place_within(actor, MANAGE, place_id)
        if Department.objects.filter(place=place, name=name.strip()).exists():
            raise Conflict(_("这个地区已有同名部门。"))
        row = Department.objects.create(place=place, name=name.strip(), **keys_of(place))
        audit.add("department", row.pk, place_id=place.pk, name=row.name)
    return row


def create_post(
    *,
    actor: Actor,
    place_id: int,
    title: str,
    role: Role,
    department_id: int | None = None,
    organisation_id: int | None = None,
) -> Post:
    """A chair within a place, or at a place for an organisation. Raises Refused, Hidden, Invalid."""
    if not title.strip():
        raise invalid("title", _("请写明岗位名称。"))
    with actions.write("accounts.create_post", actor) as audit:
        place = place_within(actor, MANAGE, place_id)
        scope_place(actor, role, None if role in NEEDS_ORGANISATION else place_id, organisation_id)
        if department_id is not None:
            open_door(Department.objects.filter(ended_on=None), actor, MANAGE, department_id)
        row = Post.objects.create(
            place=place,
            title=title.strip(),
            role=role,
            department_id=department_id,
            organisation_id=organisation_id,
            **keys_of(place),
        )
        audit.add("post", row.pk, place_id=place.pk, title=row.title, role=role)
    return row


def close_post(*, actor: Actor, post_id: int, version: int | None) -> Post:
    """Abolish a post that nobody holds any more. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.close_post", actor) as audit:
        post = open_door(Post.objects.all(), actor, MANAGE, post_id, lock=True)
        actions.check_version(post, version)
        today = clock.today()
        open_ended = Q(valid_to__isnull=True) | Q(valid_to__gte=today)
        if (
            post.closed_on
            or post.incumbencies.filter(state__in=["proposed", "live"]).filter(open_ended).exists()
        ):
            raise Conflict(_("岗位还有人任职，或已经撤销。"), remedy=_("请先结束任职。"))
        post.closed_on = today
        actions.save(post)
        audit.add("post", post.pk, place_id=post.place_id)
    return post


def appoint(
    *,
    actor: Actor,
    post_id: int,
    user_id: int,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Incumbency:
    """Propose a person for a post from a day on; it lives once it is vetted.

    Raises Hidden, Refused, Invalid, Conflict.
    """
    start = valid_from or clock.today()
    check_days(start, valid_to)
    with actions.write("accounts.appoint", actor) as audit:
        post = open_door(Post.objects.filter(closed_on=None), actor, MANAGE, post_id, lock=True)
        row = seat_for(actor, post, user_id, start, valid_to)
        audit.add("incumbency", row.pk, place_id=post.place_id, user=user_id, post=post.pk, state=row.state)
    return row


def seat_for(actor: Actor, post: Post, user_id: int, start: date, end: date | None = None) -> Incumbency:
    """Propose a person for a post; part of an action. Raises Invalid, Refused, Conflict."""
    check_person(actor, user_id)
    check_combination(User.objects.get(pk=user_id), Role(post.role), clock.today())
    waiting = Incumbency.objects.filter(post=post, user_id=user_id, state="proposed")
    if waiting.exists():
        raise Conflict(_("此人的任职正在等待批准。"), remedy=_("请等待批准,或先在岗位页面撤回那项申请。"))
    with explained():
        return Incumbency.objects.create(
            post=post, user_id=user_id, valid_from=start, valid_to=end, **proposal(actor)
        )


def end_incumbency(*, actor: Actor, incumbency_id: int, version: int | None) -> Incumbency:
    """A person leaves a post without a successor, as of today. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.end_incumbency", actor) as audit:
        row = _incumbency(actor, incumbency_id, version)
        end_row(row)
        audit.add("incumbency", row.pk, place_id=row.post.place_id, user=row.user_id, post=row.post_id)
    return row


def _incumbency(actor: Actor, incumbency_id: int, version: int | None) -> Incumbency:
    rows = Incumbency.objects.select_related("post").filter(state__in=["proposed", "live"])
    within = place_filter(actor, MANAGE, "post__")
    row = open_door(rows, actor, MANAGE, incumbency_id, within=within, lock=True)
    refuse_oneself(actor, row.user_id)
    actions.check_version(row, version)
    return row


def hand_over(
    *, actor: Actor, incumbency_id: int, version: int | None, successor_id: int, on: date | None = None
) -> Incumbency:
    """One person leaves a post and another takes it, with everything that was open, in one step.

    What hangs on the post goes with it. What was assigned to the leaving person by name within the post's
    place is bound to the post from that day on, so that the successor sees it with the first sign-in and
    the predecessor no longer does. Raises Hidden, Refused, Stale, Invalid, Conflict.
    """
    on = on or clock.today()
    with actions.write("accounts.hand_over", actor) as audit:
        row = _incumbency(actor, incumbency_id, version)
        if on <= row.valid_from:
            raise invalid("on", _("交接日须晚于前任的任职日。"))
        if successor_id == row.user_id:
            raise invalid("successor", _("接任人与前任是同一人。"))
        end_row(row, on - timedelta(days=1))
        moved = bind_to_post(row, on)
        heir = seat_for(actor, row.post, successor_id, on)
        details = {"from_user": row.user_id, "to_user": successor_id, "on": str(on), "assignments": moved}
        audit.add("post", row.post_id, place_id=row.post.place_id, **details)
    return heir


def bind_to_post(row: Incumbency, on: date) -> list[int]:
    """Assignments of the leaving person within the post's place now hang on the post."""
    place = row.post.place
    rows = Assignment.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=on),
        user_id=row.user_id,
        **{LEVEL_COLUMNS[place.level]: place.pk},
    )
    moved = list(rows.select_for_update(of=("self",)).order_by("id"))
    for work in moved:
        work.user_id, work.post_id = None, row.post_id
        actions.save(work)
    return [work.pk for work in moved]


def appoint_deputy(
    *, actor: Actor, incumbency_id: int, user_id: int, valid_from: date, valid_to: date, reason: str
) -> Deputy:
    """Propose who acts for the holder of a post during a leave; the holder or an administrator proposes.

    Raises Hidden, Refused, Invalid, Conflict.
    """
    check_days(valid_from, valid_to)
    if valid_to < clock.today():
        raise invalid("valid_to", _("这段日期已经过去。"), _("代理从今天或以后算起。"))
    if reason not in Deputy.Reason.values:
        raise invalid("reason", _("请选择代理的原因。"))
    with actions.write("accounts.appoint_deputy", actor) as audit:
        row = own_or_kept(actor, incumbency_id)
        if user_id == row.user_id:
            raise invalid("user", _("不能代理自己。"))
        deputy = _colleague(row.post, user_id)
        if user_id == actor.user_id:
            refuse_oneself(actor, user_id)
        check_combination(deputy, Role(row.post.role), clock.today())
        waiting = Deputy.objects.filter(incumbency=row, user_id=user_id, state="proposed")
        if waiting.filter(valid_from__lte=valid_to, valid_to__gte=valid_from).exists():
            raise Conflict(_("此人的代理正在等待批准。"), remedy=_("请等待批准,或先在“我的账号”结束它。"))
        with explained():
            made = Deputy.objects.create(
                incumbency=row,
                user=deputy,
                valid_from=valid_from,
                valid_to=valid_to,
                reason=reason,
                **proposal(actor),
            )
        audit.add("deputy", made.pk, place_id=row.post.place_id, user=user_id, post=row.post_id)
    return made


def _colleague(post: Post, user_id: int) -> User:
    """Who may stand in: somebody who works, or is known, in the county of the post, or in its larger place.

    Raises Invalid, in the same words for who does not exist.
    """
    level = min(post.place.level, Place.Level.COUNTY)
    column = LEVEL_COLUMNS[level]
    area = {column: getattr(post, column)}
    hats = Hat.objects.filter(not_over(clock.today()), user_id=user_id, state__in=["proposed", "live"])
    works_there = hats.filter(**{f"place__{name}": value for name, value in area.items()})
    lives_there = Place.objects.filter(pk=OuterRef("home_id"), **area)
    rows = User.objects.filter(Exists(works_there) | Exists(lives_there), pk=user_id, is_active=True)
    found = rows.first()
    if found is None:
        raise unknown_person()
    return found


def own_or_kept(actor: Actor, incumbency_id: int) -> Incumbency:
    """A seat that is held today, by the actor or within the actor's places. Raises Hidden."""
    rows = Incumbency.objects.select_related("post").filter(state="live").filter(live(clock.today()))
    within = Q(user_id=actor.user_id or 0)
    if actor.may(MANAGE):
        within |= place_filter(actor, MANAGE, "post__")
    row = rows.filter(within, pk=incumbency_id).first()
    if row is None:
        raise Hidden(_("没有找到,或不在您的管辖范围内。"))
    return row


def end_deputy(*, actor: Actor, deputy_id: int, version: int | None) -> Deputy:
    """The holder is back: the deputyship ends as of today. Raises Hidden, Stale, Conflict."""
    with actions.write("accounts.end_deputy", actor) as audit:
        rows = Deputy.objects.select_for_update(of=("self",)).select_related("incumbency__post")
        row = rows.filter(pk=deputy_id).filter(state__in=["proposed", "live"]).first()
        if row is None:
            raise Hidden(_("没有找到,或不在您的管辖范围内。"))
        own_or_kept(actor, row.incumbency_id)
        actions.check_version(row, version)
        end_row(row)
        audit.add("deputy", row.pk, place_id=row.incumbency.post.place_id, user=row.user_id)
    return row
