"""Keeping the category tree as shipped."""

from __future__ import annotations

from yuchang.accounts.rules import Actor
from yuchang.core.actions import write
from yuchang.exchange.catalogue import read_categories
from yuchang.exchange.models import Category


def sync_categories(*, actor: Actor) -> int:
    """Bring the table in line with ``categories.yaml``; removes nothing. Returns how many changed."""
    rows = [Category(**row) for row in read_categories()]
    known = Category.objects.in_bulk()
    columns = [f.attname for f in Category._meta.concrete_fields if not f.primary_key]
    changed = [
        row
        for row in rows
        if row.code not in known
        or any(getattr(row, column) != getattr(known[row.code], column) for column in columns)
    ]
    if not changed:
        return 0
    with write("exchange.sync_categories", actor) as audit:
        Category.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["code"], update_fields=columns
        )
        for row in changed:
            audit.add("category", row.code)
    return len(changed)
