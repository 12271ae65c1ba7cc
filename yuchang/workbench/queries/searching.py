"""One box for everything: households, places, organisations, postings, rounds, cases, people, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.queries import people_for
from yuchang.accounts.rules import Actor
from yuchang.core.addresses import address
from yuchang.core.signs import holding
from yuchang.exchange.models import Category, Posting
from yuchang.exchange.queries import find_categories, sight_filter
from yuchang.market.queries import rounds_for
from yuchang.partners.models import Organisation
from yuchang.places.search import search_places
from yuchang.procedures import queries as procedures
from yuchang.registry.queries import Filter, filtered, households_for
from yuchang.workbench.queries.sources import category_word, household_address

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


def _households(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = filtered(households_for(actor), actor, Filter(text=word)).select_related("place")
    rows = rows.only("head_name", "number", "state", "place__full_name")
    for row in rows.order_by("id")[:size]:
        note = f"{row.place.full_name} · {row.number} · {row.get_state_display()}"
        yield Hit(row.head_name, household_address(row.pk), note)


def _places(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    for hit in search_places(word, limit=size):
        yield Hit(hit.place.full_name, address("places:place", hit.place.pk), hit.place.code)


def _organisations(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = holding(Organisation.objects.exclude(state="proposed"), "name", word).select_related("place")
    for row in rows.only("name", "kind", "place__name").order_by("name", "id")[:size]:
        note = f"{row.get_kind_display()} · {row.place.name}"
        yield Hit(row.name, address("partners:organisation_page", row.pk), note)


def _postings(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    """Open postings of the categories that the word names."""
    from_categories: list[Category] = find_categories(word)[:20]
    if not from_categories:
        return
    reach = sight_filter(actor, "exchange.read")
    rows = Posting.objects.filter(reach, category__in=from_categories, state="open")
    rows = rows.select_related("category", "place").only(
        *("direction", "quantity", "agreed_quantity", "unit", "place__name", "category__name_zh"),
        "category__name_en",
    )
    for row in rows.order_by("-id")[:size]:
        left = f"{row.left:,} {row.unit}"
        note = f"{row.get_direction_display()} · {left} · {row.place.name}"
        yield Hit(category_word(row.category), address("exchange:posting", row.pk), note)


def _rounds(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = holding(rounds_for(actor), "title", word)
    for row in rows.select_related(None).only("title", "state").order_by("-sales_to", "-id")[:size]:
        yield Hit(row.title, address("market:round", row.pk), row.get_state_display())


def _cases(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = holding(procedures.cases_for(actor), "title", word)
    for row in rows.only("title", "opened_at").order_by("-id")[:size]:
        yield Hit(row.title, address("procedures:case", row.pk), f"{row.opened_at:%Y-%m-%d}")


def _people(actor: Actor, word: str, size: int) -> Iterator[Hit]:
    rows = people_for(actor).filter(Q(display_name__contains=word) | Q(username=word))
    for row in rows.only("display_name", "username").order_by("display_name", "id")[:size]:
        yield Hit(row.display_name, address("workbench:person", row.pk), row.username)


KINDS: tuple[tuple[Any, str, Callable[[Actor, str, int], Iterator[Hit]]], ...] = (
    (_("农户"), "registry.read", _households),
    (_("供需"), "exchange.read", _postings),
    (_("团"), "market.read", _rounds),
    (_("事项"), procedures.READ, _cases),
    (_("单位"), "partners.read", _organisations),
    (_("人员"), "accounts.manage", _people),
    (_("地区"), "workbench.read", _places),
)
