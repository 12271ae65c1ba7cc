"""Pages about people: what they show, what they refuse, and that a long list costs no more than a short one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people
from yuchang.accounts import actions
from yuchang.accounts.models import Consent, Incumbency, Invitation, Post, RoleGrant, Team
from yuchang.accounts.rules import Role
from yuchang.accounts.tests.makers import keeper, newcomer, now
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.core.secrets import blind_index
from yuchang.places.models import keys_of


def posts(n: int) -> None:
    village, start = people.villages()[0], Post.objects.count()
    for i in range(start, start + n):
        chair = Post.objects.create(
            title=f"岗位{i:03d}", role="village_cadre", place=village, **keys_of(village)
        )
        Incumbency.objects.create(post=chair, user=people.li().user, valid_from=people.FROM)


def teams(n: int) -> None:
    village, start = people.villages()[0], Team.objects.count()
    for i in range(start, start + n):
        Team.objects.create(
            name=f"工作队{i}", kind="work_team", formed_on=people.FROM, place=village, **keys_of(village)
        )


def invitations(n: int) -> None:
    start = Invitation.objects.count()
    for i in range(start, start + n):
        Invitation.objects.create(
            code_hash=blind_index("invitation", str(i)),
            display_name=f"人{i}",
            role="village_cadre",
            place=people.villages()[0],
            expires_at=clock.now(),
        )


def proposals(n: int) -> None:
    for _i in range(n):
        person = people.li()
        RoleGrant.objects.create(
            user=person.user,
            role="township_reviewer",
            scope_kind="place",
            place=people.county(),
            valid_from=people.FROM,
            state="proposed",
            proposed_by=people.wang().user,
        )


def consents(n: int) -> None:
    village = people.villages()[0]
    for i in range(n):
        Consent.objects.create(
            household_id=i + 1,
            purpose="credit",
            organisation_id=1,
            fields=["orders"],
            channel="paper",
            granted_at=clock.now(),
            place=village,
            **keys_of(village),
        )


@pytest.mark.parametrize(
    ("address", "visitor", "make"),
    [
        ("/accounts/posts", people.administrator, posts),
        ("/accounts/teams", people.wang, teams),
        ("/accounts/invitations", people.administrator, invitations),
        ("/accounts/vetting", people.security, proposals),
        ("/accounts/consents", people.wang, consents),
    ],
)
def test_a_long_list_asks_no_more_questions_than_a_short_one(
    address: str, visitor: Callable[[], people.Person], make: Callable[[int], None], db: None
) -> None:
    client = visitor().client()
    make(5)
    client.get(address)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    few = asked()
    make(55)
    assert asked() == few


def test_the_queue_shows_who_proposed_what_and_approves_it(db: None) -> None:
    user = newcomer("zhou")
    grant = actions.grant_role(
        actor=keeper(), user_id=user.pk, role=Role.COUNTY_OFFICER, place_id=people.county().pk
    )
    client = people.security().client()
    page = client.get("/accounts/vetting").content.decode()
    assert "zhou" in page and "县管理" in page and "县级专员" in page
    stale = client.post(f"/accounts/vetting/grant/{grant.pk}", {"version": 9, "answer": "approve"})
    assert stale.status_code == 409
    client.post(f"/accounts/vetting/grant/{grant.pk}", {"version": 1, "answer": "approve"})
    assert now(user).has_role(Role.COUNTY_OFFICER)
    assert "没有等待批准的申请" in client.get("/accounts/vetting").content.decode()
    assert people.administrator().client().get("/accounts/vetting").status_code == 403


def test_without_a_version_nothing_is_written(db: None) -> None:
    person, client = people.li(), people.administrator().client()
    chair = Post.objects.create(
        title="文书", role="village_cadre", place=people.villages()[0], **keys_of(people.villages()[0])
    )
    before = AuditEntry.objects.count()
    for address in (f"/people/{person.user.pk}/close", f"/accounts/posts/{chair.pk}/close"):
        assert client.post(address, {"reason": "x"}).status_code == 409
    assert AuditEntry.objects.count() == before


def test_a_team_is_formed_on_its_page_by_the_county_and_not_by_a_cadre(db: None) -> None:
    form = {"name": "驻村工作队", "kind": "work_team", "place": people.villages()[0].code}
    assert people.li().client().post("/accounts/teams", form).status_code == 403
    client = people.wang().client()
    made = client.post("/accounts/teams", form)
    assert made.status_code == 302
    member = people.team_member()
    assert (
        client.post(made["Location"], {"username": member.user.username, "position": "leader"}).status_code
        == 302
    )
    assert "冯队员" in client.get(made["Location"]).content.decode()
    assert people.outsider().client().get(made["Location"]).status_code == 404


def test_the_account_page_names_hats_and_the_language_of_the_reader(db: None) -> None:
    client = people.wang().client()
    assert "县级专员" in client.get("/accounts/me").content.decode()
    page = client.get("/accounts/me", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="en">' in page


def test_days_of_a_deputy_are_asked_for_in_order(db: None) -> None:
    holder, other = people.li(), people.li()
    chair = Post.objects.create(
        title="主任", role="village_cadre", place=people.villages()[0], **keys_of(people.villages()[0])
    )
    seat = Incumbency.objects.create(post=chair, user=holder.user, valid_from=date(2020, 1, 1))
    form = {
        "username": other.user.username,
        "valid_from": "2027-02-01",
        "valid_to": "2027-01-01",
        "reason": "leave",
    }
    client = holder.client()
    page = client.post(f"/accounts/seats/{seat.pk}/deputy", form)
    assert page.status_code == 200 and "截止日期早于开始日期" in page.content.decode()
    assert (
        client.post(f"/accounts/seats/{seat.pk}/deputy", {**form, "valid_to": "2027-03-01"}).status_code
        == 302
    )
    assert people.zhang().client().get(f"/accounts/seats/{seat.pk}/deputy").status_code == 404
