"""What has to happen next with a household, and who must do it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import median


class Who(StrEnum):
    """Whose turn it is."""

    CADRE = "village_cadre"
    REVIEWER = "township_reviewer"
    OFFICER = "county_officer"
    PARTNER = "partner"


class What(StrEnum):
    """What is to be done."""

    VERIFY = "verify"
    PUBLISH = "publish"
    WAIT_NOTICE = "wait_notice"
    DECIDE_OBJECTION = "decide_objection"
    DECIDE_POLICY = "decide_policy"
    VISIT = "visit"
    HANDLE_ESCALATED = "handle_escalated"
    ANSWER_MATCH = "answer_match"
    SIGN = "sign"
    RECORD_FACTS = "record_facts"


@dataclass(frozen=True)
class Situation:
    """What is known of one household on a day."""

    state: str
    is_verified: bool
    has_facts: bool
    has_decision: bool
    notice_ends_on: date | None = None
    open_objections: int = 0
    alert_due_on: date | None = None
    has_escalated_alert: bool = False
    matches_to_answer: int = 0
    agreements_to_sign: int = 0


@dataclass(frozen=True)
class Step:
    """One thing to do, by whom, until when; ``is_late`` when that day has passed."""

    what: What
    who: Who
    due_on: date | None = None
    is_late: bool = False


def next_steps(now: Situation, today: date) -> list[Step]:
    """Everything that waits for somebody, what is late first."""
    steps = []
    if now.has_escalated_alert:
        steps.append(Step(What.HANDLE_ESCALATED, Who.OFFICER))
    if now.alert_due_on:
        steps.append(Step(What.VISIT, Who.CADRE, now.alert_due_on, now.alert_due_on < today))
    if now.open_objections:
        steps.append(Step(What.DECIDE_OBJECTION, Who.OFFICER))
    if not now.is_verified and now.state in {"entered", "listed", "exited"}:
        steps.append(Step(What.VERIFY, Who.REVIEWER))
    elif now.state == "verified":
        steps.append(Step(What.PUBLISH, Who.OFFICER))
    elif now.state == "noticed":
        steps.append(Step(What.WAIT_NOTICE, Who.OFFICER, now.notice_ends_on))
    if not now.has_facts:
        steps.append(Step(What.RECORD_FACTS, Who.CADRE))
    elif not now.has_decision and now.state != "removed":
        steps.append(Step(What.DECIDE_POLICY, Who.OFFICER))
    if now.matches_to_answer:
        steps.append(Step(What.ANSWER_MATCH, Who.CADRE))
    if now.agreements_to_sign:
        steps.append(Step(What.SIGN, Who.CADRE))
    return sorted(steps, key=lambda step: not step.is_late)


@dataclass(frozen=True)
class Outlier:
    """One whose share is far from the others' (``usual``: their median)."""

    key: int
    share: float
    usual: float


LEAST_COMPARED, LEAST_WHOLE, LEAST_DISTANCE = 4, 10, 0.1


def outliers(parts: dict[int, tuple[int, int]]) -> list[Outlier]:
    """Which shares (part, whole) stand out upwards, the farthest first.

    A share stands out when it lies above the median by more than three median distances from it, and by at
    least ten points; wholes below ten are too small to say. Fewer than four have nothing to be compared with.
    """
    shares = {key: part / whole for key, (part, whole) in parts.items() if whole >= LEAST_WHOLE}
    if len(shares) < LEAST_COMPARED:
        return []
    usual = median(shares.values())
    spread = median(abs(share - usual) for share in shares.values())
    limit = usual + max(3 * spread, LEAST_DISTANCE)
    found = [Outlier(key, share, usual) for key, share in shares.items() if share > limit]
    return sorted(found, key=lambda o: -o.share)
