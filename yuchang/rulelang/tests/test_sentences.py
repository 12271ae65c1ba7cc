"""Rules read as sentences."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from yuchang.rulelang.check import compile_rule
from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.evaluate import Situation, trace_of, value_of, years_between
from yuchang.rulelang.nodes import Kind, Named, Scope, number
from yuchang.rulelang.render import quantity_words, sentence, value_words
from yuchang.rulelang.tests.vocabulary import FACTS, ON, PARAMETERS, ROW, SCOPE, VALUES, YES_NO_TEXT
from yuchang.rulelang.units import parse_unit


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("income < line", "“income”低于标准", "income is below the line"),
        ('house in ["c", "d"]', "“house”属于（c、d）", "house is one of (c, d)"),
        ("not water", "“water”为否", "not water"),
        (
            "water and (income < line or wages > costs)",
            "“water”，并且（“income”低于标准，或者“wages”高于“costs”）",
            "water and (income is below the line or wages is above costs)",
        ),
        (
            "count(members, ill) >= 2 人",
            "（“ill”）的成员数不低于2 人",
            "the number of members with (ill) is at least 2 persons",
        ),
        (
            "any(members, age(born_on, on) < 16 岁)",
            "有成员（年龄低于16 岁）",
            "some member (age is below 16 years of age)",
        ),
        (
            "coalesce(wages, 0 元/年) + costs > 0.5 元/年",
            "（“wages”（不详时按0 元/年） ＋ “costs”）高于0.5 元/年",
            "(wages (0 yuan per year when unknown) + costs) is above 0.5 yuan per year",
        ),
    ],
)
def test_a_rule_reads_as_a_sentence(text, zh, en):
    node = compile_rule(text, SCOPE)
    assert sentence(node, "zh") == zh
    assert sentence(node, "en") == en


@settings(max_examples=60, deadline=None)
@given(YES_NO_TEXT)
def test_every_rule_prints_in_both_languages(text):
    try:
        node = compile_rule(text, SCOPE)
    except RuleError:
        return
    assert sentence(node, "zh")
    assert not re.search(r"[\u3400-\u9fff]", sentence(node, "en"))


def test_a_definition_stands_by_its_name():
    body = compile_rule("income < line", SCOPE)
    poor = Named(body.type, 0, "poor", "低于标准", "below the line", body)
    scope = Scope(FACTS, PARAMETERS, {"poor": poor})
    assert sentence(compile_rule("poor and water", scope)) == "“低于标准”，并且“water”"


def test_values_are_written_with_their_unit():
    per_head = number(parse_unit("元/人/年"))
    assert quantity_words(per_head, 799_999) == "7,999.99 元/人/年"
    assert quantity_words(per_head, 100, "en") == "1 yuan per person per year"
    assert value_words(per_head, None) == "不详"
    assert value_words(FACTS["house"].type, "c", "en", FACTS["house"]) == "c"
    assert FACTS["water"].type.kind is Kind.YES_NO
    assert value_words(FACTS["water"].type, False) == "否"


@settings(max_examples=40, deadline=None)
@given(YES_NO_TEXT, ROW)
def test_the_trace_shows_every_part_with_its_value(text, row):
    try:
        node = compile_rule(text, SCOPE)
    except RuleError:
        return
    situation = Situation(row, row["members"], VALUES, ON)
    trace = trace_of(node, situation)
    assert trace.value == value_of(node, situation)
    assert len(trace.parts) == (len(row["members"]) if hasattr(node, "body") else len(node.children()))


def test_someone_born_on_29_february_turns_on_1_march():
    from datetime import date

    born = date(2000, 2, 29)
    assert [years_between(born, d) for d in (date(2018, 2, 28), date(2018, 3, 1), date(2020, 2, 29))] == [
        17,
        18,
        20,
    ]
