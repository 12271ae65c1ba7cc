"""The clock can be set only in a database that says it is simulated."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from yuchang.core import clock
from yuchang.core.models import Instance

EVENING = datetime(2020, 3, 31, 17, 0, tzinfo=UTC)  # 01:00 of the next day in Shanghai


def test_without_anything_said_it_shows_the_present(db):
    before = timezone.now()
    assert before <= clock.now() <= timezone.now()
    assert not clock.is_simulated()


def test_a_simulated_database_may_stand_at_any_instant(db):
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True, "clock_at": EVENING})
    assert clock.now() == EVENING
    assert clock.today() == date(2020, 4, 1)
    assert clock.is_simulated()


def test_a_real_database_cannot_be_given_another_time(db):
    with pytest.raises(IntegrityError, match="clock_only_when_simulated"), transaction.atomic():
        Instance.objects.update_or_create(pk=1, defaults={"is_simulated": False, "clock_at": EVENING})


def test_a_simulated_database_cannot_be_declared_real_while_its_clock_is_set(db):
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True, "clock_at": EVENING})
    with pytest.raises(IntegrityError), transaction.atomic():
        Instance.objects.filter(pk=1).update(is_simulated=False)


def test_there_is_one_instance_only(db):
    with pytest.raises(IntegrityError, match="single_row"), transaction.atomic():
        Instance.objects.create(pk=2)
