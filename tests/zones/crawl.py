"""Visits every address of the public zone, in both languages, with every value a parameter can take.

The addresses come from the URLconf: one that was added yesterday is visited today. A parameter that
``VALUES`` does not know fails the crawl until somebody says what may stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import product
from urllib.parse import urljoin, urlsplit

from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.access.urlconf import Address, addresses
from tests.zones.leaks import Hit, Scanner
from yuchang.portal.models import PUBLISHED, PublishedFile

LANGUAGES = ("zh-hans", "en")
UNKNOWN = "NOSUCHCODE99"
Values = Callable[[], list[str]]


def _column(sql: str) -> Values:
    def ask() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [str(value) for (value,) in cursor.fetchall()]

    return ask


# Every value that leads somewhere, by address and parameter.
VALUES: dict[tuple[str, str], Values] = {
    ("portal:county", "code"): _column(
        "SELECT county_code FROM portal_publishedcounty UNION SELECT county_code FROM portal_publishednotice"
    ),
    ("portal:notice", "code"): _column("SELECT code FROM portal_publishednotice"),
    ("portal:objection", "code"): _column("SELECT code FROM portal_publishednoticeentry ORDER BY id"),
    ("portal:received", "receipt"): _column("SELECT receipt FROM portal_publishedreceipt"),
    ("portal:round", "code"): _column("SELECT code FROM portal_publishedround"),
    ("portal:trace", "code"): _column("SELECT code FROM portal_publishedgoods"),
    ("portal:county_trades", "code"): _column(
        "SELECT DISTINCT county_code FROM portal_publishedtable WHERE dataset = 'deals'"
    ),
    ("portal:open_data", "code"): _column("SELECT DISTINCT county_code FROM portal_publishedtable"),
    ("portal:download", "code"): _column("SELECT code FROM portal_publishedfile"),
}


class UnknownParameter(Exception):
    """A public address takes a parameter for which ``VALUES`` has no entry."""


@dataclass
class Visit:
    """How much was seen, and what should not have been."""

    pages: int
    hits: list[Hit]


def crawl(client: Client, scanner: Scanner, urlconf: str = "config.urls_public", most: int = 0) -> Visit:
    """Scan every page, error page, file, header, cookie and linked address, and every published row.

    ``most`` bounds the values tried per address (0: all).
    """
    hits: list[Hit] = []
    seen: set[str] = set()
    queue = [path for address in addresses(urlconf) for path in paths(address, urlconf, most)]
    queue += ["/no/such/page", "/robots.txt", "/sitemap.xml", "/static/nothing.js", "/counties/%00"]
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        for language in LANGUAGES:
            found, links = visit(client, scanner, path, language)
            hits += found
            queue += [link for link in links if link not in seen and not (most and "?" in link)]
    return Visit(len(seen) * len(LANGUAGES), hits + stored(scanner))


def paths(address: Address, urlconf: str, most: int = 0) -> Iterator[str]:
    """The address with every value of its parameters, and with one that leads nowhere."""
    lists = []
    for parameter in address.parameters:
        if (address.name, parameter) not in VALUES:
            raise UnknownParameter(f"{address.name} takes {parameter}: say in VALUES what may stand there")
        values = VALUES[address.name, parameter]()
        lists.append([*(values[:most] if most else values), UNKNOWN])
    for values in product(*lists):
        yield reverse(address.name, urlconf, kwargs=dict(zip(address.parameters, values, strict=True)))


def visit(client: Client, scanner: Scanner, path: str, language: str) -> tuple[list[Hit], list[str]]:
    """One page by GET and by an empty POST: content, headers, cookies, and the links it has."""
    hits: list[Hit] = scanner.scan_text(f"{path} address", path)
    links: list[str] = []
    for ask in (client.get, client.post):
        response = ask(path, headers={"accept-language": language}, HTTP_HOST="localhost")
        if response.status_code >= 500:
            raise AssertionError(f"{path} answers {response.status_code}")
        kind = response.get("Content-Type", "")
        content = b"".join(response.streaming_content) if response.streaming else response.content
        hits += scanner.scan(path, content, kind)
        for name, value in response.items():
            hits += scanner.scan_text(f"{path} header {name}", f"{name}: {value}")
        for cookie in response.cookies.values():
            hits += scanner.scan_text(f"{path} cookie", cookie.OutputString())
        if "html" in kind:
            links += list(own_links(path, content.decode()))
    return hits, links


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if k in ("href", "src", "action", "hx-get", "data-url") and v]


def own_links(path: str, text: str) -> Iterator[str]:
    """Links that stay in the public zone, static files left out."""
    parser = _Links()
    parser.feed(text)
    for link in parser.found:
        parts = urlsplit(urljoin(f"http://localhost{path}", link))
        if parts.netloc == "localhost" and not parts.path.startswith("/static/"):
            yield parts.path + (f"?{parts.query}" if parts.query else "")


def stored(scanner: Scanner) -> list[Hit]:
    """Every published row as it is stored, and every published file: no page may be its only mask."""
    hits: list[Hit] = []
    with connection.cursor() as cursor:
        for model in PUBLISHED:
            table = model._meta.db_table
            cursor.execute(f"SELECT (to_jsonb(t) - 'content')::text FROM {table} t")
            for at, (text,) in enumerate(cursor.fetchall()):
                hits += scanner.scan(f"{table}[{at}]", text.encode(), "application/json")
    for file in PublishedFile.objects.iterator():
        hits += scanner.scan(f"file {file.name}", bytes(file.content), file.media_type)
    return hits
