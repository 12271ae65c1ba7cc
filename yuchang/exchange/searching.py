"""Chinese words of needs and offers: from a line of text to weighted terms. Pure.

A *concept* is a category named by any of its names (土豆, 洋芋 and 马铃薯 are one). A posting's *terms*
are the words of its note and, as ``~code``, the concepts that the note names; its own category is a
column. A search has the same terms with weights, and ``=code`` for the category itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from rjieba import Jieba

from yuchang.exchange.catalogue import read_categories

TEXT_MAX = 100
"""No longer text is searched for."""
TERMS_MAX = 48
"""No posting has more terms."""
CONCEPT, PER_LETTER, ACT, NAMED, WORD = 40, 6, 30, 18, 5
NAME_FREQUENCY = 100_000
"""Names of categories are kept whole by the segmenter."""
ACTS = "labour services land tourism training finance logistics processing technology donations csr"
"""Groups of things done: a search that names one means it, and the good it names is its object."""
SAY_NOTHING = (
    "求购 采购 收购 需要 想要 想买 长期 供应 出售 大量 有没有 哪里 多少 我们 你们 一个 一些 可以 适合 什么"
    " 找人 收点 要点 要现 斤的 公斤 千克 万斤 千斤 三千斤 高山 农家 本地 当年 当地 优质 手工 村里 使用"
)
_ACTS, _STOP = frozenset(ACTS.split()), frozenset(SAY_NOTHING.split())
_WORD = re.compile(r"[0-9a-z]{2,}|[\u4e00-\u9fff]{2,}")
_SPLIT = re.compile(r"[^0-9a-z\u4e00-\u9fff]+")


@dataclass(frozen=True)
class Criteria:
    """What is looked for: text, and hard filters. ``radius_km`` is taken around ``county_id``.

    ``is_urgent``: only unsold goods that a live emergency helps.
    """

    text: str = ""
    direction: str = ""
    category: str = ""
    county_id: int | None = None
    radius_km: int | None = None
    window_from: date | None = None
    window_to: date | None = None
    is_urgent: bool = False

    def as_json(self) -> dict[str, Any]:
        """As kept with a saved search: what was asked for, days as text."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in vars(self).items()
            if value is not False and value not in ("", None)
        }


def criteria_of(kept: dict[str, Any]) -> Criteria:
    """Read what ``Criteria.as_json`` wrote."""
    values = dict(kept)
    for name in ("window_from", "window_to"):
        if name in values:
            values[name] = date.fromisoformat(values[name])
    return Criteria(**values)


def asks_for(criteria: Criteria, category: str) -> bool:
    """Whether a saved search could be answered by offers of a category: by its filter, or by its words."""
    if criteria.direction not in ("", "offer"):
        return False
    if criteria.category:
        return f"{category}.".startswith(f"{criteria.category}.")
    return any(term.category == category for term in read_search(criteria.text))


@dataclass(frozen=True)
class Term:
    """One term of a search; ``=code`` is a category, ``~code`` a category named in a note."""

    text: str
    weight: int

    @property
    def category(self) -> str:
        """The category that it asks for, or nothing."""
        return self.text[1:] if self.text.startswith("=") else ""


@dataclass(frozen=True)
class Lexicon:
    """The names of the categories and a segmenter that knows them."""

    names: dict[str, tuple[str, ...]]
    longest: int
    jieba: Jieba

    def concepts(self, text: str) -> dict[str, int]:
        """The categories that a text names, each with how many letters named it (longest names win)."""
        found: dict[str, int] = {}
        for piece in _pieces(text):
            segments = set(self.jieba.cut(piece))
            at = 0
            while at < len(piece):
                size = self._named_at(piece, at, segments)
                for code in self.names.get(piece[at : at + size], ()):
                    found[code] = found.get(code, 0) + size
                at += size or 1
        return found

    def _named_at(self, piece: str, at: int, segments: set[str]) -> int:
        for size in range(min(self.longest, len(piece) - at), 0, -1):
            name = piece[at : at + size]
            if name in self.names and (size > 1 or name in segments or at + 1 == len(piece)):
                return size
        return 0

    def words(self, text: str) -> list[str]:
        """The words of a text in order, each once, without those that say nothing."""
        found = (w for p in _pieces(text) for w in self.jieba.cut_for_search(p, True))
        return list(dict.fromkeys(w for w in found if _WORD.fullmatch(w) and w not in _STOP))


def _pieces(text: str) -> list[str]:
    return [piece for piece in _SPLIT.split(text.lower()) if piece]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The shipped names; read once per process."""
    names: dict[str, list[str]] = {}
    for row in read_categories():
        if not row["is_leaf"]:
            continue
        for name in {row["name_zh"].lower(), *(a.lower() for a in row["aliases"])}:
            names.setdefault(name, []).append(row["code"])
    jieba = Jieba()
    for name in names:
        if len(name) > 1:
            jieba.add_word(name, NAME_FREQUENCY, "n")
    return Lexicon({n: tuple(c) for n, c in names.items()}, max(map(len, names)), jieba)


def terms_of(note: str) -> list[str]:
    """The stored terms of a posting's note."""
    if not note:
        return []
    known = lexicon()
    named = [f"~{code}" for code in known.concepts(note)]
    return list(dict.fromkeys([*named, *known.words(note)]))[:TERMS_MAX]


def read_search(text: str) -> tuple[Term, ...]:
    """The weighted terms of what somebody looks for, weightiest first (nothing said: none).

    A thing done (采摘, 培训, 贷款) weighs more than the thing it is done to.
    """
    text = text[:TEXT_MAX]
    known = lexicon()
    weights: dict[str, int] = {}
    concepts = known.concepts(text)
    for code, letters in concepts.items():
        act = ACT if code.split(".")[0] in _ACTS else 0
        weights[f"={code}"] = CONCEPT + PER_LETTER * min(letters, 6) + act
        weights[f"~{code}"] = NAMED + min(letters, 6)
    for word in known.words(text):
        weights[word] = WORD * min(len(word), 4)
    ordered = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Term(name, weight) for name, weight in ordered[:16])


def score(search: Sequence[Term], category: str, terms: Iterable[str]) -> int:
    """How well a posting answers a search: the weights of the terms it has."""
    has = {f"={category}", *terms}
    return sum(term.weight for term in search if term.text in has)
