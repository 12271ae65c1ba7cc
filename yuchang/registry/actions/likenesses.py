# ruff: noqa: E501 - statements read better in whole lines
"""The search for people who are entered twice under different numbers, and a person's word on each pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from procrastinate.exceptions import AlreadyEnqueued

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock, secrets
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, invalid
from yuchang.core.phrases import said
from yuchang.messages.actions import send
from yuchang.places.models import Place
from yuchang.registry import likeness
from yuchang.registry.models import Likeness, Member
from yuchang.registry.queries import areas_of
from yuchang.sheets.queries import task_app

CROWD = 12
"""So many people under one meeting key are no evidence: the name is too common there."""
_LEVELS = ("village_id", "township_id", "county_id", "prefecture_id", "province_id")
_INSERT = """
INSERT INTO registry_likeness (version, created_at, updated_at, first_id, second_id, score, grade, reasons, found_at,
    state, reason, place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT 1, %(now)s, %(now)s, u.first_id, u.second_id, u.score, u.grade, string_to_array(u.reasons, ','), %(now)s,
    'open', '', p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id, p.village_id
FROM unnest(%(first)s::bigint[], %(second)s::bigint[], %(score)s::smallint[], %(grade)s::text[],
            %(reasons)s::text[], %(place)s::bigint[])
     WITH ORDINALITY AS u(first_id, second_id, score, grade, reasons, place_id, position)
JOIN places_place p ON p.id = u.place_id
ORDER BY u.position
ON CONFLICT (first_id, second_id) DO NOTHING
RETURNING id
"""
_AUDIT = """
SELECT l.id::text, l.place_id, jsonb_build_object('first', l.first_id, 'second', l.second_id, 'score', l.score)
FROM registry_likeness l WHERE l.id = ANY(%s) ORDER BY l.id
"""


@dataclass(frozen=True)
class Search:
    """What one search did: people looked at, pairs compared, and how many new pairs are to be decided."""

    people: int
    compared: int
    likely: int
    possible: int


@dataclass(frozen=True)
class _Pair:
    first: int
    second: int
    found: likeness.Likeness
    place_id: int


def ask_for_likenesses(*, actor: Actor) -> int:
    """Have each area of the actor's searched in the background (``registry.verify``). Returns how many areas.

    An area whose search is waiting already is not queued twice.
    """
    require(actor, "registry.verify")
    areas = areas_of(actor, "registry.verify")
    with write("registry.ask_for_likenesses", actor) as audit:
        for area in areas:
            task = task_app().configure_task(
                "registry.find_likenesses", queueing_lock=f"registry.find_likenesses.{area.pk}"
            )
            with suppress(AlreadyEnqueued), transaction.atomic():
                task.defer(user_id=actor.user_id, area_id=area.pk)
            audit.add("place", area.pk, place_id=area.pk)
        if not areas:
            audit.add("place", "-", note="no area")
    return len(areas)


def find_asked(*, user_id: int, area_id: int) -> Search:
    """The search that somebody asked for, under the rights that he or she has now; the result is a message.

    Raises Refused or Hidden when the right has ended meanwhile.
    """
    user = User.objects.get(pk=user_id)
    actor = actor_for(user.pk, user.display_name, clock.today())
    area = open_door(Place.objects.all(), actor, "registry.verify", area_id)
    done = find_likenesses(actor=actor, area=area)
    counts = {"people": done.people, "likely": done.likely, "possible": done.possible}
    told = said("已比对 %(people)s 人，新发现很可能重复 %(likely)s 对、可能重复 %(possible)s 对。", **counts)
    send(
        actor,
        to_user_ids=[user_id],
        kind="notice",
        title=said("%(place)s：疑似重复已查完", place=area.name),
        body=told,
        link=reverse("registry:likenesses"),
        place=area,
    )
    return done


def find_likenesses(*, actor: Actor, area: Place) -> Search:
    """Search an area for people entered twice in different households (``registry.verify``).

    ID numbers are opened for the pairs that meet under a key, compared, and forgotten. Known pairs keep their
    decision. Raises Refused or Hidden outside the actor's area.
    """
    require(actor, "registry.verify")
    within = place_filter(actor, "registry.verify", prefix="household__")
    people = Member.objects.filter(within, left_on=None).exclude(household__state="removed")
    people = people.filter(**{f"household__{_column_of(area)}": area.pk})
    with write("registry.find_likenesses", actor) as audit:
        count, meeting = _meetings(
            people.values_list("id", "name", "birth_on", "household_id").iterator(10_000)
        )
        pairs = _alike(meeting)
        new = _store(pairs)
        if new:
            audit.add_bulk("likeness", _AUDIT, [new])
        audit.add("place", area.pk, place_id=area.pk, people=count, compared=len(meeting), new=len(new))
    fresh = Likeness.objects.filter(pk__in=new)
    likely = fresh.filter(grade=Likeness.Grade.LIKELY).count()
    return Search(count, len(meeting), likely, len(new) - likely)


def _column_of(area: Place) -> str:
    if area.level not in range(1, 6):
        raise invalid("area", _("请选择一个省、市、县、乡或村。"))
    return _LEVELS[5 - area.level]


def _meetings(rows: Any) -> tuple[int, set[tuple[int, int]]]:
    """How many people there are, and the pairs that share a key but no household."""
    under: dict[str, list[tuple[int, int]]] = defaultdict(list)
    count = 0
    for pk, name, birth_on, household_id in rows:
        count += 1
        for key in likeness.meeting_keys(name, birth_on):
            under[key].append((pk, household_id))
    pairs = set()
    for together in under.values():
        if 1 < len(together) <= CROWD:
            pairs |= {
                (min(a, b), max(a, b))
                for i, (a, home) in enumerate(together)
                for b, other in together[i + 1 :]
                if home != other
            }
    return count, pairs


def _alike(meeting: set[tuple[int, int]]) -> list[_Pair]:
    """The pairs that are worth a look."""
    ids = {pk for pair in meeting for pk in pair}
    members = {m.pk: m for m in Member.objects.filter(pk__in=ids).select_related("household__place")}
    people = {pk: _person(member) for pk, member in members.items()}
    found = []
    for first, second in sorted(meeting):
        like = likeness.compare(people[first], people[second])
        if like.grade:
            place_id = _common_place(members[first], members[second])
            found.append(_Pair(first, second, like, place_id))
    return found


def _person(member: Member) -> likeness.Person:
    home = member.household
    number = ""
    if member.id_sealed:
        number = secrets.unseal(home.county_id or home.place_id, "member.id", member.uid, member.id_sealed)
    phone = bytes(member.phone_blind).hex() if member.phone_blind else ""
    return likeness.Person(member.name, member.birth_on, member.sex, number, phone)


def _common_place(first: Member, second: Member) -> int:
    """The smallest place that holds both households."""
    for column in _LEVELS:
        mine = getattr(first.household, column)
        if mine is not None and mine == getattr(second.household, column):
            return int(mine)
    raise invalid("area", _("两户不在同一省。"))


def _store(pairs: Sequence[_Pair]) -> list[int]:
    """Store the pairs that are not known yet; their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "now": clock.now(),
                "first": [pair.first for pair in pairs],
                "second": [pair.second for pair in pairs],
                "score": [pair.found.points for pair in pairs],
                "grade": [pair.found.grade for pair in pairs],
                "reasons": [",".join(pair.found.reasons) for pair in pairs],
                "place": [pair.place_id for pair in pairs],
            },
        )
        return sorted(int(pk) for (pk,) in cursor.fetchall())


def decide_likeness(
    *, actor: Actor, likeness_id: int, version: int | None, is_same: bool, reason: str
) -> Likeness:
    """Say whether a pair is one person (``registry.verify``). Nothing is merged: a household is corrected.

    Raises Invalid without a reason, Conflict when it is decided, Stale.
    """
    with write("registry.decide_likeness", actor) as audit:
        row = open_door(Likeness.objects.all(), actor, "registry.verify", likeness_id, lock=True)
        check_version(row, version)
        if row.state != Likeness.State.OPEN:
            raise Conflict(_("这一对已经核对过。"), remedy=_("请刷新页面查看结论。"))
        if not reason.strip():
            raise invalid("reason", _("请写明依据。"), _("例如:已入户核对身份证原件。"))
        row.state = Likeness.State.SAME if is_same else Likeness.State.DIFFERENT
        row.decided_by_id, row.decided_at = actor.user_id, clock.now()
        row.reason = reason.strip()[:300]
        save(row)
        audit.add("likeness", row.pk, place_id=row.place_id, state=row.state, version=row.version)
    return row
