"""Numbers that grow are written in groups of three on every page, and money in yuan."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, templates

# What counts people, papers or goods is called so in the templates; a rank or a share is not among them.
FIGURES = (
    "agreed|blobs|cap|changed|committed|count|done|due_counts\\.\\w+|fulfilled|harvested|households|left|"
    "lost|met|more|notices|opened|population|postings|poverty_counties|proposed|quantity|registrations|rounds|rows|"
    "sent|soon|sold|total|unknown|unsold|villages|waiting"
)
FIGURE = rf"(?:\w+\.)*(?:(?!days_)\w+_)?(?:{FIGURES})"
SHOWN = re.compile(rf"{{{{\s*({FIGURE}|(?:\w+\.)*\w*_fen)(?:\|default\w*:[^}}|]*)?\s*}}}}")
GIVEN = re.compile(rf"\b\w+=({FIGURE}|(?:\w+\.)*\w*_fen)(?=[\s%])")
BLOCK = re.compile(r"{%\s*blocktrans(?:late)?\b(.*?)%}(.*?){%\s*endblocktrans", re.S)
ATTRIBUTE = re.compile(r'\s(?!title|aria-label|placeholder)[\w-]+="[^"]*"')


def loose_numbers(text: str) -> set[str]:
    """What a template shows as the program writes it: figures without a filter, outside of attributes."""
    found: set[str] = set()
    for options, body in BLOCK.findall(text):
        counter = re.search(r"(?<!\|)\bcount\s+(\w+)=", options)
        inside = {name for name in re.findall(r"{{\s*(\w+)\s*}}", body)}
        options = (
            re.sub(r"(?<!\|)\bcount\s+\w+=\S+", "", options)
            if counter and counter[1] not in inside
            else options
        )
        found |= set(GIVEN.findall(options))
    outside = BLOCK.sub(lambda block: f"{{% endblocktrans{_unnamed(block[1], block[2])}", text)
    return found | set(SHOWN.findall(ATTRIBUTE.sub(" ", outside)))


def _unnamed(options: str, body: str) -> str:
    """The text of a block without what its options name: those were looked at."""
    for name in re.findall(r"(\w+)=", options):
        body = re.sub(rf"{{{{\s*{name}\s*}}}}", "", body)
    return body


def test_what_is_loose_is_found_and_what_is_grouped_is_not() -> None:
    assert loose_numbers("<td>{{ row.quantity }} kg</td>") == {"row.quantity"}
    assert loose_numbers("<td>{{ row.paid_fen }}</td>") == {"row.paid_fen"}
    assert loose_numbers("{% blocktranslate with n=run.households trimmed %}{{ n }}{% endblocktranslate %}")
    assert loose_numbers("{% blocktranslate trimmed %}{{ left }}{% endblocktranslate %}") == {"left"}
    fine = '<td data-n="{{ row.quantity }}">{{ row.quantity|count }} {{ row.paid_fen|yuan }}</td>'
    assert not loose_numbers(fine + "{% blocktranslate with n=a.count|count %}{{ n }}{% endblocktranslate %}")


def test_no_page_shows_a_large_number_in_one_piece() -> None:
    loose = {str(path.relative_to(ROOT)): loose_numbers(path.read_text()) for path in templates()}
    assert not {path: sorted(names) for path, names in loose.items() if names}
