"""Why not that partner: read from the frozen run that made a proposal. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from yuchang.exchange.clearing.changes import changes
from yuchang.exchange.clearing.terms import PLAIN
from yuchang.exchange.comparing import Comparison, compare, others
from yuchang.exchange.inputs import Frozen, thaw
from yuchang.exchange.models import Match, Posting
from yuchang.exchange.queries import public_owner
from yuchang.exchange.words import distance
from yuchang.exchange.words_deals import comparison


@dataclass(frozen=True)
class Other:
    """Another counterpart of a posting in the same run, as anybody may know it."""

    pk: int
    words: str


def partners_to_compare(match: Match, side: str) -> list[Other]:
    """The counterparts that the run saw beside the one it chose, the nearest first; none without a run."""
    frozen = _frozen(match)
    if frozen is None:
        return []
    mine, chosen = (match.offer_id, match.need_id) if side == "offer" else (match.need_id, match.offer_id)
    found = [(number, km) for number, km in others(frozen.problem, mine) if number != chosen]
    rows = Posting.objects.defer("limit_fen", "note").select_related("organisation", "place")
    known = rows.in_bulk([number for number, _km in found])
    return [Other(number, f"{public_owner(known[number])} · {distance(km)}") for number, km in found]


def comparison_of(match: Match, side: str, other_id: int) -> str:
    """Why the run did not give this side that partner, as a sentence."""
    frozen = _frozen(match)
    if frozen is None:
        found = Comparison("absent")
    else:
        pair = (match.offer_id, other_id) if side == "offer" else (other_id, match.need_id)
        found = compare(frozen.problem, frozen.result, set(frozen.context.barred), *pair)
    return comparison(found, match.category.unit)


def sure_changes(frozen: Frozen) -> dict[int, dict[str, int]]:
    """By posting id: the least single changes that would surely place what a run left over, by kind.

    Only for runs without floors, swaps or lots, and not for postings with a barred pair: there nothing is
    sure (``clearing.changes``).
    """
    if frozen.asked != PLAIN:
        return {}
    apart = {number for pair in frozen.context.barred for number in pair}
    found: dict[int, dict[str, int]] = {}
    for one in changes(frozen.problem, frozen.result):
        number = int(frozen.problem.id[one.posting])
        if number not in apart:
            found.setdefault(number, {})[one.kind] = one.amount
    return found


def _frozen(match: Match) -> Frozen | None:
    return thaw(match.clearing) if match.clearing else None
