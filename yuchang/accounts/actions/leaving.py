"""Somebody leaves for good: what was held ends or goes to a successor, and the account is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import Min
from django.utils.translation import gettext as _

from yuchang.accounts.actions.people import close, wholly_kept
from yuchang.accounts.actions.posts import bind_to_post, seat_for
from yuchang.accounts.actions.proposals import end_row, refuse_oneself
from yuchang.accounts.actions.teams import close_items
from yuchang.accounts.models import (
    Assignment,
    Deputy,
    Incumbency,
    RoleGrant,
    ScopeItem,
    TeamMember,
    User,
)
from yuchang.accounts.queries import not_over
from yuchang.accounts.rules import Actor
from yuchang.core import actions, clock
from yuchang.core.errors import invalid


def leave(
    *, actor: Actor, user_id: int, version: int | None, reason: str, successor_id: int | None = None
) -> User:
    """Close an account for good: every post, deputyship, team, assignment and role ends as of today.

    With a successor each post is handed over in the same step, as by ``hand_over``: the successor is
    proposed, and what was assigned by name within the post's place hangs on the post. Without one the posts
    are vacant. Other households have no helper until one is named. Raises Hidden, Refused, Stale, Invalid,
    Conflict.
    """
    if not reason.strip():
        raise invalid("reason", _("请写明停用的理由。"))
    if successor_id == user_id:
        raise invalid("successor", _("接任人与离任的是同一人。"), _("请另选接任人,或留空。"))
    with actions.write("accounts.leave", actor) as audit:
        user = wholly_kept(actor, user_id)
        actions.check_version(user, version)
        if successor_id is not None:
            refuse_oneself(actor, successor_id)
        heirs = _leave_posts(actor, user, successor_id)
        ended = {name: _end(rows) for name, rows in _held(user).items()}
        close(user) if user.is_active else actions.save(user)
        details = {"reason": reason.strip(), "successor": successor_id, "proposed": heirs, **ended}
        audit.add("user", user.pk, place_id=user.home_id, **details)
    return user


def _leave_posts(actor: Actor, user: User, successor_id: int | None) -> list[int]:
    """End every seat; the successor is proposed for each that was in force. Returns the new seats."""
    today, heirs = clock.today(), []
    rows = _running(Incumbency).select_related("post__place").filter(user=user)
    for row in rows.select_for_update(of=("self",)).order_by("id"):
        was_live, start = row.state == "live", max(today, row.valid_from)
        _end(_running(Deputy).filter(incumbency=row))
        end_row(row)
        if was_live and successor_id is not None:
            bind_to_post(row, start)
            end = _day_before_next(row, start)
            heirs.append(seat_for(actor, row.post, successor_id, start, end).pk)
    return heirs


def _day_before_next(row: Incumbency, start: date) -> date | None:
    """The last day that is free on the post, where somebody was appointed for later."""
    later = Incumbency.objects.filter(post=row.post, state="live", valid_from__gt=start)
    begins = later.aggregate(day=Min("valid_from"))["day"]
    return begins - timedelta(days=1) if begins else None


def _held(user: User) -> dict[str, Any]:
    return {
        "deputyships": _running(Deputy).filter(user=user),
        "teams": _running(TeamMember).filter(user=user),
        "assignments": Assignment.objects.filter(not_over(clock.today()), user=user),
        "roles": _running(RoleGrant).filter(user=user),
    }


def _running(model: Any) -> Any:
    return model.objects.filter(not_over(clock.today()), state__in=["proposed", "live"])


def _end(rows: Any) -> list[int]:
    """End these rows as of today. Returns their numbers."""
    found = list(rows.select_for_update(of=("self",)).order_by("id"))
    _close_all(row.pk for row in found if isinstance(row, Assignment))
    for row in found:
        end_row(row)
    return [row.pk for row in found]


def _close_all(assignments: Iterable[int]) -> None:
    close_items(ScopeItem.objects.filter(scope_kind="assignment", scope_id__in=list(assignments)))
