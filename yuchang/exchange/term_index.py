"""Which open postings have which terms, in memory: every posting of a search is scored, none is guessed.

Columns grow at their end; a posting that changed is struck out and stands again at the end. Scoring adds
the weight of each term of the search over the term's list (term at a time), as in Zobel and Moffat,
"Inverted files for text search engines", ACM Computing Surveys 38(2), 2006. No database here.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yuchang.exchange.searching import Term

Ints = NDArray[np.int64]

SAME_COUNTY, SAME_PROVINCE, FAR = 3, 2, 0
DEAD_MOST = 1_000
"""With more postings struck out than this and than stand, the lists are worth making anew."""
_ID_BITS, _NEAR_BITS = 40, 2


@dataclass(frozen=True)
class Entry:
    """What the index keeps of one open posting; days are ordinals. ``terms`` hold its ``=category`` too."""

    pk: int
    category: str
    is_offer: bool
    county_id: int
    province_id: int
    first_day: int
    last_day: int
    terms: Sequence[str]


@dataclass(frozen=True)
class Sieve:
    """What every result must be. ``categories`` are leaves; None: any."""

    since: int
    is_offer: bool | None = None
    categories: Collection[str] | None = None
    first_day: int | None = None
    last_day: int | None = None
    counties: Collection[int] | None = None
    among: Collection[int] | None = None


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


@dataclass
class TermIndex:
    """Postings by position, and for each term the positions that have it. Not safe between threads."""

    pk: array[int] = field(default_factory=lambda: array("q"))
    category: array[int] = field(default_factory=lambda: array("i"))
    is_offer: array[int] = field(default_factory=lambda: array("b"))
    county: array[int] = field(default_factory=lambda: array("q"))
    province: array[int] = field(default_factory=lambda: array("q"))
    first_day: array[int] = field(default_factory=lambda: array("i"))
    last_day: array[int] = field(default_factory=lambda: array("i"))
    stands: array[int] = field(default_factory=lambda: array("b"))
    lists: dict[str, array[int]] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    dead: int = 0
    _ordered: int = 0
    """So many positions at the beginning are in the order of their numbers."""
    _position: dict[int, int] = field(default_factory=dict)
    """The positions after those, by number."""

    def __len__(self) -> int:
        return len(self.pk)

    @property
    def is_worn(self) -> bool:
        """Whether so much is struck out that building it again is cheaper than carrying it."""
        return self.dead > DEAD_MOST and 2 * self.dead > len(self)

    @property
    def bytes(self) -> int:
        """The memory of all columns and lists."""
        columns = (self.pk, self.category, self.is_offer, self.county, self.province,
                   self.first_day, self.last_day, self.stands)  # fmt: skip
        return sum(c.itemsize * len(c) for c in (*columns, *self.lists.values()))

    def add(self, entry: Entry) -> None:
        """One open posting; an earlier state of it is struck out."""
        self.remove(entry.pk)
        at = len(self.pk)
        if at == self._ordered and (at == 0 or entry.pk > self.pk[-1]):
            self._ordered += 1
        else:
            self._position[entry.pk] = at
        self.pk.append(entry.pk)
        self.category.append(self.categories.setdefault(entry.category, len(self.categories)))
        self.is_offer.append(entry.is_offer)
        self.county.append(entry.county_id)
        self.province.append(entry.province_id)
        self.first_day.append(entry.first_day)
        self.last_day.append(entry.last_day)
        self.stands.append(1)
        for term in entry.terms:
            found = self.lists.get(term)
            if found is None:
                found = self.lists[term] = array("i")
            found.append(at)

    def remove(self, pk: int) -> None:
        """Strike a posting out; one that is not here is no mistake."""
        at = self._find(pk)
        if at is not None and self.stands[at]:
            self.stands[at] = 0
            self.dead += 1

    def _find(self, pk: int) -> int | None:
        if pk in self._position:
            return self._position[pk]
        if not self._ordered or pk > self.pk[self._ordered - 1]:
            return None
        at = int(np.searchsorted(_view(self.pk)[: self._ordered], pk))
        return at if self.pk[at] == pk else None

    def best(
        self,
        search: Iterable[Term],
        sieve: Sieve,
        home: tuple[int | None, int | None],
        most: int,
        after: tuple[int, int, int] | None = None,
    ) -> list[Hit]:
        """The ``most`` best postings that have any of the terms, best first, after a key if one is given.

        ``home`` is the searcher's county and province. Costs one pass over the terms' lists.
        """
        scores = np.zeros(len(self), dtype=np.int32)
        for term in search:
            if term.text in self.lists:
                scores[_view(self.lists[term.text])] += term.weight
        at = np.flatnonzero(scores != 0)  # of truth values: several times as fast as of numbers
        at = at[self._passes(at, sieve)]
        keys = self._keys(at, scores[at].astype(np.int64), home)
        if after is not None:
            keys = keys[keys < _packed(*after)]
        if len(keys) > most:
            keys = np.partition(keys, len(keys) - most)[-most:]
        return [_hit(key) for key in np.sort(keys)[::-1].tolist()]

    def _passes(self, at: Ints, sieve: Sieve) -> NDArray[np.bool_]:
        passes = _view(self.stands)[at].astype(bool) & (_view(self.last_day)[at] >= sieve.since)
        if sieve.is_offer is not None:
            passes &= _view(self.is_offer)[at] == sieve.is_offer
        if sieve.categories is not None:
            known = [self.categories[code] for code in sieve.categories if code in self.categories]
            passes &= np.isin(_view(self.category)[at], known)
        if sieve.first_day is not None:
            passes &= _view(self.last_day)[at] >= sieve.first_day
        if sieve.last_day is not None:
            passes &= _view(self.first_day)[at] <= sieve.last_day
        if sieve.counties is not None:
            passes &= np.isin(_view(self.county)[at], list(sieve.counties))
        if sieve.among is not None:
            passes &= np.isin(_view(self.pk)[at], list(sieve.among))
        return passes

    def _keys(self, at: Ints, scores: Ints, home: tuple[int | None, int | None]) -> Ints:
        """Score, nearness and number in one integer, in the order of ``Hit.key``."""
        county, province = home
        near = np.full(len(at), FAR, dtype=np.int64)
        if province:
            near[_view(self.province)[at] == province] = SAME_PROVINCE
        if county:
            near[_view(self.county)[at] == county] = SAME_COUNTY
        return (scores << (_ID_BITS + _NEAR_BITS)) | (near << _ID_BITS) | _view(self.pk)[at]


def _view(column: array[int]) -> NDArray[np.int64]:
    """A column as numbers, without a copy; it must be gone before the column grows again."""
    return np.frombuffer(column, dtype=column.typecode) if len(column) else np.zeros(0, dtype=np.int64)


def _packed(score: int, near: int, pk: int) -> int:
    """A key of ours from a cursor; numbers that no posting can have are cut to the nearest that fit."""
    fits = [max(0, min(value, top)) for value, top in ((score, 2**20), (near, 3), (pk, 2**_ID_BITS - 1))]
    return fits[0] << (_ID_BITS + _NEAR_BITS) | fits[1] << _ID_BITS | fits[2]


def _hit(key: int) -> Hit:
    near = key >> _ID_BITS & (2**_NEAR_BITS - 1)
    return Hit(key & (2**_ID_BITS - 1), key >> (_ID_BITS + _NEAR_BITS), near)
