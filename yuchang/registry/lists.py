"""The columns of the register's lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core import clock
from yuchang.core.addresses import address
from yuchang.core.lists import Cell, Column, Filter, day, day_word, number, state, text, yuan
from yuchang.core.naming import names_of
from yuchang.places.models import Place
from yuchang.places.queries import named
from yuchang.registry import queries
from yuchang.registry.models import Household, HouseholdFacts, Likeness, Notice, Objection
from yuchang.registry.words import LIKENESS_WORDS, choices, word

HOUSEHOLD_KINDS = {"entered": "warn", "verified": "info", "noticed": "info", "listed": "good"}
IMPORT_KINDS = {
    "done": "good",
    "failed": "bad",
    "undone": "quiet",
    "cancelled": "quiet",
    "checking": "info",
    "writing": "info",
}
Line = tuple[Household, HouseholdFacts | None]


def _household_state(line: Line) -> Cell:
    row = line[0]
    waits = row.verified_by_id is None and row.state not in ("entered", "removed")
    note = now("更正待核实") if waits else ""
    return Cell(row.get_state_display(), kind=HOUSEHOLD_KINDS.get(row.state, "quiet"), note=note)


HOUSEHOLDS = (
    text(
        "head",
        _("户主"),
        lambda r: r[0].head_name,
        href=lambda r: address("workbench:household", r[0].pk),
    ),
    text("number", _("户编号"), lambda r: r[0].number),
    text("place", _("行政村"), lambda r: r[0].place.name),
    text("hamlet", _("自然村"), lambda r: r[0].hamlet, is_extra=True),
    number("size", _("人数"), lambda r: r[0].size),
    text("attribute", _("户属性"), lambda r: word("attribute", r[0].attribute)),
    text("cause", _("主要致贫原因"), lambda r: word("cause", r[0].main_cause)),
    yuan("income", _("人均纯收入(元)"), lambda r: r[1].net_income_per_head_fen if r[1] else None),
    day("listed", _("纳入日期"), lambda r: r[0].listed_on, is_extra=True),
    day("entered", _("录入日期"), lambda r: r[0].entered_at, is_extra=True),
    Column("state", _("状态"), _household_state),
)


_READ = (
    *("head_name", "number", "hamlet", "size", "attribute", "main_cause", "state", "verified_by_id"),
    *("listed_on", "entered_at", "place"),
)


def shown_of(rows: QuerySet[Household]) -> QuerySet[Household]:
    """The rows with what the columns show, and nothing else read; ``with_facts`` adds the rest."""
    return rows.only(*_READ)


def with_facts(rows: list[Household]) -> list[Line]:
    """Households with their places' names, beside their facts of today. Two queries."""
    facts = queries.facts_on([row.pk for row in rows], clock.today(), only=["net_income_per_head_fen"])
    names = named(row.place_id for row in rows)
    for row in rows:
        row.place = names[row.place_id]
    return [(row, facts.get(row.pk)) for row in rows]


def household_filters(
    narrow: queries.Filter, townships: list[Place], villages: list[Place], *, may_reveal: bool
) -> list[Filter]:
    """The filter row: one box first, then what narrows by codes and places."""
    words = _("姓名、拼音首字母、户编号、证件号码或其后六位") if may_reveal else _("姓名、拼音首字母或户编号")
    found = [
        Filter("q", words, narrow.text, is_wide=True),
        Filter("state", _("状态"), narrow.state, Household.State.choices),
        Filter("cause", _("主要致贫原因"), narrow.cause, choices("cause")),
        Filter("attribute", _("户属性"), narrow.attribute, choices("attribute")),
    ]
    for name, label, places, chosen in (
        ("township", _("乡镇"), townships, narrow.township),
        ("village", _("行政村"), villages, narrow.village),
    ):
        if places:
            options = [(place.pk, place.name) for place in places]
            found.append(Filter(name, label, str(chosen or ""), options, submits=name == "township"))
    return found


def _notice_word(row: Notice) -> str:
    if row.state == "open" and row.closes_on < clock.today():
        return now("已满期,待结束")
    return str(row.get_state_display())


def _notice_kind(row: Notice) -> str:
    if row.state != "open":
        return "quiet"
    return "warn" if row.closes_on < clock.today() else "info"


NOTICES = (
    text("place", _("行政村"), lambda r: r.place.name, href=lambda r: address("registry:notice", r.pk)),
    day("opens", _("公示开始"), lambda r: r.opens_on),
    day("closes", _("公示截止"), lambda r: r.closes_on),
    text("code", _("公示编号"), lambda r: r.public_code),
    state("state", _("状态"), _notice_word, _notice_kind),
)


def _objection_kind(row: Objection) -> str:
    return {"open": "warn", "upheld": "bad"}.get(row.state, "quiet")


OBJECTIONS = (
    text(
        "head",
        _("户主"),
        lambda r: r.entry.masked_name,
        href=lambda r: address("registry:objection", r.pk),
    ),
    text("place", _("行政村"), lambda r: r.place.name),
    text("content", _("内容"), lambda r: f"{r.text[:60]}…" if len(r.text) > 60 else r.text),
    text("origin", _("来源"), lambda r: r.get_origin_display()),
    day("raised", _("提出"), lambda r: r.raised_at),
    state("state", _("状态"), lambda r: r.get_state_display(), _objection_kind),
)


LIKENESS_KINDS = {"likely": "warn", "possible": "quiet", "open": "warn", "same": "bad", "different": "quiet"}


def likeness_words(row: Likeness) -> str:
    """Why two people may be one, in words."""
    return "、".join(str(LIKENESS_WORDS[code]) for code in row.reasons)


LIKENESSES = (
    text(
        "pair",
        _("两人"),
        lambda r: f"{r.first.name} / {r.second.name}",
        href=lambda r: address("registry:likeness", r.pk),
    ),
    text("place", _("共同所在"), lambda r: r.place.name),
    text("first", _("甲所在户"), lambda r: r.first.household.number),
    text("second", _("乙所在户"), lambda r: r.second.household.number),
    text("reasons", _("相似之处"), likeness_words),
    number("score", _("分数"), lambda r: r.score),
    state(
        "grade",
        _("程度"),
        lambda r: r.get_grade_display(),
        lambda r: "warn" if r.grade == "likely" else "quiet",
    ),
    state(
        "state",
        _("状态"),
        lambda r: r.get_state_display(),
        lambda r: "warn" if r.state == "open" else "quiet",
    ),
)


def _season(row: Any) -> str:
    if not row.season_from:
        return ""
    return (
        f"{day_word(row.season_from)} – {day_word(row.season_to)}"
        if row.season_to
        else day_word(row.season_from)
    )


def named_resources(resources: Iterable[Any]) -> list[Any]:
    """Resources with category and unit in the reader's language, as who knows them names them. Two queries.

    A category that nobody knows stays as it was written.
    """
    rows = list(resources)
    categories = names_of("category", [row.category for row in rows])
    units = names_of("unit", [(row.category, row.unit) for row in rows])
    for row in rows:
        row.category_word = categories.get(row.category, row.category)
        row.unit_word = units.get((row.category, row.unit), row.unit)
    return rows


RESOURCES = (
    text(
        "owner",
        _("谁"),
        lambda r: r.household.head_name if r.household else now("本村"),
        href=lambda r: address("workbench:household", r.household_id) if r.household else "",
    ),
    text("place", _("行政村"), lambda r: r.place.name),
    text("direction", _("提供或需要"), lambda r: r.get_direction_display()),
    text("kind", _("类别"), lambda r: word("resource_kind", r.kind)),
    text("category", _("品类"), lambda r: r.category_word, href=lambda r: f"?category={r.category}"),
    number("quantity", _("数量"), lambda r: r.quantity, unit=lambda r: r.unit_word),
    text("season", _("时间"), _season),
)
IMPORTS = (
    text("file", _("工作簿"), lambda r: r.file_name, href=lambda r: address("registry:import", r.pk)),
    text("place", _("导入范围"), lambda r: r.place.name),
    day("observed", _("数据日期"), lambda r: r.observed_on),
    text(
        "made",
        _("上传"),
        lambda r: f"{r.created_by.display_name} {timezone.localtime(r.created_at):%Y-%m-%d %H:%M}",
    ),
    number("groups", _("户"), lambda r: r.counts.get("groups")),
    number("rejected", _("不写入"), lambda r: r.counts.get("rejected", 0)),
    state("state", _("状态"), lambda r: r.get_state_display(), lambda r: IMPORT_KINDS.get(r.state, "warn")),
)
