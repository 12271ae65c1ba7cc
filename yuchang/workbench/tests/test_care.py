"""A household's helper and its consents, a closed account opened again, what a person holds."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import people, things
from yuchang.accounts.models import (
    Assignment,
    Consent,
    Department,
    Incumbency,
    Post,
    ScopeItem,
    Team,
    TeamMember,
    User,
)
from yuchang.accounts.queries import actor_for, helper_of, is_opened
from yuchang.core import clock
from yuchang.core.models import AuditEntry
from yuchang.files.models import StoredFile
from yuchang.files.tests import hostile
from yuchang.partners.models import Organisation
from yuchang.places.models import keys_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def home():
    return things.household(people.villages()[0], name="李阿福")


@pytest.fixture
def bank():
    county = people.county()
    values = {"state": "vetted", "vetted_at": clock.now(), **keys_of(county)}
    return Organisation.objects.create(name="测试银行", kind="bank", place=county, host=county, **values)


def test_a_reviewer_names_the_helper_on_the_household_s_page_and_ends_it_there(home):
    zhang, han = people.zhang(), people.li()
    client, address = zhang.client(), f"/households/{home.pk}/helper"
    assert address in client.get(f"/households/{home.pk}").content.decode()
    assert client.post(address, {"username": "nobody"}).status_code == 422
    assert client.post(address, {"username": han.user.username}).status_code == 302
    row = helper_of(home.pk)
    assert row is not None and (row.user, row.households) == (han.user, 1)
    assert is_opened(actor_for(han.user.pk, "", clock.today()), "monitoring.visit", home.pk)
    assert "李村干" in client.get(f"/households/{home.pk}").content.decode()
    assert AuditEntry.objects.filter(action="accounts.assign_helper", object_kind="household").count() == 1
    assert client.post(f"{address}/end", {"version": row.version + 1}).status_code == 409
    assert client.post(f"{address}/end", {"version": row.version}).status_code == 302
    assert helper_of(home.pk) is None
    assert client.post(f"{address}/end", {"version": row.version}).status_code == 409


def test_a_post_may_be_the_helper_and_no_other_county_names_one(home):
    village = home.place
    post = Post.objects.create(title="包户干部", role="village_cadre", place=village, **keys_of(village))
    address = f"/households/{home.pk}/helper"
    given = {"post": post.pk}
    assert people.outsider().client().post(address, given).status_code == 404
    assert people.li().client().post(address, given).status_code == 403
    client = people.wang().client()
    assert client.post(address, given | {"username": "both"}).status_code == 422
    assert client.post(address, given).status_code == 302
    assert Assignment.objects.get().post == post and ScopeItem.objects.get().is_exclusive


def test_a_consent_is_noted_with_its_signed_paper_and_withdrawn(home, bank):
    li = people.li()
    client, address = li.client(), f"/households/{home.pk}/consents"
    given = {
        "purpose": "credit",
        "organisation": bank.pk,
        "information": ["orders", "deliveries"],
        "channel": "paper",
    }
    assert client.get(address).status_code == 200
    refused = client.post(address, given)
    assert refused.status_code == 422 and "evidence" in refused.context["form"].errors
    assert not Consent.objects.exists()
    paper = SimpleUploadedFile("授权书.jpg", hostile.jpeg((40, 30)))
    assert client.post(address, given | {"evidence": paper}).status_code == 302
    row = Consent.objects.get()
    stored = StoredFile.objects.get()
    assert (row.evidence_file_id, stored.about_kind, stored.about_id) == (stored.pk, "household", home.pk)
    assert (row.organisation_id, row.fields) == (bank.pk, ["deliveries", "orders"])
    assert "测试银行" in client.get(address).content.decode()
    withdraw = f"/accounts/consents/{row.pk}/withdraw"
    assert client.post(withdraw, {"version": row.version}).status_code == 302
    assert "已撤回" in client.get(address).content.decode()


def test_a_consent_needs_what_may_be_used_and_the_recorder_s_own_area(home, bank):
    given = {"purpose": "credit", "organisation": bank.pk, "information": ["orders"], "channel": "phone"}
    address = f"/households/{home.pk}/consents"
    far = people.li(people.villages(people.WEN)[0])
    assert far.client().post(address, given).status_code == 404
    assert people.wang().client().post(address, given).status_code == 403
    client = people.li().client()
    for missing in ("information", "organisation", "purpose"):
        answer = client.post(address, {k: v for k, v in given.items() if k != missing})
        assert answer.status_code == 422 and missing in answer.context["form"].errors
    assert client.post(address, given | {"expires_on": "2001-01-01"}).status_code == 422
    assert not Consent.objects.exists()
    assert client.post(address, given).status_code == 302


def test_a_helper_notes_the_consent_of_an_own_household_only(home, bank):
    other = things.household(people.villages()[1], name="张阿贵")
    people.opened("assignment", 7, home.pk)
    client = people.helper(7).client()
    given = {"purpose": "credit", "organisation": bank.pk, "information": ["orders"], "channel": "phone"}
    assert client.post(f"/households/{home.pk}/consents", given).status_code == 302
    assert client.post(f"/households/{other.pk}/consents", given).status_code == 404


def test_a_closed_account_is_opened_again_by_its_keeper_and_by_nobody_else():
    who = people.li().user
    User.objects.filter(pk=who.pk).update(is_active=False)
    address = f"/people/{who.pk}/reopen"
    assert people.wang().client().post(address, {"version": who.version}).status_code == 403
    client = people.administrator().client()
    assert address in client.get(f"/people/{who.pk}").content.decode()
    assert client.post(address, {"version": who.version + 1}).status_code == 409
    assert client.post(address, {"version": who.version}).status_code == 302
    assert User.objects.get(pk=who.pk).is_active
    assert address not in client.get(f"/people/{who.pk}").content.decode()


def test_the_page_of_a_person_lists_posts_and_teams_beside_direct_grants():
    who, village = people.li().user, people.villages()[0]
    post = Post.objects.create(title="村委会主任", role="village_cadre", place=village, **keys_of(village))
    Incumbency.objects.create(post=post, user=who, valid_from=date(2020, 1, 1))
    team = Team.objects.create(
        kind="work_team", name="第一工作队", formed_on=people.FROM, place=village, **keys_of(village)
    )
    TeamMember.objects.create(team=team, user=who, position="member", valid_from=date(2021, 1, 1))
    page = people.administrator().client().get(f"/people/{who.pk}").content.decode()
    assert "村委会主任" in page and "第一工作队" in page and f"/posts/{post.pk}" in page
    other = people.zhang().user
    assert "第一工作队" not in people.administrator().client().get(f"/people/{other.pk}").content.decode()


def test_a_department_is_founded_by_the_keeper_and_named_by_a_post():
    client, county = people.administrator().client(), people.county()
    address = "/accounts/departments"
    assert people.wang().client().post(address, {"name": "商务局", "place": "621221"}).status_code == 403
    assert client.post(address, {"name": "", "place": "621221"}).status_code == 422
    assert client.post(address, {"name": "商务局", "place": "621221"}).status_code == 302
    assert client.post(address, {"name": "商务局", "place": "621221"}).status_code == 409
    assert "商务局" in client.get(address).content.decode()
    department = Department.objects.get(place=county)
    assert "商务局" in client.get("/accounts/posts").content.decode()
    given = {"title": "专员", "role": "county_officer", "place": "621221", "department": department.pk}
    assert client.post("/accounts/posts", given | {"department": 0}).status_code == 422
    assert client.post("/accounts/posts", given).status_code == 302
    assert Post.objects.get().department == department
