"""Counts that cost the same at a thousand and at a million rows.

A tallied table has triggers which note, per village and key, how many of its rows came and went. A page sums
the few rows of its area instead of counting the table. The application may read tallies, never write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db import connection
from django.db.migrations.operations import RunSQL
from django.db.models import Q, QuerySet, Sum

from yuchang.core.models import TallyNow
from yuchang.core.once import once
from yuchang.core.prepared import prepared

KEYS = ("province_id", "prefecture_id", "county_id", "township_id", "village_id")
_COLUMNS = ", ".join(KEYS)
_OF_COUNTY = ", ".join([*KEYS[:3], *(f"0 AS {key}" for key in KEYS[3:])])
_TALLY = "core.tally"
_SUMMED: set[str] = set()
_COALESCED = ", ".join(f"coalesce({k}, 0)" for k in KEYS)


def _upsert(subject: str, source: str) -> str:
    numbers = ", ".join(str(i) for i in range(1, len(KEYS) + 2))
    return f"""
        INSERT INTO core_tally AS t ({_COLUMNS}, key, subject, n, amount)
        SELECT {_COALESCED}, tally_key, '{subject}', sum(step), sum(step * tally_amount)
        FROM ({source}) AS s
        GROUP BY {numbers} HAVING sum(step) <> 0 OR sum(step * tally_amount) <> 0
        ORDER BY {numbers}
        ON CONFLICT (subject, {_COLUMNS}, key)
        DO UPDATE SET n = t.n + excluded.n, amount = t.amount + excluded.amount;
    """


def _append(subject: str, source: str) -> str:
    numbers = ", ".join(str(i) for i in range(1, len(KEYS) + 2))
    return f"""
        INSERT INTO core_tallydelta ({_COLUMNS}, key, subject, n, amount)
        SELECT {_COALESCED}, tally_key, '{subject}', sum(step), sum(step * tally_amount)
        FROM ({source}) AS s
        GROUP BY {numbers} HAVING sum(step) <> 0 OR sum(step * tally_amount) <> 0;
    """


def tallied(
    table: str,
    subject: str,
    key: str,
    amount: str = "0",
    *,
    where: str = "true",
    name: str = "",
    is_busy: bool = False,
    by_county: bool = False,
) -> RunSQL:
    """Migration operation: keep tallies of a table that has place keys.

    ``key`` and ``amount`` are SQL expressions over a row (text, and bigint in fen or units). Rows with
    the same place keys and key are one tally; ``where`` leaves rows out. Existing rows are counted at once.
    A second tally of a table needs a ``name`` of its own. Changes must be appended (``is_busy``, or later
    ``appending``) to ``core_tallydelta``, so that no two writers wait for the same tally, nor for each
    other's; ``fold`` adds them up. ``by_county``: one row for a whole county and key, see
    ``summed_by_county``. See docs/decisions/0005-counts-from-tallies.md.
    """
    rows = partial(_rows, key=key, amount=amount, where=where, columns=_OF_COUNTY if by_county else _COLUMNS)
    subject = _of_county(subject) if by_county else subject
    name = name or f"{table}_tally"
    create = f"""
        {_function(name, subject, rows, _append if is_busy else _upsert)}
        CREATE TRIGGER {name}_insert AFTER INSERT ON {table}
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        CREATE TRIGGER {name}_update AFTER UPDATE ON {table}
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        CREATE TRIGGER {name}_delete AFTER DELETE ON {table}
            REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        {_upsert(subject, rows(table, 1))}
    """
    remove = f"""
        DROP TRIGGER {name}_insert ON {table}; DROP TRIGGER {name}_update ON {table};
        DROP TRIGGER {name}_delete ON {table}; DROP FUNCTION {name}();
        DELETE FROM core_tally WHERE subject = '{subject}';
        {f"DELETE FROM core_tallydelta WHERE subject = '{subject}';" if is_busy else ""}
    """
    return RunSQL(create, remove)


def appending(
    table: str, subject: str, key: str, amount: str = "0", *, where: str = "true", name: str = ""
) -> RunSQL:
    """Migration operation: the ``tallied`` of the same arguments appends its changes from now on."""
    rows = partial(_rows, key=key, amount=amount, where=where)
    name = name or f"{table}_tally"
    return RunSQL(_function(name, subject, rows, _append), _function(name, subject, rows, _upsert))


def _rows(source: str, step: int, *, key: str, amount: str, where: str, columns: str = _COLUMNS) -> str:
    row = f"{columns}, ({key})::text AS tally_key, ({amount})::bigint AS tally_amount"
    return f"SELECT {row}, {step} AS step FROM {source} WHERE {where}"


def _function(
    name: str, subject: str, rows: Callable[[str, int], str], change: Callable[[str, str], str]
) -> str:
    new, old = rows("new_rows", 1), rows("old_rows", -1)
    return f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public AS $tally$
        BEGIN
            IF TG_OP = 'INSERT' THEN {change(subject, new)}
            ELSIF TG_OP = 'DELETE' THEN {change(subject, old)}
            ELSE {change(subject, f"{new} UNION ALL {old}")}
            END IF;
            RETURN NULL;
        END $tally$;
    """


def _of_county(subject: str) -> str:
    return f"{subject}@county"


def summed_by_county(subject: str) -> str:
    """The subject, whose tallies are also kept ``by_county``: where whole counties are asked for, those few
    rows are read instead of one for each village and key."""
    _SUMMED.add(subject)
    return subject


def _holds_counties(within: Any) -> bool:
    """Whether a filter on place keys names nothing smaller than a county; the whole country names nothing."""
    if isinstance(within, Q):
        return all(_holds_counties(part) for part in within.children)
    return isinstance(within, tuple) and str(within[0]).split("__")[0] in (*KEYS[:3], "pk")


def _read_as(subjects: Iterable[str], within: Q, column: str = KEYS[2]) -> dict[str, str]:
    """Under which name the rows of each subject are read, by that name."""
    is_wide = column in KEYS[:3] and _holds_counties(within)
    return {_of_county(one) if is_wide and one in _SUMMED else one: one for one in subjects}


def tally(subject: str, within: Q, keys: Iterable[str] | None = None) -> int:
    """How many rows there are in an area. ``within`` is a filter on place keys; ``keys`` limits to some."""
    counts = tally_by_key(subject, within)
    return sum(counts.values() if keys is None else (counts.get(key, 0) for key in set(keys)))


def tally_by_key(subject: str, within: Q) -> dict[str, int]:
    """Counts of an area by key, keys without rows left out."""
    return {key: n for key, (n, _amount) in _by_key(subject, within).items() if n}


def amount_by_key(subject: str, within: Q) -> dict[str, int]:
    """Sums of the tallied amount of an area by key."""
    return {key: amount for key, (_n, amount) in _by_key(subject, within).items() if amount}


def read_ahead(subjects: Iterable[str], within: Q) -> None:
    """Read several subjects of one area in one query, for what will be asked within this request."""
    found = _read(within, *subjects)
    for subject in found:
        once((_TALLY, subject, within), partial(found.__getitem__, subject))


Below = dict[int, dict[str, tuple[int, int]]]
"""(count, sum) by place and key."""


def below(column: str, subject: str, within: Q) -> Below:
    """Counts and sums of an area for each of the places that a place key (``column``) names."""
    return once((_TALLY, column, subject, within), lambda: _read_below(column, within, subject)[subject])


def read_below_ahead(column: str, subjects: Iterable[str], within: Q) -> None:
    """Like ``read_ahead``, for what ``below`` will be asked."""
    found = _read_below(column, within, *subjects)
    for subject in found:
        once((_TALLY, column, subject, within), partial(found.__getitem__, subject))


@prepared
def _sums(within: Any, subjects: Any) -> QuerySet[TallyNow, Any]:
    rows = TallyNow.objects.filter(within, subject__any=subjects).values_list("subject", "key")
    return rows.annotate(count=Sum("n"), total=Sum("amount"))


@prepared
def _sums_below(within: Any, subjects: Any, *, column: str) -> QuerySet[TallyNow, Any]:
    rows = TallyNow.objects.filter(within, subject__any=subjects).values_list("subject", column, "key")
    return rows.annotate(count=Sum("n"), total=Sum("amount"))


def _read_below(column: str, within: Q, *subjects: str) -> dict[str, Below]:
    found: dict[str, Below] = {subject: {} for subject in subjects}
    names = _read_as(subjects, within, column)
    for name, place, key, count, total in _sums_below(within, tuple(names), column=column):
        found[names[name]].setdefault(place, {})[key] = int(count), int(total)
    return found


def _by_key(subject: str, within: Q) -> dict[str, tuple[int, int]]:
    """One query, and within one request only the first time."""
    return once((_TALLY, subject, within), lambda: _read(within, subject)[subject])


def _read(within: Q, *subjects: str) -> dict[str, dict[str, tuple[int, int]]]:
    """(count, sum) by subject and key."""
    found: dict[str, dict[str, tuple[int, int]]] = {subject: {} for subject in subjects}
    names = _read_as(subjects, within)
    for name, key, count, total in _sums(within, tuple(names)):
        found[names[name]][key] = int(count), int(total)
    return found


def fold() -> int:
    """Add up what busy tables have appended; returns how many changes. The database does it by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_fold_tallies()")
        return int(cursor.fetchone()[0])


def recount(
    table: str, subject: str, key: str, amount: str = "0", where: str = "true"
) -> list[tuple[str, int, int]]:
    """Where the tallies differ from the table: (key, tallied, counted). Empty when all is well."""
    sql = f"""
        SELECT coalesce(t.key, c.key), coalesce(t.n, 0), coalesce(c.n, 0)
        FROM (SELECT key, sum(n) AS n, sum(amount) AS a FROM core_tallynow WHERE subject = %s GROUP BY key) t
        FULL JOIN (SELECT ({key})::text AS key, count(*) AS n, sum({amount}) AS a
                   FROM {table} WHERE {where} GROUP BY 1) c ON c.key = t.key
        WHERE coalesce(t.n, 0) <> coalesce(c.n, 0) OR coalesce(t.a, 0) <> coalesce(c.a, 0)
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [subject])
        return [(k, int(n), int(c)) for k, n, c in cursor.fetchall()]
