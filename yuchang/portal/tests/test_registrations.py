"""A firm outside the government's network asks in public to be registered, and is vetted inside."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from tests import people
from yuchang.accounts.rules import SYSTEM, Role
from yuchang.core.models import AuditEntry, Instance
from yuchang.partners.actions import check_organisation, invite_organisation, refuse_organisation
from yuchang.partners.models import Organisation
from yuchang.partners.rules import simulated_credit_code
from yuchang.portal import actions
from yuchang.portal.models import PublishedReceipt, RegistrationIntake
from yuchang.portal.queries.counties import counties_called, full_name

PHONE = "13900001111"


def filled(**changes: str) -> dict[str, str]:
    return {
        "name": "沪上山货行（模拟）",
        "kind": "enterprise",
        "place": "上海市浦东新区",
        "host": "成县",
        "contact_name": "周先生",
        "phone": PHONE,
        "capabilities": "收购核桃、冷链",
    } | changes


def ask(public: Any, **changes: str) -> str:
    with public() as client:
        reply = client.post("/join", filled(**changes))
        assert reply.status_code == 200, reply.content.decode()
        return str(reply.context["receipt"])


def test_it_is_asked_in_public_vetted_inside_and_answered_under_the_receipt(db: None, public: Any) -> None:
    receipt = ask(public)
    row = RegistrationIntake.objects.get()
    assert PHONE.encode() not in bytes(row.sealed) and "周先生".encode() not in bytes(row.sealed)
    assert actions.collect_registrations(actor=SYSTEM) == 1
    assert actions.collect_registrations(actor=SYSTEM) == 0, "once"
    organisation = Organisation.objects.get(name="沪上山货行（模拟）")
    assert (organisation.state, organisation.origin, organisation.host) == (
        "proposed",
        "public",
        people.county(),
    )
    assert organisation.capabilities == ["收购核桃", "冷链"]
    row.refresh_from_db()
    assert bytes(row.sealed) == b"" and row.organisation_id == organisation.pk
    assert PublishedReceipt.objects.get(receipt=receipt).state == "checking"
    assert AuditEntry.objects.filter(action="portal.collect_registrations").exists()
    with public() as client:
        assert (
            "正在审核" in client.get("/receipts", {"receipt": receipt.lower()}, follow=True).content.decode()
        )
    second = people.person("周专员", Role.COUNTY_OFFICER, place=people.county())
    checked = check_organisation(
        actor=people.wang().actor,
        organisation_id=organisation.pk,
        version=organisation.version,
        opinion="资料齐全",
    )
    refuse_organisation(
        actor=second.actor, organisation_id=checked.pk, version=checked.version, reason="没有这家单位"
    )
    actions.publish_receipts(actor=SYSTEM)
    said = PublishedReceipt.objects.get(receipt=receipt)
    assert said.state == "declined" and said.decided_on is not None


def test_what_is_registered_already_is_told_without_saying_why(db: None, public: Any) -> None:
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
    code = simulated_credit_code(7)
    ask(public, credit_code=code)
    second = ask(public, credit_code=code, name="另一家（模拟）")
    assert actions.collect_registrations(actor=SYSTEM) == 2
    assert Organisation.objects.filter(credit_code=code).count() == 1
    assert PublishedReceipt.objects.get(receipt=second).state == "unfit"


def test_an_invitation_counts_and_a_wrong_one_is_anybodys(db: None, public: Any) -> None:
    _row, code = invite_organisation(
        actor=people.wang().actor, host_id=people.county().pk, name="甲（模拟）", kind="enterprise"
    )
    ask(public, name="甲（模拟）", invitation=code)
    ask(public, name="乙（模拟）", invitation="nonsense")
    actions.collect_registrations(actor=SYSTEM)
    assert Organisation.objects.get(name="甲（模拟）").origin == "invited"
    assert Organisation.objects.get(name="乙（模拟）").origin == "public"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "城区", "同名"),
        ("host", "没有县", "没有叫这个名字的县"),
        ("host", "999999", "没有叫这个名字的县"),
        ("phone", "电话", "7 至 12 位"),
        ("credit_code", "91310000MA1K4CMT2W", "不对"),
        ("name", "", "必填"),
        ("name", "长" * 101, "100"),
        ("website", "http://x", "未被接受"),
        ("kind", "bandits", "有效"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    db: None, public: Any, field: str, value: str, words: str
) -> None:
    with public() as client:
        reply = client.post("/join", filled(**{field: value}))
    assert reply.status_code == 422 and words in str(reply.context["form"].errors[field])


def test_the_sixth_of_an_hour_is_refused_and_the_public_role_reads_none(db: None, public: Any) -> None:
    for n in range(5):
        ask(public, name=f"第 {n} 家")
    with public() as client:
        assert client.post("/join", filled()).status_code == 409
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT sealed FROM portal_registrationintake")


def test_a_county_is_found_by_digits_and_by_name() -> None:
    assert (
        counties_called("成县")
        == counties_called("甘肃成县")
        == counties_called("621221")
        == ["621221000000"]
    )
    assert len(counties_called("朝阳区")) == 2 and len(counties_called("北京市朝阳区")) == 1
    assert counties_called("") == [] and full_name("621221000000") == "甘肃省陇南市成县"
