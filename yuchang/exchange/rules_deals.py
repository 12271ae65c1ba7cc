"""How a deal stands, and how a contract writes an amount. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

ANSWER_DAYS = 7
"""So long the other side has to answer a dispute before the county may decide without it."""
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def answer_by(today: date) -> date:
    """The last day on which the other side may answer a dispute alone."""
    return today + timedelta(days=ANSWER_DAYS)


def reached_by(agreed: Sequence[tuple[int, int]]) -> dict[int, int]:
    """What is to be delivered in all by each milestone, from (number, quantity) in order of days."""
    total, found = 0, {}
    for number, quantity in agreed:
        total += quantity
        found[number] = total
    return found


def milestone_state(*, is_agreed: bool, is_met: bool, due_on: date, today: date) -> str:
    """``met``, ``late`` (its day is over), ``ahead``, or ``open`` when it is not agreed."""
    if not is_agreed:
        return "open"
    if is_met:
        return "met"
    return "late" if due_on < today else "ahead"


def may_judge_dispute(*, is_answered: bool, answer_until: date, today: date) -> bool:
    """Whether a dispute may be decided: it was answered, or the days for it are over."""
    return is_answered or today > answer_until


def amount_words(fen: int) -> str:
    """An amount in capital numerals as contracts and bills write it (票据大写), from 0 to under 10^18 fen.

    Rule: 中国人民银行《支付结算办法》附一《正确填写票据和结算凭证的基本规定》.
    """
    if not 0 <= fen < 10**18:
        raise ValueError("amount out of range")
    yuan, rest = divmod(fen, 100)
    jiao, cents = divmod(rest, 10)
    text = _whole(yuan) + "元" if yuan else ""
    if not rest:
        return (text or "零元") + "整"
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif text:
        text += "零"
    return text + (_DIGITS[cents] + "分" if cents else "整")


def _whole(number: int) -> str:
    """A whole number above 0; one 零 for any run of zeros inside."""
    text, gap = "", False
    for place in range(len(str(number)) - 1, -1, -1):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + _PLACES[place % 4]
            gap = False
        else:
            gap = True
        if place % 4 == 0 and number // 10**place % 10_000:
            text += _GROUPS[place // 4]
    return text
