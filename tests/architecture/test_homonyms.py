"""A Chinese word of two meanings is said in English by its meaning."""

import pytest
from django.utils.translation import override, pgettext

from yuchang.exchange.models import Posting
from yuchang.ledger.models import Account


@pytest.mark.parametrize(
    ("label", "english"),
    [
        (Account.Kind.HOUSEHOLD.label, "Household"),
        (Account.Kind.ORGANISATION.label, "Organisation"),
        (Posting.OwnerKind.HOUSEHOLD.label, "Household"),
    ],
)
def test_one_household_is_no_list_and_an_organisation_no_measure(label, english):
    with override("en"):
        assert str(label) == english


def test_a_household_s_registration_is_no_note():
    with override("en"):
        assert pgettext("page", "登记") == "Registration"
