"""Texts found by the signs they hold: an index that needs no extension of the database."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db.models import F, Func, Model, QuerySet, TextField, Value
from django.db.models.functions import Lower

M = TypeVar("M", bound=Model)


def signs_of(column: str) -> Func:
    """The signs of a column's text, small letters, as an array (SQL)."""
    signs: Any = ArrayField(TextField())
    return Func(Lower(F(column)), Value(""), function="regexp_split_to_array", output_field=signs)


def signs_index(column: str, name: str) -> GinIndex:
    """The index by which ``holding`` finds rows."""
    return GinIndex(signs_of(column), name=name)


def holding(rows: QuerySet[M], column: str, word: str) -> QuerySet[M]:
    """Rows whose ``column`` holds the word, in capitals or small letters; the column has a ``signs_index``.

    All signs of the word are looked up at once, then the word itself is looked for in what has them.
    """
    signs = sorted(set(word.lower()))
    found = rows.alias(_signs=signs_of(column)).filter(_signs__contains=signs)
    return cast("QuerySet[M]", found.filter(**{f"{column}__icontains": word}))
