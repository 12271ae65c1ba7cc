"""Unified social credit codes. Pure.

Source: GB 32100-2015 (法人和其他组织统一社会信用代码编码规则): 18 signs, of which the last is a check digit.
Signs 3 to 8 are the area of the registering authority (GB/T 2260).
"""

from __future__ import annotations

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
