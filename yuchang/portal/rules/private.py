"""What must never appear in public: numbers that name a person, and how they look when partly masked. Pure.

Publications ask before they write; the scan of the public zone asks about everything that comes out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_SIGNS = "10X98765432"
# Spaces, dashes and dots inside a number hide it from nobody.
_GAP = r"[ \u00a0\u3000\-\u2010-\u2015.·]?"
_ID = re.compile(rf"(?<![0-9A-Za-z])((?:[0-9]{_GAP}){{17}}[0-9Xx])(?![0-9A-Za-z])")
_OLD_ID = re.compile(
    r"(?<![0-9A-Za-z])([1-8][0-9]{5}[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[0-9]{3})(?![0-9A-Za-z])"
)
_PHONE = re.compile(rf"(?<![0-9A-Za-z])(?:\+?86{_GAP})?(1{_GAP}[3-9](?:{_GAP}[0-9]){{9}})(?![0-9A-Za-z])")
_LANDLINE = re.compile(r"(?<![0-9A-Za-z])(0[1-9][0-9]{1,2}[-\u2010-\u2015 ][2-9][0-9]{6,7})(?![0-9A-Za-z])")
_CARD = re.compile(rf"(?<![0-9A-Za-z])([3-6](?:{_GAP}[0-9]){{14,18}})(?![0-9A-Za-z])")
# One dot among digits is a decimal point: 13800.138000 m² is no telephone, 138.0013.8000 is one.
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
# Digits, then signs that hide, then digits: 6212**********1234, 138****5678, 621221****0017.
_MASKED = re.compile(
    r"(?<![0-9A-Za-z*])[0-9]{2,10}[*＊xX×●•█_]{3,14}[0-9]{2,6}[Xx]?(?![0-9A-Za-z*])|"
    r"(?<![0-9A-Za-z*])[0-9]{3,10}[*＊×●•█]{4,14}(?![0-9A-Za-z*])|"
    r"[*＊×●•█]{4,14}[0-9]{3,6}[Xx]?(?![0-9A-Za-z*])"
)


@dataclass(frozen=True)
class Finding:
    """One private thing: its kind, what it looked like, and where it begins in the text."""

    kind: str
    text: str
    at: int


def findings(text: str) -> Iterator[Finding]:
    """Everything in ``text`` that looks like an ID number, telephone, bank card, or a masked rest of one."""
    plain = _narrow(text)
    taken: list[tuple[int, int]] = []

    def hit(kind: str, match: re.Match[str], group: int = 1) -> Iterator[Finding]:
        start, end = match.span(group)
        if not any(a <= start < b for a, b in taken):
            taken.append((start, end))
            yield Finding(kind, match.group(group), start)

    for match in _ID.finditer(plain):
        if is_id_number(_signs(match.group(1))):
            yield from hit("id", match)
    for match in _OLD_ID.finditer(plain):
        if int(match.group(1)[:2]) <= 82:
            yield from hit("id15", match)
    for match in _CARD.finditer(plain):
        if passes_luhn(_signs(match.group(1))):
            yield from hit("card", match)
    for pattern in (_PHONE, _LANDLINE):
        for match in pattern.finditer(plain):
            if not _DECIMAL.fullmatch(match.group(1)):
                yield from hit("phone", match)
    for match in _MASKED.finditer(plain):
        yield from hit("masked", match, 0)


def is_clean(text: str) -> bool:
    """Whether nothing private was found."""
    return next(findings(text), None) is None


def is_id_number(text: str) -> bool:
    """Eighteen signs, a possible date of birth and the right check sign (GB 11643-1999)."""
    if not re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return False
    month, day = int(text[10:12]), int(text[12:14])
    if not (1800 <= int(text[6:10]) <= 2099 and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    total = sum(int(sign) * weight for sign, weight in zip(text, _ID_WEIGHTS, strict=False))
    return _ID_SIGNS[total % 11] == text[17].upper()


def passes_luhn(text: str) -> bool:
    """Whether the digits end in their check digit (ISO/IEC 7812-1)."""
    if not text.isdigit() or len(set(text)) < 2:
        return False
    total = 0
    for position, sign in enumerate(reversed(text)):
        n = int(sign) * (1 + position % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def _narrow(text: str) -> str:
    """Full-width digits and letters as plain ones, without moving anything: one sign stays one sign."""
    return "".join(n if len(n := unicodedata.normalize("NFKC", sign)) == 1 else sign for sign in text)


def _signs(text: str) -> str:
    return re.sub(r"[^0-9Xx]", "", text)
