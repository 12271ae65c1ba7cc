"""A rule that cannot be right is refused with its position and what to do."""

from __future__ import annotations

import pytest

from yuchang.rulelang.check import compile_expression, compile_rule
from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.tests.vocabulary import SCOPE
from yuchang.rulelang.units import NUMBER, parse_unit


@pytest.mark.parametrize(
    ("text", "position", "message", "remedy"),
    [
        ("income < wages", 7, "元/人/年", "单位"),
        ("income < 8000", 7, "无单位", "元/人/年"),
        ("wages × size < costs", 13, "元·人/年", "单位"),
        ("income + wages > line", 7, "相加减", ""),
        ("incom < line", 0, "没有名为“incom”", "income"),
        ("income", 0, "是”或“否", "比较"),
        ("income and water", 0, "是”或“否", ""),
        ("water = true", 6, "不必比较", "not"),
        ('house = "e"', 8, "没有“e”这个值", '"c"'),
        ('house in ["c", "x"]', 15, "没有“x”", ""),
        ('"x" = house', 0, "没有“x”", ""),
        ('house < "c"', 6, "不能比大小", ""),
        ("1 元/人/年 < income < line", 17, "不能连写", "and"),
        ("(water", 6, "应为“)”", "成对"),
        ("water or", 8, "缺少一个值", ""),
        ("water water", 6, "多出", ""),
        ("water & water", 6, "看不懂", ""),
        ("ill", 0, "成员的事实", "any(members"),
        ("any(members, water)", 13, "户的事实", "外面"),
        ("any(members, any(members, ill))", 13, "不能嵌套", ""),
        ("any(people, ill)", 0, "本户的成员", "members"),
        ("wages ÷ 0 > wages", 6, "除以零", ""),
        ("wages ÷ (wages ÷ size) > size", 6, "除数里", ""),
        ("min(wages ÷ size, income) > line", 0, "除法", "一边"),
        ("coalesce(wages, costs) > costs", 16, "常数", "0 元"),
        ("coalesce(wages, 0 元) > costs", 0, "互相替代", ""),
        ("median(wages) > costs", 0, "没有“median”", "min"),
        ("min(wages) > costs", 0, "2–6", ""),
        ("wages × wages × wages × wages > wages × wages × wages × wages", 22, "太大", ""),
        ("99999999999 元/年 < wages", 0, "太大", ""),
        ("built_on < 2026-02-30", 11, "没有“2026-02-30”", ""),
        ("age(wages, on) > 3 岁", 4, "日期", ""),
        ('water in ["c"]', 6, "文字", ""),
        ("house in [line]", 10, "引号", ""),
        ("not wages", 4, "是”或“否", ""),
        ("-water > wages", 1, "数量", ""),
        ("[wages]", 0, "缺少一个值", ""),
        ("", 0, "缺少一个值", ""),
    ],
)
def test_it_says_where_what_and_what_to_do(text, position, message, remedy):
    with pytest.raises(RuleError) as refusal:
        compile_rule(text, SCOPE)
    error = refusal.value
    assert message in error.message, str(error)
    assert error.position == position, str(error)
    assert remedy in error.remedy, str(error)


def test_the_message_points_at_the_place():
    with pytest.raises(RuleError) as refusal:
        compile_rule("income < 8000", SCOPE)
    placed = refusal.value.placed(file="local.yaml", line=7, rule="poor")
    assert str(placed).splitlines() == [
        "local.yaml，第 7 行，规则 poor，第 8 个字符："
        "左边是数量（元/人/年），右边是数量（无单位），不能比较。",
        "  income < 8000",
        "         ^",
        "  怎么办：常数要写明单位，例如 100 元/人/年。",
    ]


@pytest.mark.parametrize("text", ["(" * 60 + "water" + ")" * 60, "water and " * 900 + "water"])
def test_a_monstrous_expression_is_refused_not_followed(text):
    with pytest.raises(RuleError):
        compile_rule(text, SCOPE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("water or water and not water", "water or (water and (not water))"),
        ("income × 2 + line < line", "((income × 2) + line) < line"),
        ("wages - costs - costs > 0 元/年", "((wages - costs) - costs) > 0 元/年"),
        ('house not in ["c"]', 'not (house in ["c"])'),
        ("wages ≤ costs", "wages <= costs"),
    ],
)
def test_operators_bind_as_at_school(one, other):
    from dataclasses import replace

    def bare(node):
        parts = {
            name: bare(value) if hasattr(value, "position") else value
            for name, value in vars(node).items()
            if name != "parts"
        }
        many = {"parts": tuple(bare(p) for p in node.parts)} if hasattr(node, "parts") else {}
        return replace(node, **(parts | many | {"position": 0}))

    assert bare(compile_rule(one, SCOPE)) == bare(compile_rule(other, SCOPE))


def test_units_multiply_and_divide():
    per_head, persons = parse_unit("元/人/年"), parse_unit("人")
    assert per_head.times(persons) == parse_unit("元/年")
    assert per_head.times(per_head, -1) == NUMBER
    assert parse_unit("元/年/人") == per_head
    assert per_head != parse_unit("元/户/月")
    assert (per_head.text(), per_head.english()) == ("元/人/年", "yuan per person per year")
    assert parse_unit("元/亩").parts == 10
    with pytest.raises(ValueError, match="两"):
        parse_unit("元/两")


def test_a_decimal_and_a_division_stay_exact():
    node = compile_expression("1.5 × wages ÷ 7", SCOPE)
    from fractions import Fraction

    from yuchang.rulelang.evaluate import Situation, value_of
    from yuchang.rulelang.tests.vocabulary import ON

    assert value_of(node, Situation({"wages": 1}, [], {}, ON)) == Fraction(3, 14)
