"""What was stored as a sentence of ours is known again and read in English."""

from __future__ import annotations

import pytest
from django.utils.translation import gettext, override

from yuchang.core import recognising
from yuchang.core.recognising import in_own_language

# Sentences as tasks stored them, and what of their English must be there.
STORED = (
    ("撮合之后有 3 条信息已变动（共 40 个建议）。", ("3 postings", "40 proposals")),
    ("保存的内容与哈希不符。", ("does not match its hash",)),
    ("保存的内容与哈希不符。数据库未能写入，请稍后再试。", ("does not match its hash", "try again later")),
    ("对方谢绝了 3 项撮合建议", ("declined 3 proposals",)),
    ("到期提醒：请确认收货：协议 #12，核桃 100 公斤", ("Due: ",)),
)


@pytest.mark.parametrize(("text", "parts"), STORED)
def test_a_stored_sentence_is_read_in_english(text: str, parts: tuple[str, ...]) -> None:
    assert in_own_language(text) == text
    with override("en"):
        assert all(part in in_own_language(text) for part in parts), in_own_language(text)


@pytest.mark.parametrize(
    "text", ["", "ready", "这一句谁也没有写过。", "没有写过的话。保存的内容与哈希不符。"]
)
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    with override("en"):
        assert in_own_language(text) == text


def test_every_sentence_with_values_is_known_again_from_what_it_became() -> None:
    """Filled in with numbers and a name, each gives back itself or a more particular one: never nonsense."""
    with override("en"):
        for one in recognising._known():
            groups = recognising._VALUE.findall(one.words)
            values = {name: 7 if kind == "d" else "甲" for name, kind in groups}
            is_named = all(name for name, _kind in groups)
            given = values if is_named else tuple(7 if kind == "d" else "甲" for _n, kind in groups)
            assert in_own_language(one.words % given) != one.words % given, one.words
        assert gettext("核桃") == "核桃"
