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


def signs_in(word: str) -> list[str]:
    """The signs of a word by which ``holding`` looks it up."""
    return sorted(set(word.lower()))


def holding(rows: QuerySet[M], column: str, word: Any, signs: Any = None) -> QuerySet[M]:
    """Rows whose ``column`` holds the word, in capitals or small letters; the column has a ``signs_index``.

    All signs of the word are looked up at once, then the word itself is looked for in what has them. A
    prepared question gives ``signs`` (``signs_in``) beside the word, since it does not see the word.
    """
    signs = signs_in(word) if signs is None else signs
    found = rows.alias(_signs=signs_of(column)).filter(_signs__contains=signs)
    return cast("QuerySet[M]", found.filter(**{f"{column}__icontains": word}))
