"""Looking through pages as a reader does: which addresses they lead to, and what language they speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client

from config.environment import ROOT
from yuchang.sheets.catalogue import all_sources
from yuchang.sheets.kinds import kind_named

CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")
# Numbers in an address stand for one of many like it; one of each is enough.
NUMBER = re.compile(r"\d+")
NOT_PAGES = re.compile(
    r"\.(xlsx|pdf|docx|csv|json|geojson|png|svg|zip|ndjson)\b|export=|/download|sign-out|/api/"
)
# Our name, the way back to Chinese, and the official word for the number of an approved map.
OFFICIAL = {"渔场", "中文", "审图号"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
MASKED_NAME = re.compile(r"[\u3400-\u9fff]{1,2}某{1,2}")
SHOWN_ATTRIBUTES = {"title", "placeholder", "aria-label", "alt", "value"}


class Page(HTMLParser):
    """The words that a page shows and the addresses it leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._quiet: list[str] = []
        self._chinese: list[str] = []  # the open elements from the outermost that is marked as Chinese
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag in ("script", "style"):
            self._quiet.append(tag)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if self._chinese or (given.get("lang", "").startswith("zh") and tag != "html"):
            if tag not in VOID:
                self._chinese.append(tag)
            return
        shown = SHOWN_ATTRIBUTES - (
            {"value"} if tag == "option" or given.get("type") in ("hidden", "checkbox", "radio") else set()
        )
        self.words += [v for k, v in given.items() if k in shown]

    def handle_endtag(self, tag: str) -> None:
        if self._quiet and self._quiet[-1] == tag:
            self._quiet.pop()
        if tag in self._chinese:
            while self._chinese.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._quiet and not self._chinese:
            self.words.append(data)


def workbook_headings() -> list[str]:
    """The headings of official workbooks and lists: Chinese in any language, for the files are."""
    kind = kind_named("registry.households")
    fields = [f.title for source in all_sources() for f in source.fields]
    return [*fields, *(word for c in kind.columns for word in (c.header, *c.aliases))]


def stored_words() -> Stored:
    """Every text of every business table: what a page may show in Chinese whatever the language."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'jsonb', 'ARRAY') AND table_name NOT LIKE 'django_%'"
            " AND table_name <> 'places_place' ORDER BY 1"
        )
        parts = []
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT string_agg(DISTINCT "{column}"::text, chr(10)) FROM "{table}"')
            parts.append(cursor.fetchone()[0] or "")
        cursor.execute("SELECT DISTINCT name FROM places_place")
        names = [name for (name,) in cursor.fetchall()]
    documents = [path.read_text() for path in sorted((ROOT / "policies").glob("*.yaml"))]
    return Stored("\n".join([*parts, *names, *documents, *workbook_headings()]), frozenset(names))


@dataclass(frozen=True)
class Stored:
    """What may stand in Chinese on an English page: everything stored, documents, names of places."""

    text: str
    places: frozenset[str]

    def holds(self, run: str) -> bool:
        """Whether a run of Chinese is stored somewhere, or is a place with the places above it."""
        return run in self.text or self._is_path(run)

    def _is_path(self, run: str) -> bool:
        starts = {0}
        for i in range(len(run)):
            if i in starts:
                starts |= {j for j in range(i + 2, len(run) + 1) if run[i:j] in self.places}
        return len(run) in starts


def untranslated(html: str, stored: Stored) -> set[str]:
    """Chinese runs on a page that are no data."""
    runs = {run for word in Page(html).words for run in CHINESE_RUN.findall(word)}
    return {
        run
        for run in runs
        if not stored.holds(run) and run not in OFFICIAL and not MASKED_NAME.fullmatch(run)
    }


def crawl(client: Client, start: str = "/", most: int = 80) -> Iterator[tuple[str, str]]:
    """The pages one reaches from ``start`` by links, one of each kind: (address, html)."""
    waiting, seen = [start], {NUMBER.sub("#", start)}
    while waiting and most:
        address = waiting.pop(0)
        answer = client.get(address, follow=True)
        if answer.status_code != 200 or "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        most -= 1
        html = answer.content.decode()
        yield address, html
        for link in Page(html).links:
            parts = urlsplit(link)
            path = parts.path or urlsplit(address).path
            whole = path + (f"?{parts.query}" if parts.query else "")
            kind = (
                NUMBER.sub("#", path)
                + "?"
                + "&".join(sorted(p.split("=")[0] for p in parts.query.split("&")))
            )
            if parts.netloc or not path.startswith("/") or NOT_PAGES.search(link) or kind in seen:
                continue
            seen.add(kind)
            waiting.append(whole)
