"""The book refuses whatever does not balance, whoever writes to it."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.ledger import queries
from yuchang.ledger.actions import Draft, household_accounts, place_account, post, post_set, reverse
from yuchang.ledger.models import Account, Leg, Transaction
from yuchang.ledger.rules import LegDraft
from yuchang.ledger.tests.people_of_the_book import households, organisation


def check_now() -> None:
    """Fire the checks that otherwise wait for the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def accounts(number: int = 2) -> tuple[int, list[int]]:
    """The clearing account of 成县, and accounts of some households."""
    rows = households(number)
    found = household_accounts([row.pk for row in rows])
    return place_account(people.county(), "clearing"), [found[row.pk] for row in rows]


def draft(source_id: str, *legs: tuple[int, int], **more: Any) -> Draft:
    return Draft(
        source=more.pop("source", "test"),
        source_id=source_id,
        kind=more.pop("kind", "settlement"),
        place=people.county(),
        legs=tuple(LegDraft(account, fen, way="direct" if fen > 0 else "") for account, fen in legs),
        **more,
    )


def test_a_posting_reaches_the_household_and_its_statement(db: None) -> None:
    clearing, (first, second) = accounts()
    booked = post(actor=SYSTEM, draft=draft("1", (clearing, -1000), (first, 700), (second, 300)))
    check_now()
    household_id = Account.objects.get(pk=first).household_id
    lines = list(queries.household_book(people.wang().actor, household_id))
    assert [(line.amount_fen, line.transaction_id) for line in lines] == [(700, booked.pk)]
    today = booked.booked_on
    assert queries.income_by_household([household_id, 0], today, today) == {household_id: 700, 0: 0}


def test_nobody_reads_the_book_of_the_next_county(db: None) -> None:
    clearing, (first, second) = accounts()
    booked = post(actor=SYSTEM, draft=draft("1", (clearing, -10), (first, 4), (second, 6)))
    household_id = Account.objects.get(pk=first).household_id
    outsider = people.outsider().actor
    assert not queries.household_book(outsider, household_id).exists()
    with pytest.raises(Hidden):
        queries.book_household(outsider, household_id)
    with pytest.raises(Hidden):
        queries.transaction_for(outsider, booked.pk)
    with pytest.raises(Refused):
        queries.household_book(people.zhao(organisation("买方").pk).actor, household_id)


@pytest.mark.parametrize("fens", [(-10, 9), (-10,), (-10, 10, 0), ()])
def test_the_action_refuses_what_does_not_balance(db: None, fens: tuple[int, ...]) -> None:
    clearing, (first, second) = accounts()
    with pytest.raises(Invalid):
        post(actor=SYSTEM, draft=draft("1", *zip((clearing, first, second), fens, strict=False)))
    assert not Transaction.objects.exists()


def test_the_same_event_is_booked_once(db: None) -> None:
    clearing, (first, _second) = accounts()
    one = post(actor=SYSTEM, draft=draft("1", (clearing, -10), (first, 10)))
    again = post(actor=SYSTEM, draft=draft("1", (first, 10), (clearing, -10)))
    assert one == again and Leg.objects.count() == 2
    with pytest.raises(Conflict):
        post(actor=SYSTEM, draft=draft("1", (clearing, -11), (first, 11)))
    with pytest.raises(Invalid):
        post_set(actor=SYSTEM, drafts=[draft("2", (clearing, -1), (first, 1))] * 2)


def test_a_reversal_mirrors_its_original_once(db: None) -> None:
    clearing, (first, second) = accounts()
    booked = post(actor=SYSTEM, draft=draft("1", (clearing, -10), (first, 4), (second, 6)))
    wang = people.wang().actor
    undone = reverse(actor=wang, transaction_id=booked.pk, reason="重复发货")
    check_now()
    assert reverse(actor=wang, transaction_id=booked.pk, reason="重复发货") == undone
    assert sum(Leg.objects.filter(account_id=first).values_list("amount_fen", flat=True)) == 0
    with pytest.raises(Conflict):
        reverse(actor=wang, transaction_id=undone.pk, reason="再冲")
    with pytest.raises(Hidden):
        reverse(actor=people.outsider().actor, transaction_id=booked.pk, reason="外县")
    with pytest.raises(Refused):
        reverse(actor=people.li().actor, transaction_id=booked.pk, reason="越权")
    with pytest.raises(Invalid):
        reverse(actor=wang, transaction_id=booked.pk, reason=" ")


def raw_transaction(
    cursor: Any, source_id: str, reverses: int | None = None, kind: str = "settlement"
) -> int:
    place = people.county()
    cursor.execute(
        """INSERT INTO ledger_transaction (source, source_id, kind, channel, booked_at, booked_on, memo,
               reverses_id, place_id, province_id, prefecture_id, county_id)
           VALUES ('raw', %s, %s, '', now(), current_date, '', %s, %s, %s, %s, %s) RETURNING id""",
        [source_id, kind, reverses, place.pk, place.province_id, place.prefecture_id, place.county_id],
    )
    return int(cursor.fetchone()[0])


def raw_legs(
    cursor: Any, transaction_id: int, *legs: tuple[int, int], household: str = "a.household_id"
) -> None:
    cursor.execute(
        f"""INSERT INTO ledger_leg (transaction_id, account_id, amount_fen, household_id, way, booked_on,
                place_id, province_id, prefecture_id, county_id, township_id, village_id)
            SELECT %s, a.id, u.fen, {household}, '', current_date, a.place_id, a.province_id, a.prefecture_id,
                   a.county_id, a.township_id, a.village_id
            FROM unnest(%s::bigint[], %s::bigint[]) u(account, fen) JOIN ledger_account a ON a.id = u.account""",
        [transaction_id, [account for account, _ in legs], [fen for _, fen in legs]],
    )


def refused(call: Any, constraint: str) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        call()
        check_now()
    assert caught.value.__cause__.diag.constraint_name == constraint


def test_raw_sql_cannot_leave_the_book_unbalanced(db: None) -> None:
    clearing, (first, _second) = accounts()
    with connection.cursor() as cursor:
        refused(lambda: raw_transaction(cursor, "empty"), "ledger_transaction_balances")
        refused(
            lambda: raw_legs(cursor, raw_transaction(cursor, "unbalanced"), (clearing, -5), (first, 4)),
            "ledger_leg_one_statement",
        )
        refused(
            lambda: raw_legs(
                cursor, raw_transaction(cursor, "stranger"), (clearing, -5), (first, 5), household="1"
            ),
            "ledger_leg_of_account",
        )
        refused(
            lambda: raw_legs(cursor, raw_transaction(cursor, "zero"), (clearing, 0), (first, 0)),
            "ledger_leg_not_zero",
        )


def test_legs_cannot_follow_an_early_check(db: None) -> None:
    """SET CONSTRAINTS IMMEDIATE uses the deferred check up; what comes after it is refused all the same."""
    clearing, (first, second) = accounts()
    with connection.cursor() as cursor:
        booked = raw_transaction(cursor, "early")
        raw_legs(cursor, booked, (clearing, -5), (first, 5))
        check_now()
        refused(lambda: raw_legs(cursor, booked, (clearing, -9), (second, 8)), "ledger_leg_one_statement")
        refused(lambda: raw_legs(cursor, booked, (clearing, -9), (second, 9)), "ledger_leg_one_statement")


def test_a_temporary_table_cannot_stand_in_for_the_book(db: None) -> None:
    clearing, (first, _second) = accounts()
    with connection.cursor() as cursor:

        def attack() -> None:
            booked = raw_transaction(cursor, "shadow")
            raw_legs(cursor, booked, (clearing, -5), (first, 5))
            cursor.execute("CREATE TEMP TABLE ledger_leg (LIKE public.ledger_leg) ON COMMIT DROP")
            cursor.execute("INSERT INTO pg_temp.ledger_leg SELECT * FROM public.ledger_leg")
            cursor.execute(
                "CREATE TEMP TABLE ledger_transaction (LIKE public.ledger_transaction) ON COMMIT DROP"
            )
            cursor.execute(
                "INSERT INTO public.ledger_leg (transaction_id, account_id, amount_fen, household_id, way,"
                " booked_on, place_id, province_id, prefecture_id, county_id, township_id, village_id)"
                " SELECT %s, id, 7, household_id, '', current_date, place_id, province_id, prefecture_id,"
                " county_id, township_id, village_id FROM public.ledger_account WHERE id = %s",
                [booked, first],
            )

        refused(attack, "ledger_leg_one_statement")


def test_raw_sql_cannot_fake_a_reversal(db: None) -> None:
    clearing, (first, second) = accounts()
    booked = post(actor=SYSTEM, draft=draft("1", (clearing, -10), (first, 4), (second, 6)))
    wrongs = (
        [(clearing, 10), (first, -10)],
        [(clearing, 10), (first, -6), (second, -4)],
        [(clearing, -10), (first, 4), (second, 6)],
        [(clearing, 5), (clearing, 5), (first, -4), (second, -6)],
    )
    with connection.cursor() as cursor:
        for number, legs in enumerate(wrongs):
            refused(
                lambda legs=legs, number=number: raw_legs(
                    cursor, raw_transaction(cursor, f"r{number}", booked.pk, "reversal"), *legs
                ),
                "ledger_reversal_mirrors",
            )
        undone = reverse(actor=people.wang().actor, transaction_id=booked.pk, reason="错账")
        refused(
            lambda: raw_legs(
                cursor,
                raw_transaction(cursor, "rr", undone.pk, "reversal"),
                (clearing, -10), (first, 4), (second, 6),
            ),
            "ledger_reversal_of_reversal",
        )  # fmt: skip


@pytest.mark.parametrize("table", ["ledger_transaction", "ledger_leg", "ledger_account"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE", "ALTER TABLE {} DISABLE TRIGGER ALL"],
)
def test_the_application_cannot_change_the_book(db: None, table: str, statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


@pytest.mark.django_db(transaction=True)
def test_another_connection_cannot_add_to_what_is_booked() -> None:
    """Neither after the commit, nor before it, nor by naming a foreign database transaction."""
    clearing, (first, second) = accounts()
    booked = post(actor=SYSTEM, draft=draft("1", (clearing, -10), (first, 10)))
    settings_ = connection.get_connection_params()
    info = {
        k: v for k, v in settings_.items() if k in {"dbname", "user", "password", "host", "port", "options"}
    }
    with psycopg.connect(**info) as other:
        with pytest.raises(psycopg.errors.CheckViolation) as caught, other.cursor() as cursor:
            raw_legs(cursor, booked.pk, (clearing, -9), (second, 9))
        assert caught.value.diag.constraint_name == "ledger_leg_with_transaction"
        other.rollback()
        with transaction.atomic(), connection.cursor() as mine:
            open_one = raw_transaction(mine, "open")
            raw_legs(mine, open_one, (clearing, -1), (first, 1))
            with pytest.raises(psycopg.errors.ForeignKeyViolation), other.cursor() as cursor:
                raw_legs(cursor, open_one, (clearing, -9), (second, 9))
                other.commit()
            other.rollback()
        with pytest.raises(psycopg.errors.CheckViolation) as caught, other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_transaction (source, source_id, kind, channel, booked_at, booked_on, memo,"
                " place_id, created_in) VALUES ('raw', 'future', 'settlement', '', now(), current_date, '', %s,"
                " txid_current() + 1)",
                [people.county().pk],
            )
        assert caught.value.diag.constraint_name == "ledger_transaction_created_in"
        other.rollback()
        with pytest.raises(psycopg.errors.CheckViolation), other.cursor() as cursor:
            raw_transaction(cursor, "empty")
            other.commit()
    assert Leg.objects.count() == 4
    assert Transaction.objects.filter(source="raw").count() == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=5), min_size=1, max_size=6))
def test_whatever_is_booked_sums_to_zero(db: None, amounts: list[list[int]]) -> None:
    with transaction.atomic():
        clearing, receivers = accounts(5)
        drafts = [
            draft(f"{number}", (clearing, -sum(fens)), *zip(receivers, fens, strict=False))
            for number, fens in enumerate(amounts)
        ]
        ids = post_set(actor=SYSTEM, drafts=drafts)
        check_now()
        assert len(set(ids)) == len(amounts)
        for pk, fens in zip(ids, amounts, strict=True):
            legs = list(Leg.objects.filter(transaction_id=pk).values_list("amount_fen", flat=True))
            assert sum(legs) == 0 and sorted(legs) == sorted([-sum(fens), *fens])
        day = Transaction.objects.get(pk=ids[0]).booked_on
        totals = queries.totals(people.county(), day, day)
        assert totals.households_fen == sum(map(sum, amounts)) == -totals.waiting_fen
        flows = queries.money_flows(people.county(), day, day)
        assert flows["households_fen"] == totals.households_fen
        transaction.set_rollback(True)


def test_posting_takes_the_same_number_of_statements_for_one_and_for_many(
    db: None, django_assert_num_queries: Any
) -> None:
    clearing, receivers = accounts(5)
    few = [draft("1", (clearing, -1), (receivers[0], 1))]
    many = [draft(f"m{n}", (clearing, -1), (receivers[n % 5], 1)) for n in range(300)]
    with django_assert_num_queries(7):
        post_set(actor=SYSTEM, drafts=few)
    with django_assert_num_queries(7):
        post_set(actor=SYSTEM, drafts=many)


def test_income_of_a_county_equals_the_sum_over_its_households(db: None) -> None:
    clearing, receivers = accounts(3)
    on = date(2026, 9, 1)
    for number, account in enumerate(receivers):
        post(
            actor=SYSTEM,
            draft=draft(
                f"{number}", (clearing, -100 * (number + 1)), (account, 100 * (number + 1)), booked_on=on
            ),
        )
    parameters = {"county_id": people.county().pk, "from_on": on, "to_on": on}
    with connection.cursor() as cursor:
        cursor.execute(queries.income_sql(), parameters)
        by_sql = dict(cursor.fetchall())
    assert by_sql == queries.income_by_household(list(by_sql), on, on)
    assert sum(by_sql.values()) == 600
