"""Notes of postings from before searching: their words are read a portion at a time."""

from __future__ import annotations

from django.db.models import Q

from yuchang.accounts.rules import Actor
from yuchang.core.actions import write
from yuchang.exchange.models import Posting
from yuchang.exchange.searching import terms_of

AT_ONCE = 1000
NOTHING_SAID = "~"
"""The term of a note without words: nobody searches for it, and the note is not read again."""


def read_notes(*, actor: Actor) -> int:
    """Store the terms of up to a thousand live postings whose note was never read; how many.

    The work of a task until it returns 0; killed, it goes on where it was. What a person reads and
    changes stays as it is, so the version does not move.
    """
    unread = Posting.objects.filter(Q(terms=[], state__in=["draft", "open"]) & ~Q(note="")).order_by("pk")
    numbers = list(unread.values_list("pk", flat=True)[:AT_ONCE])
    if not numbers:
        return 0
    with write("exchange.read_notes", actor) as audit:
        rows = list(
            unread.filter(pk__in=numbers).only("pk", "note", "terms").select_for_update(skip_locked=True)
        )
        for row in rows:
            row.terms = terms_of(row.note) or [NOTHING_SAID]
        Posting.objects.bulk_update(rows, ["terms"], batch_size=500)
        audit.add("posting", f"{numbers[0]}-{numbers[-1]}", postings=len(rows))
    return len(rows)
