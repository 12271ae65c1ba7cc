"""What the platform writes into a table is read in the reader's language; what a person typed stays."""

from __future__ import annotations

import json

from django.utils.translation import gettext_lazy, override

from yuchang.core.phrases import Both, in_chinese, kept, label, ours, own_words, said, shown
from yuchang.core.templatetags.ui import zh

UNIT = Both("公斤", "kg")


def read(text: object, language: str) -> str:
    """A text as it is read after it was stored as JSON."""
    stored = json.loads(json.dumps(kept(text)))
    with override(language):
        return shown(stored)


def test_a_phrase_is_read_in_either_language_whoever_wrote_it() -> None:
    for writer in ("en", "zh-hans"):
        with override(writer):
            text = said("数量 %(n)d %(unit)s，%(until)s 前急售。", n=20, unit=UNIT, until="2026-12-01")
            assert in_chinese(text) == "数量 20 公斤，2026-12-01 前急售。"
        assert read(text, "zh-hans") == in_chinese(text)
        english = read(text, "en")
        assert "20 kg" in english and "2026-12-01" in english and not set("数量前急售公斤") & set(english)


def test_a_phrase_within_a_phrase_and_the_word_of_a_choice_are_read_too() -> None:
    with override("en"):
        kind = label(gettext_lazy("其他"))
    text = said("%(kind)s：%(what)s", kind=kind, what="一起看车")
    assert read(text, "zh-hans") == "其他：一起看车"
    assert read(text, "en").endswith("一起看车") and "其他" not in read(text, "en")


def test_what_a_person_typed_stays_as_it_is() -> None:
    assert read("到期自动结束", "en") == "到期自动结束"
    assert read(said("到期提醒：%(what)s", what="100% 到位"), "zh-hans") == "到期提醒：100% 到位"


def test_values_may_be_in_the_order_of_the_words() -> None:
    stored = {"say": "对方谢绝了 %s 项撮合建议", "with": [3]}
    assert shown(stored) == "对方谢绝了 3 项撮合建议"
    with override("en"):
        assert "3" in shown(stored) and "对方" not in shown(stored)


def test_a_sentence_of_ours_is_read_back_from_the_text_and_another_is_left() -> None:
    words = ours("测试用订单 %(number)s")
    assert own_words(words % {"number": 7}) == "测试用订单 7"
    known = ours("到期提醒：%(what)s") % {"what": "春耕%s"}
    with override("en"):
        assert own_words(known) == "Due: 春耕%s"
        assert own_words("自己写的话") == "自己写的话" and own_words("") == ""


def test_an_official_text_says_on_an_english_page_that_it_is_chinese() -> None:
    assert zh("厅字〔2016〕16号<b>") == "厅字〔2016〕16号<b>"
    with override("en"):
        assert zh("厅字<b>") == '<span lang="zh">厅字&lt;b&gt;</span>' and zh("GB 2260") == "GB 2260"
