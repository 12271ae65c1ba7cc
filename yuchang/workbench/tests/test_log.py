"""The audit log in words: an auditor reads and searches it by names, and sees the codes that are signed."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from python_calamine import load_workbook

from tests import people
from yuchang.accounts.rules import Actor
from yuchang.core import audit
from yuchang.workbench.queries.log import actions_meant, found_entries, kind_word, kinds_meant

ACTOR = Actor(user_id=None, name="王专员")


@pytest.fixture
def log(db: None) -> None:
    """One entry of each of a few actions; the last is of one that nobody knows any more."""
    for number, (action, kind) in enumerate(
        [
            ("registry.verify_household", "household"),
            ("registry.verify_households", "household"),
            ("registry.reveal", "member"),
            ("exchange.record_delivery", "delivery"),
            ("messages.deliver", "delivery"),
            ("registry.of_old", "thing"),
        ]
    ):
        audit.insert(ACTOR, [audit.Draft(action, kind, str(number), None, {})])


def _found(**given: str) -> list[str]:
    client = people.auditor().client()
    page = client.get("/audit", {**given, "cols": "action_code", "export": "xlsx"})
    assert page.status_code == 200
    rows = load_workbook(BytesIO(b"".join(page.streaming_content))).get_sheet_by_index(0).to_python()
    return [str(row[0]) for row in rows if "." in str(row[0])]


def test_the_log_names_actions_and_objects_beside_their_codes(log: None) -> None:
    client = people.auditor().client()
    page = client.get("/audit").content.decode()
    assert '核实农户 <span class="cell-note">registry.verify_household</span>' in page
    assert '农户 0 <span class="cell-note">household</span>' in page
    assert "交付 3" in page and "发送记录 4" in page
    assert "registry.of_old" in page and '<option value="批量核实农户"></option>' in page
    home = client.get("/").content.decode()
    assert "核实农户</span>" in home and "registry.verify_household" in home
    client.cookies["django_language"] = "en"
    english = client.get("/audit").content.decode()
    assert "Verify a household <span" in english and "Household 0" in english


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("registry.reveal", ["registry.reveal"]),
        ("查看证件号或电话", ["registry.reveal"]),
        ("reveal an ID number or telephone", ["registry.reveal"]),
        ("核实农户", ["registry.verify_household"]),
        ("核实", ["registry.verify_households", "registry.verify_household"]),
        ("registry.of_old", ["registry.of_old"]),
        ("没有这个动作", []),
    ],
)
def test_entries_are_found_by_word_and_by_code(log: None, asked: str, found: list[str]) -> None:
    assert _found(action=asked) == found


def test_an_area_is_found_by_its_word_and_with_a_dot_whatever_begins_so(log: None) -> None:
    named = ["registry.reveal", "registry.verify_households", "registry.verify_household"]
    assert _found(action="农户登记") == named
    assert _found(action="registry.") == ["registry.of_old", *named]


def test_one_code_that_means_two_things_is_found_by_the_meaning_asked(log: None) -> None:
    assert _found(kind="交付") == ["exchange.record_delivery"]
    assert _found(kind="发送记录") == ["messages.deliver"]
    assert _found(kind="delivery") == ["messages.deliver", "exchange.record_delivery"]
    assert _found(kind="交付", action="messages.deliver") == []
    assert len(_found(kind="农户", action="核实")) == 2


def test_words_that_mean_nearly_everything_find_it(log: None) -> None:
    english = {"registry.verify_household", "registry.verify_households", "registry.reveal"}
    assert english < set(_found(action="e"))
    assert _found(action="e", kind="交付") == ["exchange.record_delivery"]
    assert english < set(_found(action="registry.", kind="e")) | {"registry.of_old"}
    assert set(_found(kind="e", action="a")) >= english - {"registry.reveal"}


def test_pages_of_several_actions_go_on_where_they_ended(log: None) -> None:
    many = [audit.Draft("registry.verify_household", "household", str(i), None, {}) for i in range(60)]
    audit.insert(ACTOR, many)
    client = people.auditor().client()

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/audit", {"action": "核实"}).status_code == 200
        return len(caught)

    queries()
    few = queries()
    audit.insert(ACTOR, many)
    assert queries() == few
    assert len(_found(action="核实")) == 122


def test_words_are_understood_in_both_languages() -> None:
    assert actions_meant("") == [""] and kinds_meant("") == [("", "")]
    assert "exchange.post" in actions_meant("exchange") == actions_meant("供需撮合")
    assert kinds_meant("Commitment to an offer") == [("commitment", "market.")]
    assert kinds_meant("commitment") == [("commitment", "")]
    assert kind_word("commitment", "partners.commit") == "帮扶承诺"
    assert kind_word("thing", "registry.of_old") == "thing"
    with translation.override("en"):
        assert kind_word("delivery", "api.send_again") == "Notification"


def test_what_nobody_asked_for_is_the_whole_log(log: None) -> None:
    assert found_entries().count() >= 6
