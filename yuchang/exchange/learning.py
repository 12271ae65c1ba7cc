"""What declined proposals teach: a limit nobody stated, learned from a refused price. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

STEP_FEN = 10
"""So much better than a refused price the next proposal has to be."""
# The price on the table when somebody declined for the price; not one that the same side had named itself,
# and nothing from before the posting's limit was corrected.
_LEARNED = """
    SELECT p.id, CASE p.direction
        WHEN 'offer' THEN least(greatest(p.limit_fen, max(t.price_fen) + %(step)s), 100000000)
        ELSE greatest(least(p.limit_fen, min(t.price_fen + m.transport_fen) - %(step)s), 0) END
    FROM exchange_message s
    JOIN exchange_talk t ON t.id = s.talk_id AND t.terms_side <> s.side
    JOIN exchange_match m ON m.id = t.match_id AND m.state = 'declined'
    JOIN exchange_posting p ON p.id = CASE s.side WHEN 'offer' THEN m.offer_id ELSE m.need_id END
    WHERE s.code = 'price' AND s.kind IN ('decline', 'refuse') AND p.id = ANY(%(ids)s)
      AND (p.limit_set_at IS NULL OR s.at > p.limit_set_at)
    GROUP BY p.id ORDER BY p.id
"""


def learned_limits(posting_ids: Sequence[int]) -> dict[int, int]:
    """The limits in fen that clearings use instead of the stated ones, for postings that declined a price.

    An offer's is never lower than stated, a need's never higher. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LEARNED, {"ids": list(posting_ids), "step": STEP_FEN})
        return dict(cursor.fetchall())
