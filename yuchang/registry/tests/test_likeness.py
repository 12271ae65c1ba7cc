"""Who may be the same person: the handbook's table, the search, and the decision by a person."""

from __future__ import annotations

import json
import sys
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests import people, things
from yuchang.core import secrets
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.messages.models import Message
from yuchang.places.models import keys_of
from yuchang.registry import actions
from yuchang.registry.likeness import Person, compare, meeting_keys
from yuchang.registry.models import Household, Likeness, Member
from yuchang.registry.tasks import find_likenesses

BORN = date(1972, 4, 16)
WANG = Person("王建国", BORN, "male", "999999197204160139", "a")


@pytest.mark.parametrize(
    ("other", "points", "grade"),
    [
        (Person("王国建", BORN, "male", "999999197204160155", "a"), 95, "likely"),
        (Person("王建国", BORN, "male", "999999197204169243", "a"), 80, "likely"),
        (Person("王国建", BORN, "male", "999999197204160155"), 75, "possible"),
        (Person("王剑国", BORN, "male", "999999197204169243", "a"), 75, "possible"),
        (Person("王国建", BORN, "male", "999999197204169243"), 70, "possible"),
        (Person("王建国", date(1977, 4, 16), "male", "999999197704160134", "a"), 70, "possible"),
        (Person("王建国", BORN, "male", "999999197204160155"), 65, ""),
        (Person("王国建", BORN, "male", "999999197204160155", "b"), 60, ""),
        (Person("王剑国", BORN, "male", "999999197204161035"), 60, ""),
        (Person("王建国", BORN, "male", "988888197204164452"), 60, ""),
        (Person("王建国", date(1977, 4, 16), "male", "999999197704160134"), 50, ""),
        (Person("王国建", BORN, "female", "999999197204160147"), 35, ""),
        (Person("李秀英", BORN, "male", "999999197204160155"), 30, ""),
    ],
)
def test_the_table_of_the_handbook(other: Person, points: int, grade: str) -> None:
    """The worked table of docs/rules/likeness.md."""
    found = compare(WANG, other)
    assert (found.points, found.grade) == (points, grade)
    assert compare(other, WANG) == found


def test_a_swapped_name_or_one_misread_part_of_the_birthday_leaves_a_key_in_common() -> None:
    mine = set(meeting_keys("王建国", BORN))
    for name, birth in (
        ("王国建", BORN),
        ("王剑国", BORN),
        ("王建国", date(1977, 4, 16)),
        ("王建国", date(1972, 4, 18)),
        ("王建国", date(1972, 9, 16)),
    ):
        assert mine & set(meeting_keys(name, birth)), (name, birth)
    assert not mine & set(meeting_keys("王建军", BORN))
    assert meeting_keys("王建国", None) == []


@given(st.text("王李建国军明英 ·", max_size=6), st.dates(date(1930, 1, 1), date(2020, 1, 1)))
def test_a_person_is_always_like_himself(name: str, birth: date) -> None:
    person = Person(name, birth, "male", "999999197204160139", "x")
    assert compare(person, person).grade == "likely"


def enter(village: int, name: str, number: str, birth: date = BORN) -> Member:
    """A household of one person with a sealed number."""
    home = things.household(people.villages()[village], name=name, size=1)
    member = Member.objects.get(household=home)
    member.birth_on = birth
    member.id_sealed = secrets.seal(home.county_id or 0, "member.id", member.uid, number)
    member.id_blind = secrets.blind_index("member.id", number)
    member.save()
    return member


def test_the_search_lists_a_doubled_person_once_and_leaves_others_alone(db: None) -> None:
    true = enter(0, "王建国", "999999197204160139")
    double = enter(1, "王国建", "999999197204160155")
    enter(2, "李秀英", "999999197204160171")
    officer = people.wang().actor
    found = actions.find_likenesses(actor=officer, area=people.county())
    assert (found.people, found.likely, found.possible) == (3, 0, 1)
    row = Likeness.objects.get()
    assert {row.first_id, row.second_id} == {true.pk, double.pk} and row.score == 75
    assert row.place_id == people.villages()[0].township_id
    assert actions.find_likenesses(actor=officer, area=people.county()).possible == 0
    assert AuditEntry.objects.filter(action="registry.find_likenesses", object_kind="likeness").count() == 1


def test_people_of_one_household_and_crowds_under_one_key_are_not_compared(db: None) -> None:
    first = enter(0, "王建国", "999999197204160139")
    Member.objects.create(
        household=first.household,
        number="TWIN",
        name="王国建",
        relation="sibling",
        sex="male",
        birth_on=BORN,
        joined_on=things.SEEN,
    )
    assert actions.find_likenesses(actor=people.wang().actor, area=people.county()).compared == 0


def test_readings_come_from_signs_alone() -> None:
    """The dictionary of phrases would take 44 MB of every process."""
    assert (
        compare(WANG, Person("王健国", BORN, "male", "", "")).points
        > compare(WANG, Person("王好国", BORN, "male", "", "")).points
    )
    assert "pypinyin.phrases_dict" not in sys.modules


def test_a_person_decides_once_with_a_reason_and_nothing_is_merged(db: None) -> None:
    enter(0, "王建国", "999999197204160139")
    enter(1, "王国建", "999999197204160155")
    officer = people.wang().actor
    actions.find_likenesses(actor=officer, area=people.county())
    row = Likeness.objects.get()
    with pytest.raises(Hidden):
        actions.decide_likeness(
            actor=people.outsider().actor,
            likeness_id=row.pk,
            version=row.version,
            is_same=True,
            reason="核对过。",
        )
    with pytest.raises(Invalid):
        actions.decide_likeness(
            actor=officer, likeness_id=row.pk, version=row.version, is_same=True, reason=" "
        )
    decided = actions.decide_likeness(
        actor=officer, likeness_id=row.pk, version=row.version, is_same=True, reason="核对了身份证原件。"
    )
    assert decided.state == "same" and decided.decided_by_id == officer.user_id
    assert Household.objects.count() == 2 and Member.objects.filter(left_on=None).count() == 2
    with pytest.raises(Conflict):
        actions.decide_likeness(
            actor=officer, likeness_id=row.pk, version=decided.version, is_same=False, reason="再看看。"
        )


def waiting() -> dict[str, int]:
    """What the one queued search was asked for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'registry.find_likenesses'")
        ((args,),) = cursor.fetchall()
    found: dict[str, int] = json.loads(args) if isinstance(args, str) else args
    return found


def test_a_search_is_queued_once_and_does_nothing_for_whom_lost_the_right(db: None) -> None:
    officer = people.wang()
    assert actions.ask_for_likenesses(actor=officer.actor) == 1
    assert actions.ask_for_likenesses(actor=officer.actor) == 1
    asked = waiting()
    officer.user.role_grants.update(valid_to=people.FROM)
    with pytest.raises(Refused):
        find_likenesses(**asked)
    with pytest.raises(Refused):
        actions.ask_for_likenesses(actor=people.li().actor)
    assert not Message.objects.exists()


def test_who_may_not_verify_may_not_search(db: None) -> None:
    with pytest.raises(Refused):
        actions.find_likenesses(actor=people.li().actor, area=people.county())
    nobody = actions.find_likenesses(actor=people.outsider().actor, area=people.county())
    assert nobody.people == 0


def test_the_pages_show_pairs_without_a_digit_of_a_number(db: None) -> None:
    enter(0, "王建国", "999999197204160139")
    enter(1, "王国建", "999999197204160155")
    client = people.wang().client()
    assert client.post("/registry/likenesses/find").status_code == 302
    assert not Likeness.objects.exists()  # not within the request
    asked = waiting()
    find_likenesses(**asked)
    row = Likeness.objects.get()
    told = Message.objects.get(recipient_id=asked["user_id"])
    assert told.link == "/registry/likenesses" and "可能重复 1 对" in told.body
    for address in ("/registry/likenesses", f"/registry/likenesses/{row.pk}"):
        page = client.get(address)
        assert page.status_code == 200 and "王国建" in page.content.decode()
        assert "99999919720416" not in page.content.decode()
    body = {"version": row.version, "same": "1", "reason": ""}
    assert client.post(f"/registry/likenesses/{row.pk}/decide", body).status_code == 422
    body["reason"] = "已核对身份证原件。"
    assert client.post(f"/registry/likenesses/{row.pk}/decide", body).status_code == 302
    assert people.outsider().client().get(f"/registry/likenesses/{row.pk}").status_code == 404


def test_the_list_costs_the_same_for_many_pairs(db: None) -> None:
    folk = [enter(0, f"王{i}", f"9999991972041{i:05d}"[:18]) for i in range(12)]
    pairs = [(a.pk, b.pk) for a in folk for b in folk if a.pk < b.pk]
    place = people.county()
    client = people.wang().client()
    counts = []
    for part in (pairs[:5], pairs[5:65]):
        Likeness.objects.bulk_create(
            Likeness(
                first_id=a,
                second_id=b,
                score=80,
                grade="likely",
                found_at=things.WRITTEN,
                place=place,
                **keys_of(place),
            )
            for a, b in part
        )
        client.get("/registry/likenesses")
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/registry/likenesses").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
