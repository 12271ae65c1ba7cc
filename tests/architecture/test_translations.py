"""English is a full second language: every Chinese string of a page or message has its English."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.utils.translation import ngettext, npgettext, override

from tests.architecture.sources import DOMAINS, ROOT, python_files, templates

CHINESE = re.compile(r"[\u3400-\u9fff]")
TRANSLATE = re.compile(r"""{%\s*(?:translate|trans)\s+(?:"([^"]+)"|'([^']+)')""")
IN_FILTER = re.compile(r"""_\(\s*(?:"([^"]+)"|'([^']+)')\s*\)""")
BLOCK = re.compile(r"{%\s*blocktrans(?:late)?\b([^%]*)%}(.*?){%\s*endblocktrans(?:late)?\s*%}", re.S)
GETTEXT = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ours", "pgettext", "said"}


def strings_of_template(path: Path) -> set[str]:
    """The message ids that a template asks for."""
    text = path.read_text()
    found = {a or b for a, b in TRANSLATE.findall(text)} | {a or b for a, b in IN_FILTER.findall(text)}
    for options, body in BLOCK.findall(text):
        for part in re.split(r"{%\s*plural\s*%}", body):
            message = re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", part)
            if "trimmed" in options:
                message = " ".join(line.strip() for line in message.strip().splitlines())
            found.add(message)
    return found


def strings_of_module(path: Path) -> set[str]:
    """The message ids in ``_("…")`` calls of a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in GETTEXT and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
    return found


def english() -> dict[str, str]:
    """Every translated message of the project's catalogues."""
    known: dict[str, str] = {}
    for path in [
        *ROOT.glob("locale/en/LC_MESSAGES/*.po"),
        *ROOT.glob("yuchang/*/locale/en/LC_MESSAGES/*.po"),
    ]:
        with path.open("rb") as source:
            for message in read_po(source, locale="en"):
                identity = message.id if isinstance(message.id, str) else message.id[0]
                text = message.string if isinstance(message.string, str) else message.string[0]
                if identity and text and "fuzzy" not in message.flags:
                    known[identity] = text
    return known


@pytest.mark.parametrize("domain", [d.name for d in DOMAINS] + ["templates"])
def test_every_chinese_string_has_its_english(domain: str) -> None:
    wanted: set[str] = set()
    for path in templates():
        if domain in path.relative_to(ROOT).parts[: 2 if domain != "templates" else 1]:
            wanted |= strings_of_template(path)
    for path in python_files():
        if domain in path.relative_to(ROOT).parts[:2]:
            wanted |= strings_of_module(path)
    known = english()
    missing = sorted(w for w in wanted if CHINESE.search(w) and w not in known)
    assert not missing, f"{len(missing)} without English: {missing[:10]}"


def test_no_page_has_chinese_outside_a_translation() -> None:
    loose = []
    for path in templates():
        text = re.sub(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}", "", path.read_text(), flags=re.S)
        text = BLOCK.sub("", text)
        text = re.sub(r"{%.*?%}|{{.*?}}", "", text, flags=re.S)
        text = text.replace("渔场", "").replace("中文", "")
        if CHINESE.search(text):
            loose.append(f"{path.relative_to(ROOT)}: {CHINESE.search(text).group(0)}")
    assert not loose, loose


def counted_in_templates() -> set[tuple[str, str]]:
    """(context, message id) that templates ask for by a number: ``{% plural %}`` stands in them."""
    found = set()
    for path in templates():
        for options, body in BLOCK.findall(path.read_text()):
            if len(parts := re.split(r"{%\s*plural\s*%}", body)) > 1:
                context = re.search(r'context "(\w+)"', options)
                message = re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", parts[0]).strip()
                found.add((context[1] if context else "", message))
    return found


def counted_in_modules() -> set[tuple[str, str]]:
    """Those of ``ngettext`` in the code."""
    return {
        ("", node.args[0].value)
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "").startswith("ngettext")
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


def many(context: str, text: str) -> str:
    return npgettext(context, text, text, 5) if context else ngettext(text, text, 5)


def test_what_is_asked_for_by_a_number_has_an_english_for_one_and_for_many() -> None:
    """Without, Django shows the Chinese: a plain entry of the same words is another one to it."""
    with override("en"):
        wanted = sorted(counted_in_templates() | counted_in_modules())
        chinese = [text for where, text in wanted if CHINESE.search(many(where, text))]
    assert len(wanted) > 5
    assert not chinese, chinese


def test_one_chinese_text_has_one_english_wherever_it_stands() -> None:
    """Django shows the first app's words for all of them: another app's would never be seen."""
    known: dict[tuple[Any, Any], set[str]] = {}
    for path in [*ROOT.glob("locale/en/**/*.po"), *ROOT.glob("yuchang/*/locale/en/**/*.po")]:
        with path.open("rb") as source:
            for message in read_po(source, locale="en"):
                if isinstance(message.id, str) and message.id and isinstance(message.string, str):
                    known.setdefault((message.context, message.id), set()).add(message.string)
    twice = {text: sorted(words) for (_context, text), words in known.items() if len(words) > 1}
    assert not twice, twice
