"""A small vocabulary and random rules and rows over it."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from yuchang.rulelang.nodes import DATE, LIMIT, TEXT, YES_NO, Entity, Fact, Parameter, Scope, number
from yuchang.rulelang.units import parse_unit

ON = date(2026, 6, 1)
HOME, MEMBER = Entity.HOUSEHOLD, Entity.MEMBER
PER_YEAR, PER_HEAD = number(parse_unit("元/年")), number(parse_unit("元/人/年"))


def _fact(name, entity, kind, values=(), dated_by=""):
    return Fact(name, entity, kind, f"“{name}”", name, {v: (v, v) for v in values}, dated_by)


FACTS = {
    f.name: f
    for f in [
        _fact("seen_on", HOME, DATE),
        _fact("income", HOME, PER_HEAD, dated_by="seen_on"),
        _fact("wages", HOME, PER_YEAR),
        _fact("costs", HOME, PER_YEAR),
        _fact("size", HOME, number(parse_unit("人"))),
        _fact("house", HOME, TEXT, ("no", "c", "d")),
        _fact("water", HOME, YES_NO),
        _fact("built_on", HOME, DATE),
        _fact("months", MEMBER, number(parse_unit("月/年"))),
        _fact("labour", MEMBER, TEXT, ("strong", "weak", "none")),
        _fact("ill", MEMBER, YES_NO),
        _fact("born_on", MEMBER, DATE),
    ]
}
PARAMETERS = {
    "line": Parameter("line", PER_HEAD, "标准", "line"),
    "absent": Parameter("absent", PER_HEAD, "无此标准", "absent line"),
}
SCOPE = Scope(FACTS, PARAMETERS)
LINE = 800_000
VALUES = {"line": LINE, "absent": None}

_compare = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])


def _of(template, *parts):
    return st.tuples(*parts).map(lambda values: "(" + template.format(*values) + ")")


_per_year_base = st.sampled_from(
    ["wages", "costs", "income × size", "0 元/年", "8000 元/年", "0.01 元/年", "coalesce(costs, 0 元/年)"]
)
PER_YEAR_TEXT = st.recursive(
    _per_year_base,
    lambda e: st.one_of(
        _of("{} + {}", e, e),
        _of("{} − {}", e, e),
        _of("{} × 3", e),
        _of("{} ÷ 7", e),
        _of("1.5 × {}", e),
        _of("-{}", e),
    ),
    max_leaves=4,
)
WHOLE_PER_HEAD = st.recursive(
    st.sampled_from(["income", "line", "absent", "coalesce(income, 0 元/人/年)", "8000 元/人/年"]),
    lambda e: st.one_of(_of("{} + {}", e, e), _of("min({}, {})", e, e), _of("max({}, {})", e, e)),
    max_leaves=3,
)
PER_HEAD_TEXT = st.one_of(WHOLE_PER_HEAD, _of("{} ÷ size", PER_YEAR_TEXT), _of("1.5 × {}", WHOLE_PER_HEAD))
MEMBER_YES_NO = st.recursive(
    st.one_of(
        st.sampled_from(["ill", 'labour in ["strong", "weak"]', 'labour = "none"', "is_known(months)"]),
        _of("months {} 6 月/年", _compare),
        _of("age(born_on, on) {} 16 岁", _compare),
        _of("days(born_on, on) {} 6000 日", _compare),
    ),
    lambda e: st.one_of(_of("{} and {}", e, e), _of("{} or {}", e, e), _of("not {}", e)),
    max_leaves=3,
)
YES_NO_TEXT = st.recursive(
    st.one_of(
        st.sampled_from(["water", 'house in ["c", "d"]', 'house != "no"', "true", "coalesce(water, false)"]),
        _of("{} {} {}", PER_YEAR_TEXT, _compare, PER_YEAR_TEXT),
        _of("{} {} {}", PER_HEAD_TEXT, _compare, PER_HEAD_TEXT),
        _of("built_on {} 2000-03-01", _compare),
        _of("age(built_on, on) {} 20 岁", _compare),
        _of("any(members, {})", MEMBER_YES_NO),
        _of("all(members, {})", MEMBER_YES_NO),
        _of("count(members, {}) {} 2 人", MEMBER_YES_NO, _compare),
        _of("sum(members, months) {} 12 月/年", _compare),
        _of("is_known({})", PER_HEAD_TEXT),
    ),
    lambda e: st.one_of(
        _of("{} and {}", e, e), _of("{} or {}", e, e), _of("not {}", e), _of("is_known({})", e)
    ),
    max_leaves=4,
)

_days = st.one_of(
    st.none(), st.dates(date(1930, 1, 1), date(2026, 6, 2)), st.just(date(2000, 2, 29)), st.just(ON)
)
_money = st.one_of(
    st.none(),
    st.sampled_from([LINE - 1, LINE, LINE + 1, 0, 1, -1, LIMIT, -(LIMIT), LIMIT + 1]),
    st.integers(-(10**9), 10**9),
)
_yes_no = st.one_of(st.none(), st.booleans())
MEMBER_ROW = st.fixed_dictionaries(
    {
        "months": st.one_of(st.none(), st.integers(0, 12)),
        "labour": st.sampled_from([None, "strong", "weak", "none"]),
        "ill": _yes_no,
        "born_on": _days,
    }
)
ROW = st.fixed_dictionaries(
    {
        "seen_on": _days,
        "income": _money,
        "wages": _money,
        "costs": _money,
        "size": st.one_of(st.none(), st.integers(-1, 6)),
        "house": st.sampled_from([None, "no", "c", "d"]),
        "water": _yes_no,
        "built_on": _days,
        "members": st.lists(MEMBER_ROW, max_size=3),
    }
)
