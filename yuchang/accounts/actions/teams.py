"""Leading groups, resident work teams, and what is assigned to helpers and checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.actions.grants import check_combination, place_within
from yuchang.accounts.actions.proposals import (
    check_days,
    check_person,
    end_row,
    explained,
    proposal,
    refuse_oneself,
)
from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import Assignment, Hat, Post, ScopeItem, Team, TeamMember, User
from yuchang.accounts.queries import not_over, place_filter
from yuchang.accounts.rules import Actor, Role
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, invalid
from yuchang.core.phrases import ours
from yuchang.places.models import Place, keys_of

PAIRED = ours("结对帮扶")
OF_SAMPLE = ours("抽查样本 %(number)s")
"""The titles of a helper's and of an evaluator's assignment."""

MANAGE_TEAMS, ASSIGN = "teams.manage", "teams.assign"


def form_team(
    *, actor: Actor, place_id: int, kind: str, name: str, formed_on: date | None = None, document: str = ""
) -> Team:
    """A leading group or a resident work team at a place. Raises Refused, Hidden, Invalid, Conflict."""
    if kind not in Team.Kind.values or not name.strip():
        raise invalid("name", _("请写明队(组)的名称与类别。"))
    with actions.write("accounts.form_team", actor) as audit:
        place = place_within(actor, MANAGE_TEAMS, place_id)
        if kind == Team.Kind.LEADING_GROUP and place.level < Place.Level.COUNTY:
            raise invalid("place", _("领导小组设在县、乡、村三级。"))
        if kind == Team.Kind.WORK_TEAM and place.level != Place.Level.VILLAGE:
            raise invalid("place", _("驻村工作队设在村。"), _("请填写村的代码;管几个村的,每村各设一支。"))
        if Team.objects.filter(place=place, name=name.strip()).exists():
            raise Conflict(_("这个地区已有同名的队(组)。"))
        row = Team.objects.create(
            place=place,
            kind=kind,
            name=name.strip(),
            formed_on=formed_on or clock.today(),
            document=document.strip(),
            **keys_of(place),
        )
        audit.add("team", row.pk, place_id=place.pk, name=row.name, team_kind=kind)
    return row


def dissolve_team(*, actor: Actor, team_id: int, version: int | None) -> Team:
    """End a team as of today, with its members and proposals.

    Raises Hidden, Refused, Stale, Conflict.
    """
    with actions.write("accounts.dissolve_team", actor) as audit:
        team = open_door(Team.objects.all(), actor, MANAGE_TEAMS, team_id, lock=True)
        actions.check_version(team, version)
        if team.dissolved_on:
            raise Conflict(_("这支队(组)已经撤销。"))
        team.dissolved_on = clock.today() - timedelta(days=1)
        members = TeamMember.objects.filter(not_over(clock.today()), state__in=["proposed", "live"])
        left = list(members.filter(team=team).select_for_update(of=("self",)).order_by("id"))
        for row in left:
            end_row(row)
        actions.save(team)
        audit.add("team", team.pk, place_id=team.place_id, members=[row.user_id for row in left])
    return team


def add_member(
    *, actor: Actor, team_id: int, user_id: int, position: str, valid_from: date | None = None
) -> TeamMember:
    """Propose a person for a team; the membership lives once it is vetted.

    Raises Hidden, Refused, Invalid, Conflict.
    """
    if position not in TeamMember.Position.values:
        raise invalid("position", _("请选择在队(组)中的职务。"))
    with actions.write("accounts.add_member", actor) as audit:
        team = open_door(Team.objects.filter(dissolved_on=None), actor, MANAGE_TEAMS, team_id, lock=True)
        check_person(actor, user_id, MANAGE_TEAMS)
        if team.kind == Team.Kind.WORK_TEAM:
            check_combination(User.objects.get(pk=user_id), Role.WORK_TEAM, clock.today())
        with explained():
            row = TeamMember.objects.create(
                team=team,
                user_id=user_id,
                position=position,
                valid_from=valid_from or clock.today(),
                **proposal(actor),
            )
        audit.add("team_member", row.pk, place_id=team.place_id, user=user_id, position=position)
    return row


def end_membership(*, actor: Actor, member_id: int, version: int | None) -> TeamMember:
    """A person leaves a team as of today. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.end_membership", actor) as audit:
        rows = TeamMember.objects.select_related("team").filter(state__in=["proposed", "live"])
        within = place_filter(actor, MANAGE_TEAMS, "team__")
        row = open_door(rows, actor, MANAGE_TEAMS, member_id, within=within, lock=True)
        actions.check_version(row, version)
        end_row(row)
        audit.add("team_member", row.pk, place_id=row.team.place_id, user=row.user_id)
    return row


def assign_helper(
    *, actor: Actor, place: Place, household_ids: Sequence[int], user_id: int | None = None, post_id: int = 0
) -> Assignment:
    """Give households of one place to a helper (帮扶责任人), by name or by post, from today on.

    One helper at a time and no gap: the helper before gives them up in the same step. The caller has opened
    the place and the households through its own doors. Raises Refused, Hidden, Invalid, Conflict.
    """
    if not household_ids:
        raise invalid("households", _("没有选择农户。"))
    today = clock.today()
    with actions.write("accounts.assign_helper", actor) as audit:
        row = _assignment(actor, place, Role.HELPER, PAIRED, user_id, post_id, None)
        released = _release(household_ids)
        with explained():
            _open_items("assignment", row.pk, {"household": household_ids}, today, None, is_exclusive=True)
        details = {"user": user_id, "post": post_id or None, "released": released}
        audit.add("assignment", row.pk, place_id=place.pk, **details)
        audit.add_bulk(
            "household",
            "SELECT object_id::text, %s::bigint, jsonb_build_object('helper_assignment', scope_id)"
            " FROM accounts_scopeitem WHERE scope_kind = 'assignment' AND scope_id = %s",
            [place.pk, row.pk],
        )
    return row


def _assignment(
    actor: Actor,
    place: Place,
    role: Role,
    title: str,
    user_id: int | None,
    post_id: int,
    valid_to: date | None,
) -> Assignment:
    open_door(Place.objects.all(), actor, ASSIGN, place.pk)
    if user_id is not None:
        check_person(actor, user_id, ASSIGN)
        check_combination(User.objects.get(pk=user_id), role, clock.today())
    else:
        open_door(Post.objects.filter(closed_on=None), actor, ASSIGN, post_id)
    check_days(clock.today(), valid_to)
    with explained():
        return Assignment.objects.create(
            title=title,
            role=role,
            user_id=user_id,
            post_id=post_id or None,
            assigned_by_id=actor.user_id,
            place=place,
            valid_from=clock.today(),
            valid_to=valid_to,
            **keys_of(place),
        )


def _release(household_ids: Sequence[int]) -> int:
    """The helpers before give these households up. What began only today leaves no trace but the log's."""
    rows = ScopeItem.objects.filter(not_over(clock.today()), object_kind="household", is_exclusive=True)
    rows = rows.filter(object_id__in=household_ids)
    before = set(rows.values_list("scope_id", flat=True))
    released = close_items(rows)
    _end_empty(before)
    return released


def _end_empty(assignments: set[int]) -> None:
    """A helper's assignment that opens nothing any more ends as of today."""
    open_items = ScopeItem.objects.filter(not_over(clock.today()), scope_kind="assignment")
    kept = set(open_items.filter(scope_id__in=assignments).values_list("scope_id", flat=True))
    rows = Assignment.objects.filter(not_over(clock.today()), pk__in=assignments - kept)
    for row in rows.select_for_update(of=("self",)).order_by("id"):
        end_row(row)


def close_items(rows: QuerySet[ScopeItem]) -> int:
    """What is open closes as of today. Returns how many rows."""
    today = clock.today()
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=today))
    gone, _kinds = rows.filter(valid_from__gte=today).delete()
    return gone + rows.update(valid_to=today - timedelta(days=1))


def _open_items(
    kind: str,
    scope_id: int,
    objects: Mapping[str, Sequence[int]],
    start: date,
    end: date | None,
    *,
    is_exclusive: bool,
) -> None:
    ScopeItem.objects.bulk_create(
        [
            ScopeItem(
                scope_kind=kind,
                scope_id=scope_id,
                object_kind=object_kind,
                object_id=number,
                is_exclusive=is_exclusive,
                valid_from=start,
                valid_to=end,
            )
            for object_kind, numbers in objects.items()
            for number in dict.fromkeys(numbers)
        ],
        batch_size=5_000,
    )


def open_sample(
    *,
    actor: Actor,
    permission: str,
    sample_id: int,
    objects: Mapping[str, Sequence[int]],
    valid_to: date | None = None,
) -> None:
    """Open what was drawn (kind → numbers) to whoever holds the sample's ``SampleScope``, from today on.

    A ``household`` opens with all that is about it, anything else with its files. ``permission`` is the one
    under which the caller drew the sample, and is required here again.
    Drawing again replaces what was open. Raises Refused.
    """
    require(actor, permission)
    today = clock.today()
    check_days(today, valid_to)
    with actions.write("accounts.open_sample", actor) as audit:
        ScopeItem.objects.filter(scope_kind="sample", scope_id=sample_id).delete()
        _open_items("sample", sample_id, objects, today, valid_to, is_exclusive=False)
        audit.add("sample", sample_id, **{kind: len(set(numbers)) for kind, numbers in objects.items()})


def give_sample(
    *, actor: Actor, permission: str, sample_id: int, place: Place, user_id: int, valid_to: date | None = None
) -> Assignment:
    """Give a drawn sample to an evaluator by name, from today until a day.

    ``permission`` is the one under which the caller drew the sample. The evaluator is somebody else: one of
    the actor's places, without any right, or with other samples only.
    Raises Refused, Hidden, Invalid, Conflict.
    """
    require(actor, permission)
    check_days(clock.today(), valid_to)
    with actions.write("accounts.give_sample", actor) as audit:
        _check_evaluator(actor, user_id, permission)
        rows = Assignment.objects.filter(sample_id=sample_id, user_id=user_id)
        if rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=clock.today())).exists():
            raise Conflict(_("样本已经交给此人。"), remedy=_("请刷新抽查页面。"))
        with explained():
            row = Assignment.objects.create(
                title=OF_SAMPLE % {"number": sample_id},
                role=Role.EVALUATOR,
                user_id=user_id,
                assigned_by_id=actor.user_id,
                sample_id=sample_id,
                place=place,
                valid_from=clock.today(),
                valid_to=valid_to,
                **keys_of(place),
            )
        audit.add("assignment", row.pk, place_id=place.pk, user=user_id, sample=sample_id)
    return row


def _check_evaluator(actor: Actor, user_id: int, permission: str) -> None:
    refuse_oneself(actor, user_id)
    hats = Hat.objects.filter(user_id=user_id, state__in=["proposed", "live"])
    if hats.exclude(role=Role.EVALUATOR).exists() or not hats.exists():
        check_person(actor, user_id, permission)
    check_combination(User.objects.get(pk=user_id), Role.EVALUATOR, clock.today())


def end_assignment(*, actor: Actor, assignment_id: int, version: int | None) -> Assignment:
    """Take an assignment back as of today. Raises Hidden, Refused, Stale, Conflict."""
    with actions.write("accounts.end_assignment", actor) as audit:
        row = open_door(Assignment.objects.all(), actor, ASSIGN, assignment_id, lock=True)
        actions.check_version(row, version)
        end_row(row)
        close_items(ScopeItem.objects.filter(scope_kind="assignment", scope_id=row.pk))
        audit.add("assignment", row.pk, place_id=row.place_id, user=row.user_id, post=row.post_id)
    return row
