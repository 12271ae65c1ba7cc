"""The public zone: its pages work with its own role's rights, which reach nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.places.models import keys_of
from yuchang.portal import actions
from yuchang.portal.models import ObjectionIntake, PublishedCounty, PublishedNotice, PublishedNoticeEntry
from yuchang.portal.rules import join_small_groups
from yuchang.registry.models import Notice, NoticeEntry, Objection

READS = {
    "portal_publishedcounty",
    "portal_publishednotice",
    "portal_publishednoticeentry",
    "core_instance",
    "registry_public_notice",
}
INSERTS = {"portal_objectionintake", "registry_objectionintake"}


@pytest.fixture
def public(settings: Any, as_role: Callable[[str], Any]) -> Callable[[], Any]:
    """``with public() as client``: a stranger's browser before the public process."""
    from contextlib import contextmanager

    @contextmanager
    def zone():
        settings.ZONE, settings.ROOT_URLCONF = "public", "config.urls_public"
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if not any(w in m for w in INSIDE_ONLY)]
        with as_role("portal"):
            yield Client()

    return zone


INSIDE_ONLY = ("session", "Authentication", "accounts", "LoginRequired", "messages", "axes", "htmx")


def open_notice(*, days_ago: int = 1, days: int = 7) -> NoticeEntry:
    """A live notice of one household in the first village of 成县."""
    village, today = people.villages()[0], timezone.localdate()
    household = things.household(village, name="欧阳测试", state="listed")
    notice = Notice.objects.create(
        opens_on=today - timedelta(days=days_ago),
        closes_on=today - timedelta(days=days_ago) + timedelta(days=days - 1),
        place=village,
        **keys_of(village),
    )
    return NoticeEntry.objects.create(
        notice=notice, household=household, masked_name="欧阳某某", size=3, cause_group="burden"
    )


def published(**changes: Any) -> NoticeEntry:
    entry = open_notice(**changes)
    actions.publish_notices(actor=people.wang().actor, county_id=people.county().pk)
    return entry


def test_the_pages_work_with_the_rights_of_the_public_role_alone(db: None, public: Any) -> None:
    entry, wang = published(), people.wang()
    actions.publish_county_figures(
        actor=wang.actor, county_id=people.county().pk, from_on=timezone.localdate()
    )
    code = people.county().code
    with public() as client:
        assert "成县" in client.get("/").content.decode()
        assert "正在公示" in client.get(f"/counties/{code}").content.decode()
        page = client.get(f"/notices/{entry.notice.public_code}").content.decode()
        assert "欧阳某某" in page and "欧阳测试" not in page and entry.household.number not in page
        assert client.get("/about").status_code == 200
        assert client.get(f"/objections/{entry.public_code}").status_code == 200
        assert client.get("/counties/000000000000").status_code == 404
        assert client.get("/healthz").status_code == 200


def test_the_public_role_reads_and_adds_nothing_else(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname,
                      has_any_column_privilege('yuchang_portal', c.oid, 'SELECT'),
                      has_table_privilege('yuchang_portal', c.oid, 'INSERT'),
                      has_table_privilege('yuchang_portal', c.oid, 'UPDATE')
                      OR has_table_privilege('yuchang_portal', c.oid, 'DELETE')
                      OR has_table_privilege('yuchang_portal', c.oid, 'TRUNCATE')
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')"""
        )
        rights = cursor.fetchall()
    assert {name for name, reads, _adds, _changes in rights if reads} <= READS | INSERTS
    assert {name for name, _reads, adds, _changes in rights if adds} <= INSERTS
    assert not [name for name, _reads, _adds, changes in rights if changes]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM registry_household",
        "SELECT * FROM registry_member",
        "SELECT * FROM registry_memberhealth",
        "SELECT * FROM core_auditentry",
        "SELECT text FROM portal_objectionintake",
        "SELECT * FROM ledger_leg",
        "DELETE FROM portal_publishednotice",
        "UPDATE portal_publishedcounty SET paid_fen = 0",
    ],
)
def test_what_the_public_role_asks_for_beyond_its_rights_is_refused(sql: str, as_role: Any) -> None:
    refused = pytest.raises(DatabaseError, match="permission denied")
    with as_role("portal"), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_expired_notice_does_not_exist_for_the_public_role(db: None, public: Any, as_role: Any) -> None:
    entry = published()
    PublishedNotice.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    with as_role("portal"):
        assert not PublishedNotice.objects.exists() and not PublishedNoticeEntry.objects.exists()
    with public() as client:
        assert client.get(f"/notices/{entry.notice.public_code}").status_code == 404
        assert client.get(f"/objections/{entry.public_code}").status_code == 404


def test_publishing_notices_again_changes_nothing_and_removes_what_ended(db: None) -> None:
    wang, county = people.wang(), people.county().pk
    entry = open_notice()
    assert actions.publish_notices(actor=wang.actor, county_id=county) == (1, 0)
    before = list(PublishedNoticeEntry.objects.values_list("pk", "code"))
    assert actions.publish_notices(actor=wang.actor, county_id=county) == (1, 0)
    assert list(PublishedNoticeEntry.objects.values_list("pk", "code")) == before
    Notice.objects.filter(pk=entry.notice_id).update(state="closed")
    shown, removed = actions.publish_notices(actor=wang.actor, county_id=county)
    assert shown == 0 and removed > 0 and not PublishedNotice.objects.exists()


def test_only_an_officer_of_the_county_publishes(db: None) -> None:
    county = people.county().pk
    for stranger, error in ((people.outsider(), Hidden), (people.li(), Refused), (people.auditor(), Refused)):
        with pytest.raises(error):
            actions.publish_notices(actor=stranger.actor, county_id=county)
        with pytest.raises(error):
            actions.publish_county_figures(
                actor=stranger.actor, county_id=county, from_on=timezone.localdate()
            )
    assert not PublishedCounty.objects.exists()


def test_published_totals_are_append_only(db: None) -> None:
    actions.publish_county_figures(
        actor=people.wang().actor, county_id=people.county().pk, from_on=timezone.localdate()
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        PublishedCounty.objects.update(paid_fen=1)
    with pytest.raises(Invalid):
        actions.publish_county_figures(
            actor=people.wang().actor,
            county_id=people.county().pk,
            from_on=timezone.localdate() + timedelta(days=1),
        )


def test_an_objection_comes_in_with_a_receipt_and_is_collected_once(db: None, public: Any) -> None:
    entry = published()
    with public() as client:
        answer = client.post(f"/objections/{entry.public_code}", {"text": "这户在县城有两套房,不困难。"})
        assert answer.status_code == 302
        receipt = answer["Location"].rsplit("/", 1)[1]
        assert receipt in client.get(answer["Location"]).content.decode()
    row = ObjectionIntake.objects.get()
    assert row.receipt == receipt and "127.0.0.1" not in row.sender_hash
    wang = people.wang().actor
    assert actions.collect_objections(actor=wang) == 1
    assert actions.collect_objections(actor=wang) == 0
    assert Objection.objects.get().entry_id == entry.pk
    assert AuditEntry.objects.filter(action="portal.collect_objections", body__contains=receipt).exists()
    with pytest.raises(Refused):
        actions.collect_objections(actor=people.li().actor)


def test_an_objection_that_says_nothing_or_comes_too_often_is_refused(db: None, as_role: Any) -> None:
    entry = published()
    with as_role("portal"):
        with pytest.raises(Invalid):
            actions.receive_objection(entry_code=entry.public_code, text="不对", network_address="192.0.2.1")
        for _i in range(5):
            actions.receive_objection(
                entry_code=entry.public_code, text="这户的情况与公示的不一样。", network_address="192.0.2.1"
            )
        with pytest.raises(Conflict):
            actions.receive_objection(
                entry_code=entry.public_code, text="这户的情况与公示的不一样。", network_address="192.0.2.1"
            )
        actions.receive_objection(
            entry_code=entry.public_code, text="这户的情况与公示的不一样。", network_address="192.0.2.2"
        )
        with pytest.raises(Hidden):
            actions.receive_objection(
                entry_code="NOSUCHCODE", text="这户的情况与公示的不一样。", network_address="192.0.2.3"
            )


def test_the_form_for_programs_is_a_trap(db: None, public: Any) -> None:
    entry = published()
    with public() as client:
        answer = client.post(
            f"/objections/{entry.public_code}", {"text": "这户在县城有两套房,不困难。", "website": "x"}
        )
        assert answer.status_code == 422
    assert not ObjectionIntake.objects.exists()


def test_small_groups_are_never_said() -> None:
    assert join_small_groups({"a": 30, "b": 4, "c": 7}, "other") == {"a": 30, "other": 11}
    assert join_small_groups({"a": 30, "b": 4}, "other") == {"other": 34}
    assert join_small_groups({"a": 3}, "other") == {}
    assert join_small_groups({}, "other") == {}
    assert join_small_groups({"a": 12, "other": 10}, "other") == {"a": 12, "other": 10}


def test_published_totals_equal_the_books(db: None, public: Any) -> None:
    from yuchang.workbench.tests.scene import build_scene

    scene = build_scene()
    row = actions.publish_county_figures(
        actor=people.wang().actor, county_id=scene.county.pk, from_on=timezone.localdate().replace(day=1)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(amount_fen), count(DISTINCT household_id) FROM ledger_leg WHERE household_id IS NOT NULL"
        )
        assert cursor.fetchone() == (row.paid_fen, row.households_paid)
    assert row.matched_fen == 200_000 and row.sold_fen == 128_000
    with public() as client:
        assert f'data-value="{row.paid_fen}"' in client.get(f"/counties/{row.county_code}").content.decode()
