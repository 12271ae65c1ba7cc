"""The public zone: its pages work with its own role's rights, which reach nothing else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone, translation

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry, Instance
from yuchang.market.actions.settlements import settle_round
from yuchang.market.models import Settlement
from yuchang.market.tests.world import build as build_market
from yuchang.places.models import keys_of
from yuchang.portal import actions
from yuchang.portal.models import ObjectionIntake, PublishedCounty, PublishedNotice, PublishedNoticeEntry
from yuchang.portal.queries.figures import flows_in_words
from yuchang.portal.rules.groups import join_small_groups
from yuchang.portal.views.public import bars
from yuchang.registry.models import Notice, NoticeEntry, Objection

# The reviewed list: everything the public role may reach. Whatever else appears fails the tests below.
READS = {
    "portal_publishedcounty",
    "portal_publishednotice",
    "portal_publishednoticeentry",
    "portal_publishedround",
    "portal_publishedgoods",
    "portal_publishedtable",
    "portal_publishedfile",
    "portal_publishedreceipt",
    "core_instance",
}
INSERTS = {"portal_objectionintake", "portal_registrationintake"}
COLUMNS_OF_INTAKE = {"id"}
SEQUENCES = {"portal_objectionintake_id_seq", "portal_registrationintake_id_seq"}
# Functions that run with their owner's rights: each one is a door in the wall.
DEFINERS = {"portal_check_intake", "portal_check_registration"}


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


def told(code: str, **figures: Any) -> PublishedCounty:
    """A publication with these figures."""
    now = timezone.now()
    named = {"county_name": f"县{code[:6]}", "region_name": "省", "content_hash": "0" * 64}
    days = {"from_on": now.date(), "as_of": now.date(), "published_at": now}
    return PublishedCounty.objects.create(
        county_id=int(code), county_code=code, sankey={}, **named, **days, **({"causes": {}} | figures)
    )


def test_the_first_page_adds_up_what_counties_publish_and_says_what_is_left_out(
    db: None, public: Any
) -> None:
    sums = {"matched_count": 4, "sold_fen": 300_00, "paid_fen": 250_00, "households_paid": 50}
    told("621221000000", households_listed=90, **{name: 1 for name in sums})
    told("621221000000", households_listed=100, **sums)
    with public() as client:
        page = client.get("/").content.decode()
    figures = dict(re.findall(r'data-figure="(\w+)" data-value="(\d+)"', page))
    assert figures == {"listed": "100", "matched": "4", "sold": "30000", "paid": "25000"}
    assert "不足十户而不公开" not in page
    told("621222000000", households_listed=20)
    with public() as client:
        page = client.get("/").content.decode()
    assert 'data-figure="listed" data-value="120"' in page and 'data-figure="sold" data-value="30000"' in page
    assert "合计不含各县因涉及不足十户而不公开的数" in page


def test_the_commonest_cause_has_the_longest_bar() -> None:
    assert [(n, width) for _word, n, width in bars({"burden": 30, "skill": 60, "other": 0})] == [
        (60, 100),
        (30, 50),
        (0, 0),
    ]
    assert bars({}) == []


RIGHTS = """
    SELECT c.relname, c.relkind::text,
           CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('yuchang_portal', c.oid, 'USAGE, SELECT, UPDATE')
                ELSE has_table_privilege('yuchang_portal', c.oid, 'SELECT') END,
           CASE WHEN c.relkind = 'S' THEN '{}'::text[] ELSE ARRAY(
                SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                AND NOT a.attisdropped AND has_column_privilege('yuchang_portal', c.oid, a.attnum, 'SELECT'))
           END,
           CASE WHEN c.relkind = 'S' THEN false ELSE has_any_column_privilege('yuchang_portal', c.oid, 'INSERT') END,
           CASE WHEN c.relkind = 'S' THEN false ELSE
                has_any_column_privilege('yuchang_portal', c.oid, 'UPDATE')
                OR has_any_column_privilege('yuchang_portal', c.oid, 'REFERENCES')
                OR has_table_privilege('yuchang_portal', c.oid, 'DELETE, TRUNCATE, TRIGGER') END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""


def asked(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_the_public_role_reads_and_adds_nothing_else(db: None) -> None:
    rights = asked(RIGHTS)
    tables = [row for row in rights if row[1] != "S"]
    assert {name for name, _kind, reads, *_rest in tables if reads} == READS
    partly = {name: set(columns) for name, _kind, reads, columns, *_rest in tables if columns and not reads}
    assert partly == dict.fromkeys(INSERTS, COLUMNS_OF_INTAKE)
    assert {name for name, _k, _r, _c, adds, _changes in tables if adds} == INSERTS
    assert not [name for name, _k, _r, _c, _adds, changes in tables if changes]
    assert {name for name, kind, uses, *_rest in rights if kind == "S" and uses} == SEQUENCES


def test_the_public_role_may_call_no_function_with_other_rights_and_become_nobody_else(db: None) -> None:
    definers = asked(
        """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prosecdef
             AND has_function_privilege('yuchang_portal', p.oid, 'EXECUTE')
             AND p.prorettype <> 'trigger'::regtype"""
    )
    assert {name for (name,) in definers} == DEFINERS
    assert not asked(
        """SELECT 1 FROM pg_roles r WHERE r.rolname <> 'yuchang_portal'
           AND pg_has_role('yuchang_portal', r.oid, 'MEMBER')"""
    )
    assert asked("SELECT has_schema_privilege('yuchang_portal', 'public', 'CREATE')") == [(False,)]
    everyone = asked(
        "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
        " AND EXISTS (SELECT 1 FROM aclexplode(c.relacl) a WHERE a.grantee = 0)"
    )
    assert not everyone, "granted to everybody"


def test_an_expired_row_of_any_published_table_does_not_exist_for_the_public_role(db: None) -> None:
    expiring = asked(
        """SELECT c.relname, c.relrowsecurity FROM pg_class c
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'expires_on'
           WHERE c.relkind = 'r' AND has_table_privilege('yuchang_portal', c.oid, 'SELECT')"""
    )
    assert len(expiring) >= 5 and all(secured for _name, secured in expiring)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM registry_household",
        "SELECT * FROM registry_member",
        "SELECT * FROM registry_memberhealth",
        "SELECT * FROM core_auditentry",
        "SELECT text FROM portal_objectionintake",
        "SELECT receipt FROM portal_objectionintake",
        "SELECT * FROM portal_bundle",
        "SELECT * FROM portal_outbox",
        "INSERT INTO portal_publishedreceipt (receipt, state, expires_on) VALUES ('A', 'upheld', now())",
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


def test_the_hour_of_the_limit_is_a_real_one_where_the_working_day_stands_still(
    db: None, as_role: Any
) -> None:
    entry = published()
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": timezone.now()})
    asked = {
        "entry_code": entry.public_code,
        "text": "这户的情况与公示的不一样。",
        "network_address": "192.0.2.1",
    }
    with as_role("portal"):
        for _i in range(5):
            actions.receive_objection(**asked)
        with pytest.raises(Conflict):
            actions.receive_objection(**asked)
    ObjectionIntake.objects.update(arrived_at=F("arrived_at") - timedelta(minutes=61))
    with as_role("portal"):
        actions.receive_objection(**asked)
    assert ObjectionIntake.objects.values("received_at").distinct().count() == 1


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


def many_growers(n: int = 24, brought: int = 5) -> Any:
    """A round of ``n`` growers who promised 5 each, sold, delivered with what they ``brought``, and settled."""
    market = build_market(tuple([5] * n))
    market.pay(market.order(5 * n))
    market.close()
    market.harvest(*([brought] * n))
    market.fulfil()
    market.deliver()
    settle_round(actor=market.wang, round_id=market.round.pk, version=market.reload().round.version)
    return market


def test_published_totals_equal_the_books(db: None, public: Any) -> None:
    many_growers()
    row = actions.publish_county_figures(
        actor=people.wang().actor, county_id=people.county().pk, from_on=timezone.localdate().replace(day=1)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(amount_fen), count(DISTINCT household_id) FROM ledger_leg WHERE household_id IS NOT NULL"
        )
        assert cursor.fetchone() == (row.paid_fen, row.households_paid)
    assert row.sold_fen == 120 * 3200 and row.money_as_of == row.as_of
    with public() as client:
        assert f'data-value="{row.paid_fen}"' in client.get(f"/counties/{row.county_code}").content.decode()


def test_what_buyers_were_given_back_is_not_published_as_sold(db: None, public: Any) -> None:
    many_growers(brought=4)
    row = actions.publish_county_figures(
        actor=people.wang().actor, county_id=people.county().pk, from_on=timezone.localdate().replace(day=1)
    )
    returned = Settlement.objects.get().refunded_fen
    assert returned > 0 and row.sold_fen == 120 * 3200 - returned


def test_what_fewer_than_ten_households_received_is_not_published(db: None, public: Any) -> None:
    many_growers(9)
    row = actions.publish_county_figures(
        actor=people.wang().actor, county_id=people.county().pk, from_on=timezone.localdate().replace(day=1)
    )
    assert row.paid_fen is None and row.sold_fen is None and row.households_paid is None and row.sankey == {}
    with public() as client:
        assert "不公开" in client.get(f"/counties/{row.county_code}").content.decode()


def test_the_words_of_a_drawing_are_the_readers_and_names_of_places_stay() -> None:
    kept = {"unit": "fen", "nodes": [{"name": "买方"}, {"name": "直接带动"}, {"name": "小川镇"}], "links": []}
    with translation.override("en"):
        titles = [node["title"] for node in flows_in_words(kept)["nodes"]]
    assert titles == ["Buyer", "directly", "小川镇"]
    assert flows_in_words({}) == {}
