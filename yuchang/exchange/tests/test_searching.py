"""Local names lead to one thing; on needs written by people the right offers come first; units convert."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from yuchang.exchange.catalogue import read_categories
from yuchang.exchange.rules import FRESH_DAYS, convert_quantity, partner_rank
from yuchang.exchange.searching import (
    Criteria,
    criteria_of,
    lexicon,
    read_search,
    score,
    terms_of,
)

PAIRS = Path(__file__).parents[3] / "reference" / "search_pairs" / "pairs.csv"


def needs() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def is_final(need: str) -> bool:
    return hashlib.sha256(need.encode()).digest()[0] % 2 == 1


def recall(*, final: bool, top: int = 10) -> float:
    """The share of right offers among the first ``top`` of all offers of both halves."""
    rows = needs()
    texts = [o for row in rows for o in (*row["right"].split(";"), *row["near"].split(";"))]
    offers = [(text, text.split(" ", 1)[0], terms_of(text.split(" ", 1)[1])) for text in texts]
    found = wanted = 0
    for row in rows:
        if is_final(row["need"]) != final:
            continue
        search = read_search(row["need"])
        ranked = sorted(offers, key=lambda one: -score(search, one[1], one[2]))[:top]
        first = {text for text, code, terms in ranked if score(search, code, terms)}
        right = row["right"].split(";")
        wanted += len(right)
        found += sum(text in first for text in right)
    return found / wanted


def test_there_are_three_hundred_pairs_of_every_group_and_each_offer_has_a_category() -> None:
    rows = needs()
    leaves = {row["code"] for row in read_categories() if row["is_leaf"]}
    texts = [o for row in rows for o in (*row["right"].split(";"), *row["near"].split(";"))]
    assert sum(len(row["right"].split(";")) for row in rows) >= 300
    assert {text.split(" ")[0] for text in texts} <= leaves
    assert {code.split(".")[0] for code in leaves} <= {text.split(".")[0] for text in texts}
    assert 0.4 < sum(is_final(row["need"]) for row in rows) / len(rows) < 0.6


def test_on_the_half_never_tuned_on_nine_of_ten_right_offers_are_among_the_first_ten() -> None:
    assert recall(final=True) >= 0.9


def test_on_the_tuning_half_too() -> None:
    assert recall(final=False) >= 0.9


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("土豆 洋芋 马铃薯 山药蛋", "goods.potato"),
        ("半夏 麻芋子 麻芋果", "goods.herb_pinellia"),
        ("土鸡 柴鸡 笨鸡", "goods.chicken"),
        ("冷链车 冷藏车", "logistics.cold_chain"),
        ("贴息贷款 小额信贷", "finance.microcredit"),
    ],
)
def test_all_names_of_a_thing_are_the_same_search(names: str, code: str) -> None:
    for name in names.split():
        assert read_search(name)[0].text == f"={code}"


def test_the_thing_done_weighs_more_than_the_thing_it_is_done_to() -> None:
    assert read_search("花椒采摘")[0].text == "=labour.farm"
    assert read_search("直播带货培训")[0].text == "=training.ecommerce"


def test_a_word_within_a_longer_name_is_not_a_name() -> None:
    assert "goods.potato" not in lexicon().concepts("土豆粉")
    assert "goods.mushroom" not in lexicon().concepts("金针菜")


def test_signs_alone_ask_for_nothing() -> None:
    assert read_search("，。！") == ()


def test_a_posting_without_a_note_has_no_terms_and_a_long_one_has_few() -> None:
    assert terms_of("") == []
    assert len(terms_of("核桃板栗蜂蜜洋芋红苕花椒辣椒" * 20)) <= 48


def test_criteria_survive_being_kept() -> None:
    from datetime import date

    asked = Criteria("洋芋", "offer", "goods", 5, 100, date(2026, 12, 1), date(2027, 1, 1))
    assert criteria_of(asked.as_json()) == asked
    assert criteria_of(Criteria(text="洋芋").as_json()) == Criteria(text="洋芋")


def test_units_convert_exactly_or_not_at_all() -> None:
    assert convert_quantity(300, "斤", "公斤") == 150
    assert convert_quantity(3, "斤", "公斤") is None
    assert convert_quantity(2, "吨", "公斤") == 2000
    assert convert_quantity(16, "小时", "工日") == 2
    assert convert_quantity(7, "筐", "公斤") is None
    assert convert_quantity(7, "公斤", "公斤") == 7


def test_partners_are_ranked_by_fresh_duals_and_by_their_own_gain_when_stale() -> None:
    assert partner_rank(600, 250, 0) == 350
    assert partner_rank(600, 250, FRESH_DAYS) == 350
    assert partner_rank(600, 250, FRESH_DAYS + 1) == 600
    assert partner_rank(600, None, None) == 600
