"""Reads of the register, scoped and masked for the reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Max, Min, Q, QuerySet

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter, reach
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock, secrets
from yuchang.core.paging import WINDOW, Among, Numbers
from yuchang.core.prepared import prepared
from yuchang.core.tallies import summed_by_county, tally_by_key
from yuchang.places.models import Place
from yuchang.registry.documents import blind_id
from yuchang.registry.models import (
    Household,
    HouseholdFacts,
    Likeness,
    Member,
    Notice,
    NoticeEntry,
    Objection,
    Resource,
)
from yuchang.registry.rules import clean_id

COUNTED = 1_000
RARER = 8
"""How many times rarer a name is taken to be for each further pair of its characters."""
TALLY = summed_by_county("workbench.household")
# Named, not excluded: then a count reads the index of places and states alone.
PRESENT = [state.value for state in Household.State if state != Household.State.REMOVED]


@dataclass(frozen=True)
class Filter:
    """What a household list is narrowed by. Empty fields do not narrow."""

    text: str = ""
    state: str = ""
    attribute: str = ""
    cause: str = ""
    township: int | None = None
    village: int | None = None
    waiting: bool = False
    batch: int | None = None

    @classmethod
    def from_query(cls, query: Any) -> Filter:
        """From an address bar's query; anything unreadable does not narrow."""
        return cls(
            text=query.get("q", "").strip()[:60],
            state=query.get("state", ""),
            attribute=query.get("attribute", ""),
            cause=query.get("cause", ""),
            township=_number(query.get("township")),
            village=_number(query.get("village")),
            waiting=query.get("waiting") == "1",
            batch=_number(query.get("batch")),
        )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def household_numbers(numbers: Iterable[int]) -> dict[int, str]:
    """The household numbers by which people call them, by our own number. One query."""
    return dict(Household.objects.filter(pk__in=numbers).values_list("pk", "number"))


def households_for(actor: Actor, permission: str = "registry.read") -> QuerySet[Household]:
    """The households in the actor's area, or opened to the actor one by one.

    Read without the thirty words each is found by: whoever shows a household does not show them.
    """
    return Household.objects.filter(reach(actor, permission, Household)).defer("search_keys", "content_hash")


def household_for(actor: Actor, household_id: int, permission: str = "registry.read") -> Household:
    """One household through the door, with its village. Raises Refused or Hidden."""
    rows = Household.objects.select_related("place", "entered_by", "verified_by")
    return open_door(rows, actor, permission, household_id)


def filtered(rows: QuerySet[Household], actor: Actor, narrow: Filter) -> QuerySet[Household]:
    """The rows that a filter leaves. Removed households show only when asked for."""
    equal = {
        "state": narrow.state,
        "attribute": narrow.attribute,
        "main_cause": narrow.cause,
        "township_id": narrow.township,
        "village_id": narrow.village,
        "batch_id": narrow.batch,
    }
    rows = rows.filter(**{k: v for k, v in equal.items() if v})
    if not narrow.state:
        rows = rows.filter(state__in=PRESENT)
    if narrow.waiting:
        rows = rows.filter(verified_by=None, state__in=["entered", "listed", "exited"])
    return rows.filter(matching(actor, narrow.text)) if narrow.text else rows


def matching(actor: Actor, text: str) -> Q:
    """By ID number or its last six signs (with ``registry.reveal``), household number, initials, or name."""
    plain = clean_id(text)
    if actor.may("registry.reveal") and re.fullmatch(r"\d{14,21}[\dX]", plain):
        blind = blind_id(plain, clock.today())
        return Q(pk__in=_households_of(Q(id_blind=blind))) if blind else Q(number=text)
    if actor.may("registry.reveal") and re.fullmatch(r"\d{5}[\dX]", plain):
        tail = secrets.blind_index("member.id_tail", plain)
        return Q(pk__in=_households_of(Q(id_tail_blind=tail))) | Q(number=text)
    if re.fullmatch(r"[A-Za-z]{1,10}", text):
        return Q(search_keys__contains=[text.lower()]) | Q(number__startswith=text)
    if text.isascii():
        return Q(number__startswith=text)
    return Q(search_keys__contains=_grams(text))


def _grams(text: str) -> list[str]:
    """The pairs of neighbouring characters by which a name is found; a shorter one is its own."""
    name = text.replace("·", "").replace("•", "").replace(" ", "")
    return [name] if len(name) <= 2 else [name[i : i + 2] for i in range(len(name) - 1)]


def _households_of(condition: Q) -> QuerySet[Member, Any]:
    return Member.objects.filter(condition, left_on=None).values("household_id")


def span_of(actor: Actor, narrow: Filter) -> Numbers | None:
    """The first and the last household's number where a search looks, for ``keyset_page``; None where it
    need not know: without a typed word, within one village, or in several areas at once."""
    if not narrow.text or narrow.village or len(actor.scopes("registry.read")) != 1:
        return None
    rows = households_for(actor)
    if narrow.township:
        rows = rows.filter(township_id=narrow.township)
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    if not ends["first"]:
        return Numbers(1, 0)
    return Numbers(ends["first"], ends["last"], _first_window(narrow.text))


def _first_window(text: str) -> int:
    """How many numbers a search reads at first: each further pair of characters makes a name rarer, so that
    what hardly anybody is called, or nobody, is asked for once."""
    pairs = 1 if text.isascii() else len(_grams(text))
    return int(WINDOW * RARER ** min(pairs - 1, 4))


def count_of(actor: Actor, narrow: Filter, rows: QuerySet[Household]) -> int | None:
    """How many households a filter leaves: by state, township and village from tallies, else counted up to
    ``COUNTED`` and one. None for a typed word: to count is to read everything it finds."""
    if narrow.text:
        return None
    is_of_place = replace(narrow, state="", township=None, village=None) == Filter()
    if is_of_place and narrow != Filter() and reads_by_place(actor):
        within = place_filter(actor, "registry.read")
        if narrow.township:
            within &= Q(township_id=narrow.township)
        if narrow.village:
            within &= Q(village_id=narrow.village)
        wanted = [narrow.state] if narrow.state else PRESENT
        return sum(n for key, n in tally_by_key(TALLY, within).items() if key.split(":")[0] in wanted)
    return capped_count(rows)


def reads_by_place(actor: Actor) -> bool:
    """Whether the actor reads households by area only, and none that were opened one by one."""
    return all(isinstance(scope, PlaceScope) for scope in actor.scopes("registry.read"))


def capped_count(rows: QuerySet[Any]) -> int:
    """How many rows there are, counted no further than a thousand and one."""
    return rows.order_by()[: COUNTED + 1].count()


def facts_on(
    household_ids: Iterable[int], on: date, *, only: Sequence[str] = ()
) -> dict[int, HouseholdFacts]:
    """The latest observation of each household on or before the day; ``only`` names the facts to read."""
    return {row.household_id: row for row in _newest_facts(household_ids, on, only=tuple(only))}


def _latest(on: Any, *, only: tuple[str, ...]) -> QuerySet[HouseholdFacts]:
    rows = HouseholdFacts.objects.filter(observed_on__lte=on)
    latest = rows.order_by("household_id", "-observed_on", "-id").distinct("household_id")
    return latest.only("household_id", *only) if only else latest


_newest_facts = Among("household_id", _latest)


def areas_of(actor: Actor, permission: str) -> list[Place]:
    """The places within which the actor holds a permission, as grants say, widest first."""
    from_grants = [s for s in actor.scopes(permission) if hasattr(s, "place_id")]
    ids = [s.place_id for s in from_grants]
    return list(Place.objects.filter(pk__in=ids).order_by("level", "code"))


def townships_of(actor: Actor, permission: str = "registry.read") -> list[Place]:
    """The townships in the actor's area, no more than two hundred (a county's worth)."""
    return _townships(place_filter(actor, permission))


@prepared
def _townships(within: Any) -> QuerySet[Place]:
    return Place.objects.filter(within, level=4, valid_to=None).only("name").order_by("code")[:200]


def villages_of(actor: Actor, permission: str, township: int | None = None) -> list[Place]:
    """The villages in the actor's area, no more than a thousand."""
    rows = Place.objects.filter(place_filter(actor, permission), level=5, valid_to=None)
    if township:
        rows = rows.filter(parent_id=township)
    return list(rows.order_by("code")[:1000])


def notices_for(actor: Actor) -> QuerySet[Notice]:
    """The notices in the actor's area."""
    return Notice.objects.filter(place_filter(actor, "registry.read")).select_related("place")


def likenesses_for(actor: Actor) -> QuerySet[Likeness]:
    """The pairs in the actor's area who may be one person."""
    rows = Likeness.objects.filter(place_filter(actor, "registry.read"))
    return rows.select_related("place", "first__household", "second__household")


def likeness_for(actor: Actor, likeness_id: int) -> Likeness:
    """One pair through the door."""
    rows = Likeness.objects.select_related(
        "place", "first__household__place", "second__household__place", "decided_by"
    )
    return open_door(rows, actor, "registry.read", likeness_id)


def notice_for(actor: Actor, notice_id: int) -> Notice:
    """One notice through the door."""
    rows = Notice.objects.select_related("place", "published_by", "closed_by")
    return open_door(rows, actor, "registry.read", notice_id)


def objections_for(actor: Actor) -> QuerySet[Objection]:
    """The objections in the actor's area, and those to households given to the actor one by one."""
    rows = Objection.objects.filter(reach(actor, "registry.read", Objection))
    return rows.select_related("place", "entry__household", "decided_by")


def objection_for(actor: Actor, objection_id: int) -> Objection:
    """One objection through the door."""
    rows = Objection.objects.select_related("place", "entry__household", "entry__notice", "decided_by")
    return open_door(rows, actor, "registry.read", objection_id)


def resources_for(actor: Actor) -> QuerySet[Resource]:
    """Needs and resources in the actor's area, or of households given to the actor, not withdrawn."""
    rows = Resource.objects.filter(reach(actor, "registry.read", Resource), withdrawn_at=None)
    return rows.select_related("place", "household")


def live_notice_entries(county_id: int) -> QuerySet[NoticeEntry]:
    """Pending entries of the county's notices that are open today: what may be shown in public."""
    today = clock.today()
    rows = NoticeEntry.objects.select_related("notice__place").filter(
        outcome=NoticeEntry.Outcome.PENDING,
        notice__state=Notice.State.OPEN,
        notice__county_id=county_id,
        notice__opens_on__lte=today,
        notice__closes_on__gte=today,
    )
    return rows.order_by("notice_id", "id")
