"""Organisations register themselves, by a link or on their own; one person checks, another decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from tests import people
from yuchang.accounts.doors import ProofDue
from yuchang.accounts.factors import real_now
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.partners import actions
from yuchang.partners.actions import LineFacts, OrganisationFacts, registrations
from yuchang.partners.models import ContactPerson, Invitation, Organisation, ProfileLine
from yuchang.procedures.models import Case

pytestmark = pytest.mark.django_db


def facts(**changes: Any) -> OrganisationFacts:
    county = people.county()
    given = {
        "name": "上海陇商企业",
        "kind": "hometown_chamber",
        "place_id": people.county(people.WEN).pk,
        "host_id": county.pk,
        "contact_name": "周联络",
        "phone": "021-55550000",
    }
    return OrganisationFacts(**(given | changes))


def second() -> Any:
    return people.person("第二专员", people.Role.COUNTY_OFFICER, place=people.county()).actor


def case(row: Organisation) -> Case:
    return Case.objects.get(subject_kind="partners.organisation", subject_id=row.pk)


def test_two_people_stand_between_a_registration_and_the_directory() -> None:
    row = actions.register(facts=facts())
    wang, other = people.wang().actor, second()
    assert (row.state, row.origin, case(row).step) == ("proposed", "public", "check")
    with pytest.raises(Conflict):
        actions.vet_organisation(actor=wang, organisation_id=row.pk, version=1)
    row = actions.check_organisation(actor=wang, organisation_id=row.pk, version=1, opinion="证照齐全")
    assert case(row).step == "decide"
    with pytest.raises(Refused):
        actions.vet_organisation(actor=wang, organisation_id=row.pk, version=2)
    row = actions.vet_organisation(actor=other, organisation_id=row.pk, version=2, note="同意")
    assert (row.state, case(row).state, case(row).outcome) == ("vetted", "done", "admitted")
    with pytest.raises(IntegrityError), transaction.atomic():
        Organisation.objects.filter(pk=row.pk).update(vetted_by_id=row.checked_by_id)
    wanted = {"partners.register", "partners.check_organisation", "partners.vet_organisation"}
    assert wanted <= set(AuditEntry.objects.filter(object_id=str(row.pk)).values_list("action", flat=True))


def test_what_staff_entered_waits_for_the_second_person_only() -> None:
    row = actions.propose_organisation(actor=people.li().actor, facts=facts())
    assert case(row).step == "decide"
    row = actions.refuse_organisation(
        actor=people.wang().actor, organisation_id=row.pk, version=1, reason="材料不实"
    )
    assert (row.state, case(row).outcome) == ("refused", "refused")
    with pytest.raises(Hidden):
        actions.check_organisation(
            actor=people.outsider().actor, organisation_id=row.pk, version=2, opinion="好的"
        )


def test_an_invitation_works_once_and_who_invited_does_not_vet() -> None:
    wang = people.wang()
    invitation, code = actions.invite_organisation(
        actor=wang.actor, host_id=people.county().pk, name="上海陇商企业", kind="enterprise"
    )
    assert code not in (invitation.token_hash, "")
    with pytest.raises(Hidden):
        actions.register(facts=facts(host_id=people.county(people.WEN).pk), code=code)
    row = actions.register(facts=facts(), code=code)
    assert (row.origin, row.proposed_by_id) == ("invited", wang.user.pk)
    with pytest.raises(Hidden):
        actions.register(facts=facts(name="第二次"), code=code)
    with pytest.raises(Conflict):
        actions.cancel_invitation(actor=wang.actor, invitation_id=invitation.pk, version=2)
    actions.check_organisation(actor=second(), organisation_id=row.pk, version=1, opinion="齐全")
    with pytest.raises(Refused):
        actions.vet_organisation(actor=wang.actor, organisation_id=row.pk, version=2)


def test_an_invitation_says_what_is_entered_outside_the_government_network(settings: Any) -> None:
    officer, address = people.wang().client(), reverse("partners:invitation_list")
    given = {"name": "上海陇商企业", "kind": "enterprise"}
    reply = officer.post(address, given)
    code = reply.context["code"]
    assert f"/partners/join/{code}" in reply.context["link"] and not reply.context["public_link"]
    assert f"<code>{code}</code>" in reply.content.decode() and "在政务网外打不开" in reply.content.decode()
    settings.PUBLIC_ADDRESS = "https://portal.example"
    reply = officer.post(address, given)
    public = f"https://portal.example/join?county=621221&invitation={reply.context['code']}"
    assert escape(public) in reply.content.decode()
    assert "code" not in officer.get(address).context


def test_an_old_link_and_a_stranger_county_get_nothing() -> None:
    _row, code = actions.invite_organisation(
        actor=people.wang().actor, host_id=people.county().pk, name="甲", kind="ngo"
    )
    Invitation.objects.update(expires_at=clock.now() - timedelta(days=1))
    with pytest.raises(Hidden):
        actions.register(facts=facts(), code=code)
    with pytest.raises(Hidden):
        actions.invite_organisation(
            actor=people.outsider().actor, host_id=people.county().pk, name="甲", kind="ngo"
        )


def test_a_flood_of_registrations_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrations, "DAILY_REGISTRATIONS", 2)
    for n in range(2):
        actions.register(facts=facts(name=f"机构{n}"))
    with pytest.raises(Conflict):
        actions.register(facts=facts(name="机构三"))


def test_the_public_page_registers_and_refuses_programs() -> None:
    client = Client()
    body = {
        "name": "上海陇商企业",
        "kind": "enterprise",
        "place_code": "621222",
        "host_code": "621221",
        "contact_name": "周联络",
        "phone": "021-55550000",
    }
    assert client.get(reverse("partners:register")).status_code == 200
    assert client.post(reverse("partners:register"), body | {"website": "x"}).status_code == 422
    assert client.post(reverse("partners:register"), body | {"host_code": "999999"}).status_code == 422
    assert not Organisation.objects.exists()
    reply = client.post(reverse("partners:register"), body)
    assert "已送达" in reply.content.decode()
    row = Organisation.objects.get()
    assert row.state == "proposed" and b"5555" not in bytes(row.phone_sealed or b"")
    assert (
        people.zhao(row.pk + 1).client().get(reverse("partners:organisation_page", args=[row.pk])).status_code
        == 404
    )


def test_a_profile_is_kept_by_its_own_people_and_its_host() -> None:
    row = actions.register(facts=facts())
    zhao, wang = people.zhao(row.pk).actor, people.wang().actor
    line = actions.add_line(
        actor=zhao,
        organisation_id=row.pk,
        facts=LineFacts("capability", "收购核桃", "goods.walnut", 500, "吨"),
    )
    place = people.county(people.WEN).pk
    actions.add_line(
        actor=wang, organisation_id=row.pk, facts=LineFacts("market", "文县门店", place_id=place)
    )
    for bad in (
        LineFacts("market", "无处"),
        LineFacts("gold", "x"),
        LineFacts("need", " "),
        LineFacts("need", "x", quantity=0, unit="吨"),
        LineFacts("need", "x", quantity=5),
    ):
        with pytest.raises(Invalid):
            actions.add_line(actor=zhao, organisation_id=row.pk, facts=bad)
    with pytest.raises(Conflict):
        actions.add_line(actor=zhao, organisation_id=row.pk, facts=LineFacts("capability", "收购核桃"))
    with pytest.raises(Hidden):
        actions.end_line(actor=people.zhao(row.pk + 1).actor, line_id=line.pk, version=1)
    actions.end_line(actor=zhao, line_id=line.pk, version=1)
    assert ProfileLine.objects.filter(ended_at=None).count() == 1


def test_a_contacts_telephone_is_sealed_and_its_reading_recorded() -> None:
    row = actions.register(facts=facts())
    zhao = people.zhao(row.pk).actor
    made = actions.add_contact(
        actor=zhao, organisation_id=row.pk, name="周联络", duty="经理", phone="021-55551111"
    )
    assert b"5555" not in bytes(ContactPerson.objects.get().phone_sealed or b"")
    asked = {"contact_id": made.pk, "proven_at": real_now()}
    assert actions.reveal_contact(actor=people.wang().actor, **asked)[1] == "021-55551111"
    with pytest.raises(ProofDue):
        actions.reveal_contact(actor=zhao, contact_id=made.pk, proven_at=None)
    assert AuditEntry.objects.filter(action="partners.reveal_phone", object_kind="contact").count() == 1
    for stranger in (people.zhao(row.pk + 1).actor, people.outsider().actor):
        with pytest.raises(Hidden):
            actions.reveal_contact(actor=stranger, **asked)
    actions.end_contact(actor=zhao, contact_id=made.pk, version=1)
    with pytest.raises(Hidden):
        actions.reveal_contact(actor=zhao, **asked)
