"""Households and organisations for tests of the book and the market. All made up."""

from __future__ import annotations

from itertools import count

from django.utils import timezone

from tests.people import CHENG, county, villages
from yuchang.partners.models import Organisation
from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Household

_numbers = count(1)


def households(number: int, village: Place | None = None) -> list[Household]:
    """Listed households of one village (the first of 成县)."""
    home = village or villages()[0]
    return Household.objects.bulk_create(
        Household(
            place=home,
            **keys_of(home),
            number=f"T{next(_numbers):09d}",
            state="listed",
            attribute="ordinary",
            size=3,
            head_name=f"测试户{i + 1}",
            main_cause="illness",
            entered_at=timezone.now(),
        )
        for i in range(number)
    )


def organisation(name: str, kind: str = "enterprise", county_code: str = CHENG) -> Organisation:
    """A vetted organisation seated in a county."""
    seat = county(county_code)
    return Organisation.objects.create(
        name=f"{name}(测试)",
        kind=kind,
        place=seat,
        host=seat,
        **keys_of(seat),
        state="vetted",
        vetted_at=timezone.now(),
    )
