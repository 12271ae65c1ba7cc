"""People and posts that the tests of this domain need."""

from __future__ import annotations

from typing import Any

from tests import people
from yuchang.accounts import actions
from yuchang.accounts.models import Post, User, Vetted
from yuchang.accounts.queries import actor_for
from yuchang.accounts.rules import Actor, Role
from yuchang.core import clock
from yuchang.places.models import Place


def keeper() -> Actor:
    """The county's system administrator."""
    return people.person("县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county()).actor


def guard() -> Actor:
    """The county's security administrator."""
    return people.person("县安全", Role.SECURITY_ADMINISTRATOR, place=people.county()).actor


def newcomer(name: str) -> User:
    """Somebody without any right, kept by the county."""
    return actions.create_user(actor=keeper(), username=name, display_name=name)[0]


def post(place: Place | None = None, role: Role = Role.VILLAGE_CADRE, title: str = "村委会主任") -> Post:
    """A chair in the first village of 成县."""
    where = place or people.villages()[0]
    return actions.create_post(actor=keeper(), place_id=where.pk, title=title, role=role)


def approved(kind: str, row: Any, by: Actor | None = None) -> Vetted:
    """The proposal, approved by a security administrator."""
    return actions.vet(actor=by or guard(), kind=kind, pk=row.pk, version=row.version, approve=True, note="")


def seated(chair: Post, user: User) -> Any:
    """A person who holds a post, proposed and approved."""
    return approved("post", actions.appoint(actor=keeper(), post_id=chair.pk, user_id=user.pk))


def now(user: User) -> Actor:
    """What the person may do today."""
    return actor_for(user.pk, user.display_name, clock.today())
