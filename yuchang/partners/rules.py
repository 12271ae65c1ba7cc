"""Credit codes of organisations, promises kept or not, and what that says of who made them. Pure.

Source of the codes: GB 32100-2015 (法人和其他组织统一社会信用代码编码规则): 18 signs, of which the last is a
check digit. Signs 3 to 8 are the area of the registering authority (GB/T 2260).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
SIMULATED_AREA = "999999"
"""No division has this code: an organisation with it exists in a simulation only."""


def credit_check_digit(first17: str) -> str:
    """The 18th sign for the first seventeen. Raises ValueError for a sign outside the alphabet."""
    total = sum(ALPHABET.index(sign) * weight for sign, weight in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def is_credit_code(code: str) -> bool:
    """Whether the text is a well-formed code with a right check digit."""
    if len(code) != 18 or any(sign not in ALPHABET for sign in code) or not code[2:8].isdigit():
        return False
    return credit_check_digit(code[:17]) == code[17]


def is_simulated_credit_code(code: str) -> bool:
    """Whether the code carries the area that no real organisation can have."""
    return code[2:8] == SIMULATED_AREA


def simulated_credit_code(number: int) -> str:
    """The well-formed code of simulated organisation ``number`` (0 to 31**9 - 1)."""
    body = ""
    for _ in range(9):
        number, sign = divmod(number, 31)
        body = ALPHABET[sign] + body
    first17 = f"91{SIMULATED_AREA}{body}"
    return first17 + credit_check_digit(first17)


def is_phone(text: str) -> bool:
    """A mainland mobile or landline number, digits with optional hyphens."""
    digits = text.replace("-", "").replace(" ", "")
    return digits.isdigit() and 7 <= len(digits) <= 12


GRACE_DAYS = 90
"""So long after its day a milestone is late; after that broken for good. Ours, see docs/rules."""
VERDICTS = ("kept", "late", "broken", "open")


@dataclass(frozen=True)
class Done:
    """Confirmed progress: so much on a day. What nobody confirmed is not a fact and never comes here."""

    on: date
    amount: int


def reached_on(amount: int, done: Iterable[Done]) -> date | None:
    """The day on which confirmed progress came to the promised amount, or None."""
    total = 0
    for one in sorted(done, key=lambda d: d.on):
        total += one.amount
        if total >= amount:
            return one.on
    return None


def judge_milestone(due_on: date, amount: int, done: Iterable[Done], on: date) -> str:
    """``kept``, ``late``, ``broken`` or ``open`` on a day, from confirmed progress alone.

    Kept: reached by its day. Late: reached within ``GRACE_DAYS`` after, or they still run. Broken: not
    reached within them (whatever comes later). Progress after ``on`` is not yet known.
    """
    reached = reached_on(amount, [d for d in done if d.on <= on])
    grace = due_on + timedelta(days=GRACE_DAYS)
    if reached is not None and reached <= due_on:
        return "kept"
    if on <= due_on:
        return "open"
    if (reached or on) <= grace:
        return "late"
    return "broken"


def judge_commitment(verdicts: Iterable[str]) -> str:
    """A commitment is as good as its worst milestone; open while one is open and none is late or broken."""
    found = set(verdicts)
    return next((word for word in ("broken", "late", "open") if word in found), "kept")


@dataclass(frozen=True)
class Record:
    """What the facts say of an organisation: counts of milestones by verdict. Nothing it says of itself."""

    kept: int = 0
    late: int = 0
    broken: int = 0
    open: int = 0

    @property
    def due(self) -> int:
        """Milestones of which something can be said: all but the open ones."""
        return self.kept + self.late + self.broken

    @property
    def percent_kept(self) -> int | None:
        """Kept of due in whole percent, rounded down; None when nothing was due yet."""
        return 100 * self.kept // self.due if self.due else None


@dataclass(frozen=True)
class MilestoneFacts:
    """One milestone with the confirmed progress on it."""

    due_on: date
    amount: int
    done: tuple[Done, ...] = ()


def assess_record(milestones: Sequence[MilestoneFacts], on: date) -> Record:
    """The counts of an organisation on a day. Milestones of released commitments do not come here."""
    counts = dict.fromkeys(VERDICTS, 0)
    for one in milestones:
        counts[judge_milestone(one.due_on, one.amount, one.done, on)] += 1
    return Record(**counts)


@dataclass(frozen=True)
class DealFacts:
    """One agreement of an organisation: its last delivery day, and the day all of it was accepted."""

    due_on: date
    fulfilled_on: date | None


@dataclass(frozen=True)
class Dealings:
    """Agreements and answers of an organisation, counted.

    ``answer_hours``: the middle of how long it took to answer proposals (the lower of two middles), in
    whole hours; ``unanswered`` proposals have none.
    """

    on_time: int = 0
    late: int = 0
    overdue: int = 0
    running: int = 0
    answered: int = 0
    unanswered: int = 0
    answer_hours: int | None = None


def assess_dealings(
    deals: Sequence[DealFacts], answer_seconds: Sequence[int], unanswered: int, on: date
) -> Dealings:
    """Agreements fulfilled by their last day, after it, not though it is past, or running; and answers."""
    words = [_judge_deal(deal, on) for deal in deals]
    hours = sorted(seconds // 3600 for seconds in answer_seconds)
    return Dealings(
        on_time=words.count("on_time"),
        late=words.count("late"),
        overdue=words.count("overdue"),
        running=words.count("running"),
        answered=len(hours),
        unanswered=unanswered,
        answer_hours=hours[(len(hours) - 1) // 2] if hours else None,
    )


def _judge_deal(deal: DealFacts, on: date) -> str:
    if deal.fulfilled_on is not None and deal.fulfilled_on <= on:
        return "on_time" if deal.fulfilled_on <= deal.due_on else "late"
    return "running" if on <= deal.due_on else "overdue"


@dataclass(frozen=True)
class MilestonePlan:
    """One milestone as promised. ``amount`` in the commitment's unit; money in fen."""

    due_on: date
    measure: str
    amount: int


def commitment_flaws(kind: str, unit: str, plan: Sequence[MilestonePlan], today: date) -> list[str]:
    """Codes of what is wrong with a promise (words: ``actions.commitments``)."""
    found = []
    if not plan:
        found.append("no milestone")
    if len(plan) > MILESTONES_MAX:
        found.append("too many")
    if any(not 0 < one.amount <= AMOUNT_MAX for one in plan):
        found.append("amount")
    if any(one.due_on < today for one in plan):
        found.append("past")
    if any(one.due_on > today + timedelta(days=HORIZON_DAYS) for one in plan):
        found.append("far")
    if any(later.due_on < earlier.due_on for earlier, later in pairwise(plan)):
        found.append("order")
    if any(not one.measure.strip() for one in plan):
        found.append("measure")
    if (kind in MONEY_KINDS) != (unit == FEN):
        found.append("unit")
    return found


AMOUNT_MAX = 1_000_000_000_000_000
"""No amount is larger: ten trillion yuan in fen."""
MILESTONES_MAX = 24
HORIZON_DAYS = 3660
FEN = "fen"
MONEY_KINDS = frozenset({"money", "purchase"})
UNITS = {"money": FEN, "purchase": FEN, "jobs": "个", "seats": "人次", "equipment": "件", "other": "件"}
"""The unit of each kind of commitment; ``other`` may name its own."""
