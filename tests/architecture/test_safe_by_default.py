"""What makes pages and connections safe is the rule, and every exception stands here."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.sources import ROOT, python_files, templates

# The only ways out of the house: one POST, its two callers by way of it, and Django's e-mail.
IMPORT = re.compile(
    r"^\s*(?:import|from)\s+"
    r"(socket|ssl|http\.client|http import client|urllib\.request|urllib import request"
    r"|urllib3|smtplib|ftplib|requests|httpx|aiohttp)\b",
    re.M,
)
MAY_CONNECT = {"yuchang/core/outbound.py": {"http.client", "ssl"}}
# Where text is declared to be markup: everything put into it is escaped there (core/tests).
MAY_MAKE_MARKUP = {"yuchang/core/templatetags/ui.py"}
MARKUP = re.compile(
    r"\b(?:mark_safe|SafeString|SafeText|SafeData|csrf_exempt|xframe_options_exempt|csp_exempt)\b"
)
UNESCAPED = re.compile(r"\{%\s*autoescape off|\|\s*safe(?:seq)?\b")
# Django's own words below a field, which no user writes.
MAY_BE_UNESCAPED = {"{{ field.help_text|safe }}"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def product() -> list[Path]:
    """The supervisor starts the servers of this machine and listens for them; it serves nobody."""
    return [path for path in python_files() if "supervisor" not in path.parts]


def lines_of(path: Path) -> set[str]:
    """The network libraries that a module imports; ``http`` by itself is a list of status words."""
    return set(IMPORT.findall(path.read_text()))


def test_one_module_only_opens_connections_to_other_machines() -> None:
    assert {relative(path): lines for path in product() if (lines := lines_of(path))} == MAY_CONNECT


def test_the_scan_finds_a_planted_connection(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "from urllib import request\ndef f():\n    import http.client as h\nfrom http import HTTPStatus\n"
    )
    assert lines_of(planted) == {"urllib import request", "http.client"}


def test_nobody_declares_text_to_be_markup_or_takes_a_page_out_of_a_protection() -> None:
    found = {relative(path) for path in product() if MARKUP.search(path.read_text())}
    assert found == MAY_MAKE_MARKUP


def test_every_template_escapes_everything() -> None:
    for path in templates():
        text = path.read_text()
        for allowed in MAY_BE_UNESCAPED:
            text = text.replace(allowed, "")
        assert not UNESCAPED.search(text), path


def test_our_scripts_put_no_text_into_a_page_as_markup() -> None:
    for path in (ROOT / "static" / "js").glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(", path.read_text()
        ), path


def test_no_form_takes_fields_that_it_does_not_name() -> None:
    """A form made from a table would take what is added to the table later: state, version, author."""
    for path in product():
        assert not re.search(
            r"\bModelForm\b|modelform_factory|fields\s*=\s*[\"']__all__[\"']", path.read_text()
        ), path
