"""A firm's home says whom it deals with, what it gains and what is asked of it; not its own name over and over."""

from __future__ import annotations

import pytest

from tests import people
from yuchang.exchange.tests.deals import Deal, proposal
from yuchang.exchange.tests.world import Market
from yuchang.workbench.queries.figures import Selection, figure_list
from yuchang.workbench.queries.sources import SOURCES
from yuchang.workbench.tests.scene import TODAY

pytestmark = pytest.mark.django_db


def columns(person: people.Person, name: str) -> dict[str, str]:
    """The first line of a figure's list, by its heads."""
    found = figure_list(name, person.actor, TODAY, Selection())
    return {head.word: cell.text for head, cell in zip(found.heads, found.lines[0], strict=True)}


def test_a_firm_reads_the_other_side_its_gain_and_what_is_asked() -> None:
    market = Market()
    match = proposal(market)
    line = columns(market.zhao, "matches")
    assert line["对方"].endswith("农户") and market.home.head_name not in line["对方"]
    assert (line["每单位得益（元）"], line["每单位价格（元）"]) == ("3", "23")
    assert (line["数量"], line["下一步"]) == ("200 公斤", "请答复是否愿意")
    match.need_answer = "accepted"
    match.save(update_fields=["need_answer"])
    assert columns(market.zhao, "matches")["下一步"] == "等对方答复"
    match.state, match.reason = "talking", {"direct": "need"}
    match.save(update_fields=["state", "reason"])
    line = columns(market.zhao, "matches")
    assert (line["下一步"], line["每单位得益（元）"]) == ("请接着洽谈", "—")


def test_staff_read_both_sides_and_nobodys_gain() -> None:
    market = Market()
    proposal(market)
    line = columns(market.wang, "matches")
    assert (line["需方"], line["数量"]) == ("陇上商会", "200 公斤")
    assert not [word for word in line if "得" in word]


def test_a_firm_reads_how_far_its_agreements_are() -> None:
    deal = Deal()
    deal.accept(deal.deliver(120))
    line = columns(deal.zhao, "agreements")
    assert (line["数量"], line["已履约"]) == ("200 公斤", "120 公斤")
    assert "需方" not in line and line["交付"] == "2026-12-01 — 2027-01-31"


def test_no_list_of_a_firm_has_a_column_of_its_own_name() -> None:
    for name in ("offers", "needs", "unsold", "matches", "agreements", "agreed_value", "sold", "deliveries"):
        assert not {"owner", "need", "buyer"} & {column.key for column in SOURCES[name].own_columns}
        assert SOURCES[name].own_columns


def test_the_box_on_top_names_what_each_role_can_find() -> None:
    placeholder = 'placeholder="查找{}"'
    assert placeholder.format("农户、地区、企业与单位") in people.wang().client().get("/").content.decode()
    administrator = people.administrator().client()
    assert placeholder.format("人员、地区") in administrator.get("/").content.decode()
    assert "可输入人员、地区的名称" in administrator.get("/search").content.decode()
    assert placeholder.format("地区") in people.security().client().get("/").content.decode()
