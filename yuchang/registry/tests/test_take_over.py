"""A register taken over as columns: the same refusals as the workbook's, sealed, audited, all or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core import secrets
from yuchang.core.errors import Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.places.models import Place
from yuchang.registry.actions import take_over_households
from yuchang.registry.columns import HouseholdColumns, MemberColumns, read_ids
from yuchang.registry.models import Cause, Household, HouseholdFacts, Member, MemberFacts, MemberHealth
from yuchang.registry.queries import Filter, filtered, households_for
from yuchang.registry.rules import read_id
from yuchang.registry.tests.workbooks import id_number

ON = date(2024, 6, 30)
BORN = [date(1975, 3, 1), date(1977, 5, 2)]


def columns(count: int, village_id: int, serial: int = 0) -> tuple[HouseholdColumns, MemberColumns]:
    """Couples of one village."""
    numbers = [f"K{serial + i:06d}" for i in range(count)]
    homes = HouseholdColumns(
        number=numbers,
        village_id=[village_id] * count,
        attribute=["ordinary"] * count,
        main_cause=["illness"] * count,
        hamlet=["上庄\t湾"] * count,
        declared_size=[2] * count,
        facts={"net_income_per_head_fen": [350_000] * count, "safe_water": [True] * count},
    )
    each = [(i, k) for i in range(count) for k in range(2)]
    folk = MemberColumns(
        household=np.array([i for i, _k in each]),
        number=[f"{numbers[i]}{k:02d}" for i, k in each],
        name=["王小满" if k == 0 else '李"\\梅' for _i, k in each],
        relation=["head" if k == 0 else "spouse" for _i, k in each],
        id_number=[id_number(serial + i, BORN[k], "female" if k else "male") for i, k in each],
        phone=["15400000000" if k == 0 else "" for _i, k in each],
        ethnicity=["01"] * len(each),
        health=[("chronic", "disabled") if k == 0 else ("healthy",) for _i, k in each],
        facts={"work_months": [3 if k == 0 else None for _i, k in each]},
    )
    return homes, folk


def village() -> int:
    return people.villages()[0].pk


def test_an_officer_takes_over_households_with_sealed_secrets_facts_and_an_entry_each(db: None) -> None:
    homes, folk = columns(3, village())
    officer = people.wang().actor
    done = take_over_households(actor=officer, observed_on=ON, households=homes, members=folk)
    assert (done.households, done.members, done.refused) == (3, 6, ())
    row = Household.objects.get(number="K000000")
    assert (row.state, row.size, row.head_name, row.hamlet) == ("entered", 2, "王小满", "上庄\t湾")
    assert row.entered_by_id == officer.user_id and row.verified_by_id is None
    wife = Member.objects.get(household=row, relation="spouse")
    assert (wife.name, wife.sex, wife.birth_on) == ('李"\\梅', "female", BORN[1])
    number = folk.id_number[1]
    assert secrets.unseal(row.county_id or 0, "member.id", wife.uid, wife.id_sealed or b"") == number
    assert bytes(wife.id_blind or b"") == secrets.blind_index("member.id", number)
    assert wife.phone_sealed is None
    facts = HouseholdFacts.objects.get(household=row)
    assert (facts.size, facts.net_income_per_head_fen, facts.safe_water) == (2, 350_000, True)
    assert facts.debt_fen is None and Cause.objects.filter(household=row, is_main=True).count() == 1
    assert MemberFacts.objects.get(member=wife).work_months is None
    assert MemberHealth.objects.get(member__relation="head", member__household=row).health == [
        "chronic",
        "disabled",
    ]
    assert AuditEntry.objects.filter(action="registry.take_over_households").count() == 3
    uids = list(Member.objects.order_by("id").values_list("uid", flat=True))
    assert uids == sorted(uids) and {uid.version for uid in uids} == {4}
    found = filtered(households_for(officer), officer, Filter(text="李"))
    assert row.pk in found.values_list("pk", flat=True)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("relation", "spouse", "head_none"),
        ("id_number", "999999197503010019", "id_check"),
        ("id_number", "12", "id_length"),
        ("name", "", "missing"),
        ("relation", "无", "code"),
    ],
)
def test_what_a_rule_refuses_stays_out_and_is_named(db: None, column: str, value: str, code: str) -> None:
    homes, folk = columns(2, village())
    spoilt = list(getattr(folk, column))
    spoilt[0] = value
    done = take_over_households(
        actor=people.wang().actor,
        observed_on=ON,
        households=homes,
        members=replace(folk, **{column: spoilt}),
    )
    assert done.households == 1 and [(r.number, r.code) for r in done.refused] == [("K000000", code)]


def test_who_is_registered_already_stays_as_he_is(db: None) -> None:
    officer = people.wang().actor
    homes, folk = columns(2, village())
    take_over_households(actor=officer, observed_on=ON, households=homes, members=folk)
    others, same = columns(2, village(), serial=10)
    same = replace(same, id_number=[folk.id_number[0], *same.id_number[1:]])
    done = take_over_households(actor=officer, observed_on=ON, households=others, members=same)
    assert [(r.number, r.code) for r in done.refused] == [("K000010", "person_elsewhere")]
    again = take_over_households(actor=officer, observed_on=ON, households=homes, members=folk)
    assert again.households == 0 and len(again.refused) == 2


def test_the_next_county_and_a_reader_are_refused(db: None) -> None:
    homes, folk = columns(1, village())
    done = take_over_households(actor=people.outsider().actor, observed_on=ON, households=homes, members=folk)
    assert done.households == 0 and done.refused[0].code == "village_outside"
    with pytest.raises(Refused):
        take_over_households(actor=people.auditor().actor, observed_on=ON, households=homes, members=folk)


def test_only_the_province_brings_households_that_are_listed_elsewhere(db: None) -> None:
    homes, folk = columns(1, village())
    listed = replace(homes, state=["listed"])
    with pytest.raises(Refused):
        take_over_households(actor=people.wang().actor, observed_on=ON, households=listed, members=folk)
    province = Place.objects.get(pk=people.county().province_id)
    hands = people.person("赵省员", Role.PROVINCE_OFFICER, place=province)
    take_over_households(actor=hands.actor, observed_on=ON, households=listed, members=folk)
    row = Household.objects.get()
    assert row.state == "listed" and row.verified_by_id is None
    with pytest.raises(Invalid):
        take_over_households(
            actor=hands.actor,
            observed_on=ON,
            households=replace(homes, state=["verified"]),
            members=folk,
        )


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.text("0123456789Xx ", min_size=14, max_size=20),
            st.builds(
                id_number, st.integers(0, 9999), st.dates(date(1880, 1, 1), date(2030, 1, 1)), st.just("male")
            ),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_columns_of_numbers_read_like_one_number(numbers: list[str]) -> None:
    found = read_ids(numbers, ON)
    for i, number in enumerate(numbers):
        one = read_id(number, ON)
        assert found.error[i] == one.error
        if not one.error:
            assert found.person[i] == one.person
            assert found.birth_on[i] == np.datetime64(one.birth_on)
            assert bool(found.is_male[i]) == (one.sex == "male")
