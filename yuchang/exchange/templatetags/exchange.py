"""Words of the exchange for templates."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

from yuchang.exchange import beside, queries, queries_console, words, words_deals
from yuchang.exchange.models import Category, Leftover, Match, Posting
from yuchang.exchange.search import Suggestion

register = template.Library()
KINDS = {
    "proposed": "warn",
    "talking": "info",
    "agreed": "good",
    "fulfilled": "good",
    "published": "good",
    "open": "info",
    "matched": "good",
    "computed": "warn",
    "declined": "bad",
    "refused": "bad",
    "accepted": "good",
    "live": "bad",
    "closed": "quiet",
    "recorded": "warn",
    "confirmed": "good",
    "contested": "bad",
    "answered": "info",
    "decided": "good",
    "met": "good",
    "late": "bad",
    "ahead": "info",
}
STANDINGS = {"met": _("已达成"), "late": _("已逾期"), "ahead": _("未到期")}


@register.filter
def state_kind(state: str) -> str:
    """The colour of a state."""
    return KINDS.get(state, "quiet")


@register.filter
def category_name(category: Category) -> str:
    """A category in the reader's language."""
    return words.category_word(category)


@register.filter
def category_unit(category: Category) -> str:
    """A category's unit in the reader's language."""
    return words.unit_word(category)


@register.simple_tag
def unit_of(text: str, category: Category | None) -> str:
    """A unit that somebody uses for a category, in the reader's language."""
    return words.unit_said(text, category)


@register.filter
def own_words(text: str) -> str:
    """A reason or remark that we wrote ourselves in the reader's language; a person's as it is."""
    return words_deals.own_words(text)


@register.filter
def distance_words(km: int | None) -> str:
    """How far apart."""
    return words.distance(km)


@register.filter
def match_words(match: Match, side: str) -> str:
    """Why this partner, told to one side."""
    return words.match_reason(match.reason, side, category_unit(match.category))


@register.filter
def leftover_words(row: Leftover) -> str:
    """Why nothing yet."""
    return words.leftover_reason(row.code, row.details, row.posting.direction)


@register.filter
def leftover_fix(row: Leftover) -> str:
    """What would change it."""
    unit = category_unit(row.posting.category)
    return words.leftover_fix(row.code, row.details, row.posting.direction, unit)


@register.filter
def leftover_kind(code: str) -> str:
    """The reason of a leftover in a few words."""
    return str(words.LEFTOVER_KINDS[code])


@register.filter
def public_owner(row: Posting) -> str:
    """The owner as the other side may know it."""
    return queries.public_owner(row)


@register.filter
def suggestion_words(item: Suggestion) -> str:
    """Why somebody is suggested; tells nothing of anybody's limit."""
    return words.suggestion_reason(item.km, item.days, is_by_duals=item.is_by_duals)


@register.filter
def standing_word(standing: str) -> str:
    """How an agreed milestone stands."""
    return str(STANDINGS.get(standing, ""))


@register.filter
def leftover_changes(row: Leftover) -> list[str]:
    """Each single change that would surely place what was left over."""
    unit = category_unit(row.posting.category)
    return list(words_deals.leftover_changes(row.details, row.posting.direction, unit))


@register.filter
def certificate_words(codes: list[str]) -> str:
    """Certificates by name."""
    return "、".join(str(words.CERTIFICATES[code]) for code in codes if code in words.CERTIFICATES)


@register.filter
def answer_word(answer: str) -> str:
    """One side's answer in words."""
    return str(Match.Answer(answer).label)


@register.filter
def floor_level(level: str) -> str:
    """Whose floor it is."""
    return str(beside.LEVELS[level])


@register.filter
def shortfall(reason: str) -> str:
    """Why a floor is not kept; nothing when it is."""
    return str(words.SHORTFALLS[reason]) if reason else ""


@register.filter
def quota_shortfall(reason: str) -> str:
    """Why a pairing's quota is not reached; nothing when it is."""
    return str(words.QUOTA_SHORTFALLS[reason]) if reason else ""


@register.filter
def stage_words(stage: str) -> str:
    """What is being computed."""
    return str(words.STAGES.get(stage, ""))


@register.filter
def millionths(value: int) -> str:
    """A price in millionths, as a number with four places."""
    return f"{value / 1_000_000:.4f}"


@register.filter
def is_urgent(posting: Posting) -> bool:
    """Whether a live emergency helps this posting (one query)."""
    return posting.pk in queries_console.urgent_postings([posting.pk])
