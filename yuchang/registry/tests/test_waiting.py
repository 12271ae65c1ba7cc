"""Households brought in by workbook get their case a moment later, in the name of who brought them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.people import wang, zhang
from yuchang.accounts.models import RoleGrant
from yuchang.core import clock
from yuchang.procedures.models import Case
from yuchang.registry import tasks
from yuchang.registry.actions import verify_household
from yuchang.registry.models import Household
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import families

pytestmark = pytest.mark.django_db


def test_each_household_of_a_workbook_waits_for_a_second_person_once() -> None:
    officer = wang()
    bring_in(officer, families(3))
    assert not Case.objects.exists()
    for _turn in range(2):
        tasks.await_verification(0)
    assert Case.objects.filter(state="open", opened_by=officer.user).count() == 3
    assert all(officer.user.pk in case.barred for case in Case.objects.all())


def test_a_verified_household_waits_for_nobody() -> None:
    bring_in(wang(), families(2))
    row = Household.objects.first()
    verify_household(actor=zhang().actor, household_id=row.pk, version=row.version)
    tasks.await_verification(0)
    assert Case.objects.count() == 1


def test_when_the_author_has_left_the_system_opens_the_case() -> None:
    officer = wang()
    bring_in(officer, families(1))
    RoleGrant.objects.filter(user=officer.user).update(valid_to=clock.today() - timedelta(days=1))
    tasks.await_verification(0)
    assert Case.objects.get().opened_by_id is None
