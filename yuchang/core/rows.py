"""One row by a unique column, for what every request asks: Django need not write that statement each time."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


def row_by(model: type[M], column: str, value: Any) -> M | None:
    """The row whose unique ``column`` has this value, as Django reads it, at half the price."""
    sql, names = _statement(model, column)
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        row = cursor.fetchone()
    return model.from_db(connection.alias, names, row) if row else None


@cache
def _statement(model: type[Model], column: str) -> tuple[str, list[str]]:
    fields = model._meta.concrete_fields
    for field in fields:
        if field.get_db_converters(connection) or field.db_type(connection) in ("json", "jsonb"):
            raise TypeError(f"{model.__name__}.{field.name} is not read as the database gives it")
    quote = connection.ops.quote_name
    columns = {field.attname: quote(str(field.column)) for field in fields}
    table, asked = quote(model._meta.db_table), columns[column]
    return f"SELECT {', '.join(columns.values())} FROM {table} WHERE {asked} = %s", list(columns)  # noqa: S608 - names of our own models
