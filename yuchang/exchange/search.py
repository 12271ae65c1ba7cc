"""Search over open postings, and partners for one's own. Reads only.

Everything comes from the posting rows themselves, so a posting is found in the moment it is committed.
No limit, note or person of others leaves this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from yuchang.accounts.rules import Actor, OrganisationScope, PlaceScope
from yuchang.core import clock
from yuchang.core.paging import Page, decode_cursor, encode_cursor
from yuchang.exchange.models import Category, Direction, Posting, SavedSearch
from yuchang.exchange.queries import open_market, side_filter
from yuchang.exchange.rules import FRESH_DAYS, partner_rank
from yuchang.exchange.searching import Criteria, Term, lookups, read_search, score
from yuchang.partners.models import Organisation
from yuchang.places.models import Place
from yuchang.places.rules import great_circle_km

LOOKUP = 60
"""So many of the newest are taken of every combination of terms."""
NEAR_LOOKUPS = 3
"""So many of the weightiest combinations are also looked up in the searcher's county and province."""
PAGE = 20
OWN_SHOWN = 8
"""Partners are sought for so many of one's newest open postings."""
CANDIDATES = 40
"""So many candidates by limit, and as many by age, are ranked for each own posting."""

_NEAREST = """
    SELECT c.id FROM places_place c, places_place h
    WHERE h.id = %s AND c.level = 3 AND (c.id = h.id OR 6371.0088 * 2 * asin(sqrt(least(1,
        power(sin(radians(c.latitude - h.latitude) / 2), 2) + cos(radians(c.latitude))
        * cos(radians(h.latitude)) * power(sin(radians(c.longitude - h.longitude) / 2), 2)))) <= %s)
"""


@dataclass(frozen=True)
class Home:
    """Where the searcher is at home, as far as one county or province is known."""

    county_id: int | None = None
    province_id: int | None = None


def home_of(actor: Actor, permission: str = "exchange.read") -> Home:
    """The county of the actor's narrowest place, or of its organisation. Two queries at most."""
    scopes = actor.scopes(permission)
    places = sorted((s for s in scopes if isinstance(s, PlaceScope) and s.level), key=lambda s: -s.level)
    number = places[0].place_id if places else None
    if number is None:
        own = [s.organisation_id for s in scopes if isinstance(s, OrganisationScope)]
        number = Organisation.objects.filter(pk__in=own).values_list("place_id", flat=True).first()
    place = Place.objects.filter(pk=number).first() if number else None
    return Home(place.county_id, place.province_id) if place else Home()


def _hard(criteria: Criteria) -> tuple[str, dict[str, Any]]:
    """The filters that every result passes, as SQL."""
    parts = ["state = 'open'", "window_to >= %(since)s"]
    values: dict[str, Any] = {"since": clock.today()}
    if criteria.direction:
        parts.append("direction = %(direction)s")
        values["direction"] = criteria.direction
    if criteria.category:
        parts.append("category_id = ANY(%(kinds)s)")
        values["kinds"] = _leaves(criteria.category)
    if criteria.window_from:
        parts.append("window_to >= %(window_from)s")
        values["window_from"] = criteria.window_from
    if criteria.window_to:
        parts.append("window_from <= %(window_to)s")
        values["window_to"] = criteria.window_to
    if criteria.county_id and criteria.radius_km is not None:
        parts.append("county_id = ANY(%(counties)s)")
        values["counties"] = counties_within(criteria.county_id, criteria.radius_km)
    return " AND ".join(parts), values


def _leaves(code: str) -> list[str]:
    rows = Category.objects.filter(Q(pk=code) | Q(pk__startswith=f"{code}."), is_leaf=True)
    return list(rows.values_list("pk", flat=True))


def counties_within(county_id: int, radius_km: int) -> list[int]:
    """The counties whose point is no farther than the radius; one's own county always is."""
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, [county_id, radius_km])
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True)
class Hit:
    """One posting found: how well it answers, and how near it is (3 same county, 2 province, 0 far)."""

    pk: int
    score: int
    near: int

    @property
    def key(self) -> tuple[int, int, int]:
        """Best first when descending: answer, nearness, newest."""
        return self.score, self.near, self.pk


def hits(criteria: Criteria, home: Home, *, changed_since: datetime | None = None) -> list[Hit]:
    """The best postings for a text, best first. One query however many there are.

    Looks up every combination of the weightiest terms newest first, then ranks by all terms.
    """
    search = read_search(criteria.text)
    if not search:
        return []
    hard, values = _hard(criteria)
    if changed_since is not None:
        hard += " AND updated_at >= %(changed)s"
        values["changed"] = changed_since
    sql = "\nUNION ALL\n".join(_branches(search, home, hard, values))
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = {row[0]: row for row in cursor.fetchall()}
    found = [Hit(pk, score(search, category, terms), _near(home, county, province))
             for pk, category, terms, county, province in rows.values()]  # fmt: skip
    return sorted(found, key=lambda hit: hit.key, reverse=True)


def _branches(search: Sequence[Term], home: Home, hard: str, values: dict[str, Any]) -> list[str]:
    branches = []
    for number, some in enumerate(lookups(search)):
        named = [term.text for term in some if not term.category]
        parts = [hard]
        if named:
            values[f"t{number}"] = named
            parts.append(f"terms @> %(t{number})s::varchar[]")
        for term in some:
            if term.category:
                values[f"c{number}"] = term.category
                parts.append(f"category_id = %(c{number})s")
        where = " AND ".join(parts)
        branches += _branch(where, by_words=bool(named))
        if number < NEAR_LOOKUPS and home.county_id:
            values["home"], values["province"] = home.county_id, home.province_id
            branches += _branch(f"{where} AND county_id = %(home)s", by_words=True)
            branches += _branch(f"{where} AND province_id = %(province)s", by_words=bool(named))
    return branches


def _branch(where: str, *, by_words: bool) -> list[str]:
    """The newest of one lookup. By words: from the index of words, never by walking all rows back in
    time (``id + 0`` keeps the planner from it); by category: each direction's index is in that order.
    """
    start = "(SELECT id, category_id, terms, county_id, province_id FROM exchange_posting WHERE "
    if by_words:
        return [f"{start}{where} ORDER BY id + 0 DESC LIMIT {LOOKUP})"]
    return [
        f"{start}{where} AND direction = '{one}' ORDER BY category_id, direction, id DESC LIMIT {LOOKUP})"
        for one in Direction.values
    ]


def _near(home: Home, county_id: int | None, province_id: int | None) -> int:
    if home.county_id and county_id == home.county_id:
        return 3
    return 2 if home.province_id and province_id == home.province_id else 0


def find_postings(criteria: Criteria, home: Home, cursor: str = "") -> Page[Posting]:
    """One page of what answers a text, best first. Raises Invalid for a cursor that is not ours."""
    found = hits(criteria, home)
    if cursor:
        _back, (best, near, pk) = decode_cursor(cursor, 3)
        after = (int(best), int(near), int(pk))
        found = [hit for hit in found if hit.key < after]
    shown = found[:PAGE]
    rows = open_market().filter(pk__in=[hit.pk for hit in shown]).in_bulk()
    items = [rows[hit.pk] for hit in shown if hit.pk in rows]
    more = encode_cursor(shown[-1].key) if len(found) > PAGE else ""
    return Page(items, next=more)


def browse(criteria: Criteria) -> QuerySet[Posting]:
    """Open postings that pass the filters, for a search without text; page them by ``-id``."""
    values = _hard(criteria)[1]
    rows = open_market(direction=criteria.direction).filter(window_to__gte=values["since"])
    if "kinds" in values:
        kinds = values["kinds"]
        rows = rows.filter(category=kinds[0]) if len(kinds) == 1 else rows.filter(category__in=kinds)
    if "window_from" in values:
        rows = rows.filter(window_to__gte=values["window_from"])
    if "window_to" in values:
        rows = rows.filter(window_from__lte=values["window_to"])
    return rows.filter(county_id__in=values["counties"]) if "counties" in values else rows


def searches_of(actor: Actor) -> QuerySet[SavedSearch]:
    """The actor's own saved searches."""
    return SavedSearch.objects.filter(user_id=actor.user_id or 0, is_active=True).order_by("pk")


def matching(criteria: Criteria, changed_since: datetime) -> list[int]:
    """Open postings, opened or changed since a moment, that answer a saved search, best or newest first."""
    if not read_search(criteria.text):
        rows = browse(criteria).filter(updated_at__gte=changed_since).order_by("-pk")
        return list(rows.values_list("pk", flat=True)[:LOOKUP])
    found = hits(criteria, Home(), changed_since=changed_since)
    least = read_search(criteria.text)[0].weight
    return [hit.pk for hit in found if hit.score >= least]


OWN_OFFERED = 30
"""So many of one's own postings can be chosen from for a proposal."""


def own_opposites(actor: Actor, other: Posting) -> list[Posting]:
    """The actor's own open postings that stand opposite to one of the market, newest first.

    Those of the same owner are left out: nobody deals with oneself.
    """
    if not actor.may("exchange.talk"):
        return []
    direction = Direction.NEED if other.direction == Direction.OFFER else Direction.OFFER
    rows = Posting.objects.filter(
        side_filter(actor, "exchange.talk"),
        state=Posting.State.OPEN,
        category=other.category_id,
        direction=direction,
        window_to__gte=clock.today(),
    )
    if other.organisation_id:
        rows = rows.exclude(organisation_id=other.organisation_id)
    return list(rows.select_related("category", "place", "organisation").order_by("-id")[:OWN_OFFERED])


def own_units(actor: Actor) -> dict[str, str]:
    """The unit in which the actor last said a quantity of each category, where it is not the category's."""
    if not actor.may("exchange.post"):
        return {}
    rows = Posting.objects.filter(side_filter(actor, "exchange.post")).exclude(entered_unit="")
    return dict(rows.order_by("id").values_list("category_id", "entered_unit")[:200])


# For you ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suggestion:
    """A posting that could be a partner of one's own, with what both may know of it."""

    mine: Posting
    other: Posting
    km: int | None
    days: int
    is_by_duals: bool


_PARTNERS = """
    SELECT m.id, p.id, CASE m.direction WHEN 'need' THEN m.limit_fen - p.limit_fen
                                        ELSE p.limit_fen - m.limit_fen END,
           d.gain_fen, %(today)s::date - d.on, k.transport_fen_100km,
           least(m.window_to, p.window_to) - greatest(m.window_from, p.window_from, %(today)s::date) + 1,
           m.county_id = p.county_id, a.longitude, a.latitude, b.longitude, b.latitude,
           least(coalesce(m.radius_km, k.radius_km, 100000), coalesce(p.radius_km, k.radius_km, 100000))
    FROM exchange_posting m
    JOIN exchange_category k ON k.code = m.category_id
    CROSS JOIN LATERAL (
        (SELECT id FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id AND m.direction = 'offer'
           AND o.direction = 'need' ORDER BY o.limit_fen DESC, o.id DESC LIMIT %(n)s)
        UNION
        (SELECT id FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id AND m.direction = 'need'
           AND o.direction = 'offer' ORDER BY o.limit_fen, o.id LIMIT %(n)s)
        UNION
        (SELECT id FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id
           AND o.direction = CASE m.direction WHEN 'offer' THEN 'need' ELSE 'offer' END
         ORDER BY o.id DESC LIMIT %(n)s)
    ) near
    JOIN exchange_posting p ON p.id = near.id
    LEFT JOIN places_place a ON a.id = m.county_id
    LEFT JOIN places_place b ON b.id = p.county_id
    LEFT JOIN exchange_dual d ON d.posting_id = p.id
    WHERE m.id = ANY(%(own)s)
      AND p.quantity > p.agreed_quantity
      AND CASE m.direction WHEN 'offer' THEN p.certificates <@ m.certificates
                           ELSE m.certificates <@ p.certificates END
      AND NOT EXISTS (SELECT 1 FROM exchange_match x WHERE x.state IN ('proposed', 'talking', 'declined')
                      AND x.offer_id = CASE m.direction WHEN 'offer' THEN m.id ELSE p.id END
                      AND x.need_id = CASE m.direction WHEN 'offer' THEN p.id ELSE m.id END)
      AND p.window_from <= m.window_to AND p.window_to >= m.window_from AND p.window_to >= %(today)s
      AND (m.owner_kind, coalesce(m.household_id, m.organisation_id, m.village_id))
          IS DISTINCT FROM (p.owner_kind, coalesce(p.household_id, p.organisation_id, p.village_id))
"""


@dataclass(frozen=True)
class _Pair:
    mine: int
    other: int
    rank: int
    km: int | None
    days: int
    is_by_duals: bool


def for_you(actor: Actor, limit: int = 6) -> list[Suggestion]:
    """Possible partners for the actor's newest open postings, the best of each in turn.

    Constant queries. Left out: who lacks a certificate asked for, and with whom there is a proposal or talk,
    or was one that somebody declined. Ranked by gain less fresh duals (``rules.partner_rank``); limits order
    the partners of one posting and never leave them out, so that nobody can try out another's limit.
    """
    if not actor.may("exchange.post"):
        return []
    today = clock.today()
    rows = Posting.objects.filter(side_filter(actor, "exchange.post"), state="open", window_to__gte=today)
    mine = {row.pk: row for row in rows.select_related("category", "place").order_by("-id")[:OWN_SHOWN]}
    pairs = _ranked(list(mine), today) if mine else []
    of_each = [[p for p in pairs if p.mine == number] for number in mine]
    turns = [pair for turn in zip_longest(*of_each) for pair in turn if pair is not None]
    shown = list({pair.other: pair for pair in reversed(turns)}.values())[::-1][:limit]
    others = open_market().filter(pk__in=[pair.other for pair in shown]).in_bulk()
    return [
        Suggestion(mine[p.mine], others[p.other], p.km, p.days, p.is_by_duals)
        for p in shown
        if p.other in others
    ]


def _ranked(own: list[int], today: date) -> list[_Pair]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTNERS, {"own": own, "today": today, "n": CANDIDATES})
        pairs = [pair for row in cursor.fetchall() if (pair := _pair(row)) is not None]
    return sorted(pairs, key=lambda p: (-p.rank, p.km is None, p.km or 0, -p.other))


def _pair(row: tuple[Any, ...]) -> _Pair | None:
    """One candidate, or None if it is out of either side's reach."""
    mine, other, spread, dual, age, fen_100km, days, is_home, x1, y1, x2, y2, reach = row
    km: int | None = 0
    if not is_home:
        known = None not in (x1, y1, x2, y2)
        km = round(great_circle_km(x1, y1, x2, y2)) if known else None
    if (km is None and reach < 100_000) or (km is not None and km > reach):
        return None
    gain = spread - -(-(km or 0) * fen_100km // 100)
    is_fresh = dual is not None and age <= FRESH_DAYS
    return _Pair(mine, other, partner_rank(gain, dual, age), km, days, is_fresh)
