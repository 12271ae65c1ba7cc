"""What counts as a report, and which facts contradict each other."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.field.rules import clashes, sent_of

GOOD = {
    "number": "0" * 32,
    "kind": "visit",
    "subject": 7,
    "read": 1,
    "made_at": "2026-11-20T03:00:00.000Z",
    "fields": [["finding", "看过"]],
}
FACTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))


def test_a_report_is_read_as_the_telephone_wrote_it():
    sent = sent_of(GOOD)
    assert sent.made_at == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert sent.fields == (("finding", "看过"),)


@pytest.mark.parametrize(
    "change",
    [
        {"number": "abc"},
        {"number": 7},
        {"kind": "other"},
        {"subject": -1},
        {"subject": True},
        {"read": 2**63},
        {"made_at": "2026-11-20T03:00:00"},
        {"made_at": None},
        {"fields": {"finding": "看过"}},
        {"fields": [["finding"]]},
        {"fields": [["finding", 7]]},
        {"fields": [["finding", "x" * 5000]]},
        {"fields": [["a", "b"]] * 3000},
    ],
    ids=str,
)
def test_anything_else_is_no_report(change):
    assert sent_of(GOOD | change) is None
    assert sent_of([GOOD]) is None


def test_the_content_and_not_the_hour_makes_the_fingerprint():
    first = sent_of(GOOD)
    assert first.fingerprint == sent_of(GOOD | {"made_at": "2026-11-21T03:00:00Z"}).fingerprint
    assert first.fingerprint != sent_of(GOOD | {"read": 2}).fingerprint
    assert first.fingerprint != sent_of(GOOD | {"fields": [["finding", "没看"]]}).fingerprint


@given(FACTS, FACTS, FACTS)
def test_only_what_somebody_else_changed_to_something_else_contradicts(taken, now, mine):
    found = clashes(taken, now, mine)
    for name, value in mine.items():
        others_changed, differs = now.get(name) != taken.get(name), now.get(name) != value
        assert (name in found) == (others_changed and differs)
    assert clashes(taken, taken, mine) == [] and clashes(taken, now, now) == []
