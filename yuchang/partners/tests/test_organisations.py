"""Organisations are proposed by one person, vetted by another, and keep their own contact fresh."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.urls import reverse

from tests import people
from yuchang.accounts.doors import ProofDue
from yuchang.accounts.factors import real_now
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry, Instance
from yuchang.partners import actions, queries
from yuchang.partners.models import Organisation
from yuchang.partners.rules import simulated_credit_code

pytestmark = pytest.mark.django_db


def facts(**changes: Any) -> actions.OrganisationFacts:
    county = people.county()
    given = {"name": "陇南核桃合作社", "kind": "cooperative", "place_id": county.pk, "host_id": county.pk}
    return actions.OrganisationFacts(**(given | changes))


@pytest.fixture
def proposed() -> Organisation:
    return actions.propose_organisation(actor=people.li().actor, facts=facts(phone="0939-3210000"))


def test_a_cadre_proposes_and_an_officer_vets(proposed: Organisation) -> None:
    row = actions.vet_organisation(actor=people.wang().actor, organisation_id=proposed.pk, version=1)
    assert (row.state, row.version) == ("vetted", 2)
    assert AuditEntry.objects.filter(action="partners.vet_organisation", object_id=str(row.pk)).exists()


def test_nobody_vets_what_he_or_she_proposed() -> None:
    wang = people.wang()
    row = actions.propose_organisation(actor=wang.actor, facts=facts())
    with pytest.raises(Refused):
        actions.vet_organisation(actor=wang.actor, organisation_id=row.pk, version=1)
    with pytest.raises(IntegrityError):
        Organisation.objects.filter(pk=row.pk).update(
            state="vetted", vetted_by_id=row.proposed_by_id, vetted_at=row.created_at
        )


def test_it_refuses_an_officer_from_the_next_county(proposed: Organisation) -> None:
    with pytest.raises(Hidden):
        actions.vet_organisation(actor=people.outsider().actor, organisation_id=proposed.pk, version=1)
    with pytest.raises(Hidden):
        actions.propose_organisation(actor=people.outsider().actor, facts=facts())


def test_a_cadre_may_not_vet(proposed: Organisation) -> None:
    with pytest.raises(Refused):
        actions.vet_organisation(actor=people.li().actor, organisation_id=proposed.pk, version=1)


def test_a_stale_version_is_refused(proposed: Organisation) -> None:
    wang = people.wang().actor
    actions.vet_organisation(actor=wang, organisation_id=proposed.pk, version=1)
    with pytest.raises(Stale):
        actions.suspend_organisation(actor=wang, organisation_id=proposed.pk, version=1, reason="失信")
    with pytest.raises(Conflict):
        actions.vet_organisation(actor=wang, organisation_id=proposed.pk, version=2)


def test_many_are_vetted_at_once_or_none(proposed: Organisation) -> None:
    other = actions.propose_organisation(actor=people.outsider().actor, facts=facts(host_id=_wen()))
    wang = people.wang().actor
    with pytest.raises(Hidden):
        actions.vet_organisations(actor=wang, organisation_ids=[proposed.pk, other.pk])
    assert actions.vet_organisations(actor=wang, organisation_ids=[proposed.pk]) == 1


def _wen() -> int:
    return people.county(people.WEN).pk


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"kind": "state"}, "kind"),
        ({"phone": "abc"}, "phone"),
        ({"credit_code": "91350100M000100Y44"}, "credit_code"),
        ({"place_id": 0}, "place"),
        ({"host_id": 0}, "host"),
    ],
)
def test_it_refuses_absurd_facts_and_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.propose_organisation(actor=people.wang().actor, facts=facts(**changes))
    assert field in {p.field for p in caught.value.problems}


def test_a_simulated_code_needs_a_simulated_database_and_is_registered_once() -> None:
    wang = people.wang().actor
    given = facts(credit_code=simulated_credit_code(7))
    with pytest.raises(Invalid):
        actions.propose_organisation(actor=wang, facts=given)
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})
    actions.propose_organisation(actor=wang, facts=given)
    with pytest.raises(Invalid):
        actions.propose_organisation(actor=wang, facts=given)


def test_a_partner_keeps_its_own_contact_but_not_another_s(proposed: Organisation) -> None:
    zhao, other = people.zhao(proposed.pk).actor, people.zhao(proposed.pk + 1).actor
    change = {
        "organisation_id": proposed.pk,
        "version": 1,
        "contact_name": "赵企业",
        "phone": "0939-3219999",
        "capabilities": ("收购核桃",),
        "introduction": "",
    }
    with pytest.raises(Hidden):
        actions.edit_contact(actor=other, **change)
    assert actions.edit_contact(actor=zhao, **change).contact_name == "赵企业"
    assert (
        actions.reveal_phone(actor=zhao, organisation_id=proposed.pk, proven_at=real_now()) == "0939-3219999"
    )
    with pytest.raises(Hidden):
        actions.reveal_phone(actor=other, organisation_id=proposed.pk, proven_at=real_now())


def test_the_phone_is_sealed_in_the_table_and_in_the_audit(proposed: Organisation) -> None:
    asked = {"actor": people.wang().actor, "organisation_id": proposed.pk}
    for too_old in (None, real_now() - timedelta(minutes=16)):
        with pytest.raises(ProofDue):
            actions.reveal_phone(**asked, proven_at=too_old)
    assert not AuditEntry.objects.filter(action="partners.reveal_phone").exists()
    actions.reveal_phone(**asked, proven_at=real_now())
    assert b"3210000" not in bytes(Organisation.objects.get(pk=proposed.pk).phone_sealed or b"")
    assert not AuditEntry.objects.filter(body__contains="3210000").exists()
    assert AuditEntry.objects.filter(action="partners.reveal_phone").exists()


def test_a_proposed_organisation_is_hidden_from_the_next_county_until_vetted(proposed: Organisation) -> None:
    outsider = people.outsider().actor
    assert not queries.organisations_for(outsider).exists()
    actions.vet_organisation(actor=people.wang().actor, organisation_id=proposed.pk, version=1)
    assert queries.organisation_for(outsider, proposed.pk).name == proposed.name


def test_the_pages_lead_from_proposal_to_vetting(django_assert_max_num_queries: Any) -> None:
    li, wang = people.li().client(), people.wang().client()
    county = people.county()
    form = {
        "name": "成县核桃厂",
        "kind": "enterprise",
        "place_code": county.code[:6],
        "capabilities": "收购、冷链",
    }
    answer = li.post(reverse("partners:organisation_new"), form)
    row = Organisation.objects.get(name="成县核桃厂")
    assert answer.status_code == 302
    assert row.capabilities == ["收购", "冷链"]
    page = reverse("partners:organisation_page", args=[row.pk])
    assert "核验机构" in wang.get(page).content.decode()
    assert "核验机构" not in li.get(page).content.decode()
    assert people.outsider().client().get(page).status_code == 404
    assert wang.post(reverse("partners:vet", args=[row.pk]), {"version": 1}).status_code == 302
    row.refresh_from_db()
    assert row.state == "vetted"


def test_a_wrong_code_is_shown_beside_its_field() -> None:
    form = {"name": "厂", "kind": "enterprise", "place_code": "621221", "credit_code": "91350100M000100Y44"}
    answer = people.li().client().post(reverse("partners:organisation_new"), form)
    assert answer.status_code == 422
    assert "校验位" in answer.content.decode()


def test_the_list_costs_the_same_for_five_and_sixty() -> None:
    wang = people.wang()
    counts = []
    for size in (5, 55):
        actions.propose_organisations(
            actor=wang.actor, rows=[facts(name=f"合作社{size}-{i}") for i in range(size)]
        )
        client = wang.client()
        client.get(reverse("partners:organisation_list"))
        with CaptureQueries() as captured:
            assert client.get(reverse("partners:organisation_list")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


class CaptureQueries:
    """Counts the queries of a page."""

    def __enter__(self) -> list[Any]:
        self.seen: list[Any] = []
        self.wrapper = connection.execute_wrapper(self._count)
        self.wrapper.__enter__()
        return self.seen

    def _count(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen.append(sql)
        return execute(sql, params, many, context)

    def __exit__(self, *rest: Any) -> None:
        self.wrapper.__exit__(*rest)
