"""Postings that repeat: when a window has ended, the next one is made, once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from yuchang.accounts.rules import Actor
from yuchang.core.actions import write
from yuchang.exchange.actions.postings import KEYS, facts_of
from yuchang.exchange.models import Posting
from yuchang.exchange.rules import content_key, next_window

AT_ONCE = 500
ENDED = ("open", "matched", "fulfilled", "expired")
COPIED = (
    *("direction", "owner_kind", "household_id", "organisation_id", "resource_id", "category_id"),
    *("quantity", "unit", "limit_fen", "radius_km", "note", "entered_by_id", "terms", "min_lot"),
    *("certificates", "entered_unit", "repeats", "repeat_until", "first_from", "first_to", "place_id", *KEYS),
)


def repeat_postings(*, actor: Actor, on: date) -> int:
    """Make the next of every repeating posting whose window ended before the day. Returns how many.

    A withdrawn posting ends its series; so do a removed owner, a withdrawn resource, and the last day to
    repeat. May be killed and run again at any time: a portion is one transaction, and the database takes
    one successor of a posting only.
    """
    made, after = 0, 0
    while True:
        rows = list(_ended(on, after)[:AT_ONCE])
        if not rows:
            return made
        made += _repeat(actor, rows, on)
        after = rows[-1].pk


def _ended(on: date, after: int) -> QuerySet[Posting]:
    rows = Posting.objects.exclude(repeats="").filter(window_to__lt=on, state__in=ENDED, next_one=None)
    rows = rows.filter(Q(repeat_until=None) | Q(repeat_until__gte=on), pk__gt=after)
    rows = rows.filter(Q(household=None) | ~Q(household__state="removed"))
    rows = rows.filter(Q(organisation=None) | Q(organisation__state="vetted"))
    return rows.filter(Q(resource=None) | Q(resource__withdrawn_at=None)).order_by("pk")


def _repeat(actor: Actor, rows: Sequence[Posting], on: date) -> int:
    with transaction.atomic():
        found = [next_row for row in rows if (next_row := _successor(row, on)) is not None]
        stored = [row for row in found if _store(row)]
        if not stored:
            return 0
        with write("exchange.repeat_posting", actor) as audit:
            for row in stored:
                audit.add("posting", row.pk, place_id=row.place_id, previous=row.previous_id)
    return len(stored)


def _successor(row: Posting, on: date) -> Posting | None:
    """The next posting of a series, or None when it is over."""
    if row.first_from is None or row.first_to is None:
        return None
    window = next_window(row.first_from, row.first_to, row.repeats, row.window_from, on)
    if window is None or (row.repeat_until is not None and window[1] > row.repeat_until):
        return None
    new = Posting(uid=uuid.uuid4(), previous=row, **{name: getattr(row, name) for name in COPIED})
    new.window_from, new.window_to = window
    new.content_key = content_key(facts_of(new))
    return new


def _store(row: Posting) -> bool:
    """Whether it was stored: not when somebody was faster, or posted the same by hand."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True
