"""Numbers that belong to nobody: identity numbers with an area that does not exist, unassigned phones.

The check digits are right (GB 11643-1999 for people, GB 32100-2015 for organisations), since the doors
check them. Area prefixes begin with 99, which no division of China has. No operator has the prefix 154.
"""

from __future__ import annotations

import numpy as np

from demo.county.tables import Days, Flags, Ints, Texts

AREA_PREFIX = "99"
CREDIT_AREA = "999999"
PHONE_PREFIX = "154"
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECK = np.array(list("10X98765432"))
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = [pow(3, i, 31) for i in range(17)]


def check_digits(first_17: Texts) -> Texts:
    """The 18th digit of each number (GB 11643: ISO 7064 MOD 11-2)."""
    points = np.ascontiguousarray(first_17.astype("U17")).view(np.uint32).reshape(len(first_17), 17)
    digits = points.astype(np.int64) - ord("0")
    found: Texts = _CHECK[(digits @ _WEIGHTS) % 11]
    return found


def id_numbers(county_code: str, birth_on: Days, is_male: Flags, series: int = 0) -> Texts:
    """One number per person, unique within the county and series: those born on one day count up."""
    day = birth_on.astype("datetime64[D]").astype(np.int64)
    group = day * 2 + is_male
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    lengths = np.diff(np.r_[starts, len(group)])
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, lengths)
    if len(rank) and rank.max() >= 500:
        raise ValueError("more than 500 people of one sex born on one day: generate by township")
    sequence = np.char.zfill((rank * 2 + is_male).astype(str), 3)
    birth = np.char.replace(np.datetime_as_string(birth_on, unit="D"), "-", "")
    area = f"{AREA_PREFIX}{(int(county_code[2:6]) + 1000 * series) % 10_000:04d}"
    first_17 = np.char.add(np.char.add(area, birth), sequence)
    first_17 = first_17.astype("U17")
    return np.char.add(first_17, check_digits(first_17))


def phone_numbers(rng: np.random.Generator, count: int) -> Texts:
    """Phone numbers under a prefix that no operator has."""
    return np.char.add(PHONE_PREFIX, np.char.zfill(rng.integers(0, 10**8, count).astype(str), 8))


def credit_codes(county_code: str, count: int) -> list[str]:
    """Unified social credit codes with a right check sign (GB 32100) and the area 999999, which is none."""
    body = county_code[:6]
    return [_with_credit_check(f"91{CREDIT_AREA}{body}{number:03d}") for number in range(1, count + 1)]


def _with_credit_check(first_17: str) -> str:
    total = sum(
        _CREDIT_ALPHABET.index(character) * weight
        for character, weight in zip(first_17, _CREDIT_WEIGHTS, strict=True)
    )
    return first_17 + _CREDIT_ALPHABET[(31 - total % 31) % 31]


def transpose(number: str, position: int) -> str:
    """An identity number with two neighbouring digits swapped and no new check digit: a typing mistake."""
    return number[:position] + number[position + 1] + number[position] + number[position + 2 :]


def ages_on(birth_on: Days, on: np.datetime64) -> Ints:
    """Completed years on a day."""
    years = birth_on.astype("datetime64[Y]").astype(np.int64)
    this_year = on.astype("datetime64[Y]").astype(np.int64)
    day_of_year = (birth_on.astype("datetime64[D]") - birth_on.astype("datetime64[Y]")).astype(np.int64)
    today_of_year = int((on.astype("datetime64[D]") - on.astype("datetime64[Y]")).astype(np.int64))
    ages: Ints = this_year - years - (day_of_year > today_of_year)
    return ages
