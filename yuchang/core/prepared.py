"""Questions that many requests ask: Django writes their SQL once, and from then on only the values change.

To build a query set and write its SQL costs Django more than PostgreSQL needs for the answer, and a page puts
a dozen of them. A function under ``@prepared`` gets a stand-in for each value and returns the query set; what
it returns is kept for each shape of its arguments, and calling it gives the rows as a list::

    @prepared
    def _members(household: Any) -> QuerySet[Member]:
        return Member.objects.filter(household_id=household, left_on=None)

    members = _members(household.pk)

The function must not look at its values. Positional arguments are values: a number, a text, a day; several of
them, for the lookup ``__any``; None or a truth value, which are part of the shape; or a ``Q`` such as
``place_filter`` gives, whose values are replaced in turn. Named arguments, such as limits, are part of the
shape. What holds more than values (another query, a pattern) is asked plainly, as Django does.

For one whole row by a unique column ``core.rows.row_by`` is cheaper still.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from datetime import date
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Expression, Field, ForeignObject, Lookup, Q, QuerySet

R = TypeVar("R")
KEPT = 256
"""So many shapes of one question are kept; a question with more of them is asked plainly."""
_VALUES = (int, str, date, UUID)
_COMPARED = ("gt", "gte", "lt", "lte", "exact")


@ForeignObject.register_lookup
@Field.register_lookup
class AnyOf(Lookup):
    """``column__any``: equal to one of an array that is one value of the statement, however long."""

    lookup_name = "any"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """``column = ANY(values)``."""
        left, of_left = self.process_lhs(compiler, connection)
        right, of_right = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right})", [*of_left, *of_right]


class _Hole:
    """Marks among a statement's values where the value of this number goes."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Given(Expression):
    """Stands in a query for the value of this number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.hole = _Hole(number)

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "%s", [self.hole]


class _Unknown(Exception):
    """An argument that holds more than values to compare with: another query, an expression, a pattern."""


class _Shape:
    """Takes values out of arguments, and says how what is left looks."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def take(self, argument: Any) -> tuple[Hashable, Any]:
        """How the argument looks, and the argument with stand-ins. Raises _Unknown."""
        if isinstance(argument, Q):
            return self._condition(argument)
        if argument is None or isinstance(argument, bool):
            return (argument,), argument
        if isinstance(argument, _VALUES):
            return argument.__class__.__name__, self._stand_in(argument)
        if isinstance(argument, (list, tuple, set, frozenset)):
            return "several", self._stand_in(_plain(argument))
        raise _Unknown

    def _stand_in(self, value: Any) -> _Given:
        self.values.append(value)
        return _Given(len(self.values) - 1)

    def _condition(self, condition: Q) -> tuple[Hashable, Q]:
        parts = [self._part(child) for child in condition.children]
        looks = (condition.connector, condition.negated, tuple(look for look, _part in parts))
        made = Q(*(part for _look, part in parts), _connector=condition.connector, _negated=condition.negated)
        return looks, made

    def _part(self, child: Any) -> tuple[Hashable, Any]:
        if isinstance(child, Q):
            return self._condition(child)
        if not isinstance(child, tuple):
            raise _Unknown
        name, value = child
        lookup = name.rpartition("__")[2]
        if isinstance(value, (list, tuple, set, frozenset)):
            several = _plain(value)
            if lookup == "in" and several:
                return (name, "several"), (f"{name[:-4]}__any", self._stand_in(several))
            if lookup == "contains" and several:
                return (name, len(several)), (name, [self._stand_in(one) for one in several])
            if several:
                raise _Unknown
            return (name, ()), (name, [])
        if value is None or isinstance(value, bool):
            return (name, (value,)), child
        if not isinstance(value, _VALUES):
            raise _Unknown
        if lookup in _COMPARED or lookup not in Field.class_lookups:
            return (name, value.__class__.__name__), (name, self._stand_in(value))
        raise _Unknown  # such as "begins with": each typed word would be a shape of its own


def _plain(values: Any) -> list[Any]:
    """The values as a list. Raises _Unknown where they are not all plain."""
    found = list(values)
    if not all(isinstance(value, _VALUES) for value in found):
        raise _Unknown
    return found


class _Written:
    """A query set with its statement, to be asked again and again with other values; shared by threads."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.rows: Any = rows
        self.compiler = rows.query.get_compiler(using=rows.db)
        try:
            self.sql, self.marks = self.compiler.as_sql()
        except EmptyResultSet:  # such as pk__in=[]: there is nothing to ask
            self.sql, self.marks = "", ()

    def ask(self, values: list[Any]) -> list[Any]:
        """The rows for these values."""
        if not self.sql:
            return []
        rows = self.rows
        asked = type(rows)(model=rows.model, query=self._query(values), using=rows.db, hints=rows._hints)
        asked._iterable_class, asked._fields = rows._iterable_class, rows._fields
        asked._known_related_objects = rows._known_related_objects
        asked._prefetch_related_lookups = rows._prefetch_related_lookups[:]
        return list(asked)

    def _query(self, values: list[Any]) -> Any:
        """A query whose compiler need not write: it knows the statement."""
        params = tuple(values[m.number] if isinstance(m, _Hole) else m for m in self.marks)
        compiler: Any = copy.copy(self.compiler)
        compiler.connection = connections[compiler.using]
        compiler.as_sql = lambda *_, **__: (self.sql, params)
        query: Any = copy.copy(self.rows.query)
        query.get_compiler = lambda *_, **__: compiler
        return query


class Prepared(Generic[R]):
    """A question with everything known of how to ask it. Made by ``prepared``."""

    def __init__(self, write: Callable[..., QuerySet[Any, R]]) -> None:
        self.write = write
        self.known: dict[Hashable, _Written] = {}
        self.__doc__ = write.__doc__

    def __call__(self, *arguments: Any, **fixed: Any) -> list[R]:
        """The rows for these values, in the order of the query set."""
        shape = _Shape()
        try:
            taken = [shape.take(argument) for argument in arguments]
        except _Unknown:
            return self.plainly(*arguments, **fixed)
        key = (tuple(look for look, _argument in taken), tuple(sorted(fixed.items())))
        written = self.known.get(key)
        if written is None:
            if len(self.known) >= KEPT:
                return self.plainly(*arguments, **fixed)
            written = _Written(self.write(*(argument for _look, argument in taken), **fixed))
            self.known[key] = written
        return written.ask(shape.values)

    def plainly(self, *arguments: Any, **fixed: Any) -> list[R]:
        """The same rows, asked as Django does."""
        several = (tuple, set, frozenset)
        return list(self.write(*(list(a) if isinstance(a, several) else a for a in arguments), **fixed))


def prepared(write: Callable[..., QuerySet[Any, R]]) -> Prepared[R]:
    """Write this question's SQL once for each shape of its arguments."""
    return Prepared(write)
