"""Tallies agree with the tables they count, after any mixture of writes, and nobody can forge them."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import people, things
from yuchang.core.models import TallyNow
from yuchang.core.tallies import below, fold, recount, tally, tally_by_key
from yuchang.monitoring.models import Alert, Assessment
from yuchang.monitoring.queries import TALLY, TALLY_KEY
from yuchang.places.models import keys_of

pytestmark = pytest.mark.django_db
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "close", "escalate", "remove"]), st.integers(0, 4)),
    min_size=1,
    max_size=25,
)


def an_alert(village, number):
    assessment = Assessment.objects.first() or Assessment.objects.create(
        on="2026-01-01",
        line_fen=1,
        line_source="",
        households=0,
        opened=0,
        created_at=things.WRITTEN,
        place=village,
        **keys_of(village),
    )
    return Alert.objects.create(
        household=things.household(village),
        assessment=assessment,
        kind="below_line",
        opened_on="2026-01-01",
        due_on=f"2026-01-{10 + number:02d}",
        place=village,
        **keys_of(village),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_mixture_of_writes_leaves_the_tallies_equal_to_a_count(steps):
    villages = people.villages()
    with transaction.atomic():
        for step, number in steps:
            village = villages[number]
            rows = Alert.objects.filter(village_id=village.pk)
            if step == "add":
                an_alert(village, number)
            elif step == "close":
                rows.update(state="closed", closed_on="2026-02-01")
            elif step == "escalate":
                rows.filter(state="open").update(state="escalated")
            else:
                rows.delete()
        assert recount("monitoring_alert", TALLY, TALLY_KEY) == []
        assert recount("monitoring_alert", f"{TALLY}@county", TALLY_KEY) == []
        assert tally(TALLY, Q()) == Alert.objects.count()
        transaction.set_rollback(True)


def test_an_area_counts_its_own_rows_only():
    here, there = people.villages()[0], people.villages(people.WEN)[0]
    an_alert(here, 1)
    an_alert(here, 2)
    an_alert(there, 1)
    assert tally(TALLY, Q(county_id=here.county_id)) == 2
    assert sum(tally_by_key(TALLY, Q(village_id=there.village_id)).values()) == 1


def test_a_county_is_read_from_as_many_rows_with_one_village_as_with_five(django_assert_num_queries):
    county = Q(county_id=people.villages()[0].county_id)
    for village in people.villages()[:5]:
        an_alert(village, 1)
    fold()
    assert tally_by_key(TALLY, county) == {"open:below_line:2026-01-11": 5}
    assert tally_by_key(TALLY, county & Q(village_id=people.villages()[0].pk)) == {
        "open:below_line:2026-01-11": 1
    }
    assert TallyNow.objects.filter(county, subject=f"{TALLY}@county").count() == 1
    with django_assert_num_queries(1) as asked:
        tally_by_key(TALLY, county | Q(province_id=1))
    assert "@county" in asked[0]["sql"]
    with django_assert_num_queries(1) as asked:
        assert below("township_id", TALLY, county)
    assert "@county" not in asked[0]["sql"]


def test_the_application_cannot_write_a_tally_itself():
    an_alert(people.villages()[0], 1)
    for sql in (
        "UPDATE core_tally SET n = 99",
        "DELETE FROM core_tally",
        "INSERT INTO core_tally (n) VALUES (1)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_two_who_write_the_same_tallies_in_opposite_order_never_wait_for_each_other():
    village = people.villages()[0]
    alerts = [an_alert(village, number) for number in (1, 2)]
    homes = [alert.household for alert in alerts]
    fold()
    change_alert = "UPDATE monitoring_alert SET state = 'escalated' WHERE id = %s"
    change_home = "UPDATE registry_household SET state = 'exited', exited_on = current_date WHERE id = %s"
    one, other = (psycopg.connect(**connection.get_connection_params()) for _n in range(2))
    with one, other:
        for line in (one, other):
            line.execute("SET lock_timeout = '1s'")
        one.execute(change_home, [homes[0].pk])
        other.execute(change_alert, [alerts[1].pk])
        one.execute(change_alert, [alerts[0].pk])
        other.execute(change_home, [homes[1].pk])
        assert tally_by_key(TALLY, Q()) and recount("monitoring_alert", TALLY, TALLY_KEY) == []
    assert recount("monitoring_alert", TALLY, TALLY_KEY) == []
    assert fold() > 0 and recount("monitoring_alert", TALLY, TALLY_KEY) == []
