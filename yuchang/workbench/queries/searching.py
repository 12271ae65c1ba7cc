"""One box for everything: households, places, organisations, postings, rounds, cases, people, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.queries import people_for, place_filter, reach
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core.addresses import address
from yuchang.core.lists import day_word
from yuchang.core.prepared import prepared
from yuchang.core.signs import holding, signs_in
from yuchang.exchange.models import Category, Posting
from yuchang.exchange.queries import find_categories, sight_filter
from yuchang.market.models import Round
from yuchang.market.queries import rounds_within
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.places.search import search_places
from yuchang.procedures import queries as procedures
from yuchang.procedures.models import Case
from yuchang.registry.models import Household
from yuchang.registry.queries import PRESENT, matching
from yuchang.workbench.queries.sources import category_word, household_address, unit_word

FOUND = 12


@dataclass(frozen=True)
class Hit:
    """One thing found: its name, where it leads, and what tells it from others of the name."""

    word: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of one kind."""

    word: str
    hits: list[Hit]


def search(actor: Actor, text: str, size: int = FOUND) -> list[Group]:
    """What the word finds in the actor's reach, by kind; at most ``size`` of each. Without a word nothing."""
    word = text.strip()
    if not word:
        return []
    found = [
        Group(str(label), list(find(actor, word, size)))
        for label, permission, find in KINDS
        if actor.may(permission)
    ]
    return [group for group in found if group.hits]


# What is asked while somebody types, each written once.


@prepared
def _found_households(within: Any, *, most: int) -> QuerySet[Household]:
    rows = Household.objects.filter(within, state__in=PRESENT).select_related("place")
    return rows.only("head_name", "number", "state", "place__full_name").order_by("id")[:most]


@prepared
def _found_organisations(word: Any, signs: Any, *, most: int) -> QuerySet[Organisation]:
    rows = holding(Organisation.objects.exclude(state="proposed"), "name", word, signs)
    rows = rows.select_related("place").only("name", "kind", "place__name")
    return rows.order_by("name", "id")[:most]


@prepared
def _found_postings(within: Any, codes: Any, *, most: int) -> QuerySet[Posting]:
    rows = Posting.objects.filter(within, category__any=codes, state="open")
    rows = rows.select_related("category", "place").only(
        *("direction", "quantity", "agreed_quantity", "place__name", "category__name_zh"),
        *("category__name_en", "category__unit", "category__unit_en"),
    )
    return rows.order_by("-id")[:most]


@prepared
def _found_rounds(within: Any, word: Any, signs: Any, *, most: int) -> QuerySet[Round]:
    rows = holding(Round.objects.filter(within), "title", word, signs)
    return rows.only("title", "state").order_by("-sales_to", "-id")[:most]


@prepared
def _found_cases(within: Any, word: Any, signs: Any, *, most: int) -> QuerySet[Case]:
    rows = holding(Case.objects.filter(within), "title", word, signs)
    return rows.only("title", "opened_at").order_by("-id")[:most]


@prepared
def _village_cases(within: Any, word: Any, *, most: int) -> QuerySet[Case]:
    rows = Case.objects.filter(within, title__icontains=word)
    return rows.only("title", "opened_at").order_by("-id")[:most]


def _is_of_villages(actor: Actor, permission: str) -> bool:
    """Whether the actor reads villages only: to look through what they have is less than to look up a sign
    that half the country's titles hold."""
    scopes = actor.scopes(permission)
    return all(isinstance(scope, PlaceScope) and scope.level == Place.Level.VILLAGE for scope in scopes)


def _households(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    within = reach(actor, "registry.read", Household) & matching(actor, word)
    for row in _found_households(within, most=size):
        note = f"{row.place.full_name} · {row.number} · {row.get_state_display()}"
        yield Hit(row.head_name, household_address(row.pk), note)


def _places(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    for hit in search_places(word, limit=size):
        yield Hit(hit.place.full_name, address("places:place", hit.place.pk), hit.place.code)


def _organisations(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    for row in _found_organisations(word, signs_in(word), most=size):
        note = f"{row.get_kind_display()} · {row.place.name}"
        yield Hit(row.name, address("partners:organisation_page", row.pk), note)


def _postings(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    """Open postings of the categories that the word names."""
    from_categories: list[Category] = find_categories(word)[:20]
    if not from_categories:
        return
    codes = [category.pk for category in from_categories]
    for row in _found_postings(sight_filter(actor, "exchange.read"), codes, most=size):
        left = f"{row.left:,} {unit_word(row.category)}"
        note = f"{row.get_direction_display()} · {left} · {row.place.name}"
        yield Hit(category_word(row.category), address("exchange:posting", row.pk), note)


def _rounds(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    for row in _found_rounds(rounds_within(actor), word, signs_in(word), most=size):
        yield Hit(row.title, address("market:round", row.pk), row.get_state_display())


def _cases(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    within = place_filter(actor, procedures.READ)
    if _is_of_villages(actor, procedures.READ):
        found = _village_cases(within, word, most=size)
    else:
        found = _found_cases(within, word, signs_in(word), most=size)
    for row in found:
        yield Hit(row.title, address("procedures:case", row.pk), day_word(row.opened_at))


def _people(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = people_for(actor).filter(Q(display_name__contains=word) | Q(username=word))
    for row in rows.only("display_name", "username").order_by("display_name", "id")[:size]:
        yield Hit(row.display_name, address("workbench:person", row.pk), row.username)


KINDS: tuple[tuple[Any, str, Callable[[Actor, str, int], Iterator[Hit]]], ...] = (
    (_("农户"), "registry.read", _households),
    (_("供需"), "exchange.read", _postings),
    (_("团"), "market.read", _rounds),
    (_("事项"), procedures.READ, _cases),
    (_("企业与单位"), "partners.read", _organisations),
    (_("人员"), "accounts.manage", _people),
    (_("地区"), "workbench.read", _places),
)
