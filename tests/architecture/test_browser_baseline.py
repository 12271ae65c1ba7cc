"""Our own pages use nothing newer than the stated baseline: Chromium 86 (docs/howto/browsers.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

# Feature, since which Chromium, how it looks.
NEWER_CSS = (
    (":has()", 105, r":has\("),
    ("cascade layers", 99, r"@layer\b"),
    ("container queries", 105, r"@container\b|container-type\s*:"),
    ("nesting", 112, r"(^|[{;])\s*&[\s.:#>]"),
    ("color-mix()", 111, r"color-mix\("),
    ("oklch(), lab()", 111, r"\b(oklch|oklab|lch|lab)\("),
    ("subgrid", 117, r"\bsubgrid\b"),
    (":is(), :where()", 88, r":(is|where)\("),
    ("aspect-ratio", 88, r"[{;\s]aspect-ratio\s*:"),
    ("inset:", 87, r"[{;]\s*inset\s*:"),
    ("dynamic viewport units", 108, r"\d(dvh|svh|lvh|dvw)\b"),
    ("text-wrap: balance", 114, r"text-wrap\s*:\s*balance"),
    ("media ranges", 104, r"@media[^{]*\([^)]*[<>]=?"),
    ("selector list in :not()", 88, r":not\([^()]*,[^()]*\)"),
    ("overflow: clip", 90, r"overflow(-[xy])?\s*:\s*clip"),
)
NEWER_JS = (
    (".at()", 92, r"\.at\("),
    ("structuredClone", 98, r"\bstructuredClone\("),
    ("Object.hasOwn", 93, r"\bObject\.hasOwn\("),
    ("findLast()", 97, r"\.findLast(Index)?\("),
    ("toSorted() and its like", 110, r"\.(toSorted|toReversed|toSpliced|with)\("),
    ("groupBy", 117, r"\b(Object|Map)\.groupBy\("),
    ("replaceAll is from 85, but not in older WeChat", 85, r"\.replaceAll\("),
    ("class fields that are private methods", 84, r"^\s*#\w+\s*\("),
    ("static blocks", 94, r"\bstatic\s*\{"),
    ("top-level await", 89, r"^await\s"),
    ("Array.fromAsync", 121, r"Array\.fromAsync"),
    ("Promise.withResolvers", 119, r"Promise\.withResolvers"),
    ("import attributes", 123, r"\bwith\s*\{\s*type:"),
    ("crypto.randomUUID", 92, r"crypto\.randomUUID"),
    ("popover", 114, r"\.(showPopover|togglePopover)\("),
    ("view transitions", 111, r"startViewTransition"),
    ("lookbehind, missing in older Safari", 62, r"\(\?<[=!]"),
    ("regular expressions with /v", 112, r"/[a-z]*v[a-z]*\.test"),
    ("error cause", 93, r"\{\s*cause\s*[:}]"),
)


def own(kind: str) -> list[Path]:
    return sorted((ROOT / "static" / kind).rglob(f"*.{kind}"))


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*$", "", text, flags=re.S | re.M)


@pytest.mark.parametrize(("kind", "newer"), [("css", NEWER_CSS), ("js", NEWER_JS)])
def test_our_own_files_use_nothing_newer_than_the_baseline(
    kind: str, newer: tuple[tuple[str, int, str], ...]
) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name} (Chromium {since}): {hit.group(0).strip()!r}"
        for path in own(kind)
        for name, since, pattern in newer
        for hit in re.finditer(pattern, without_comments(path.read_text()), re.M)
    ]
    assert own(kind)
    assert not found, found


def test_no_template_needs_a_newer_element() -> None:
    newer = re.compile(r"<(dialog|search)\b|\b(popover|inert)(=|>|\s)")
    pages = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("yuchang/*/templates/**/*.html")]
    found = [str(p.relative_to(ROOT)) for p in pages if newer.search(re.sub(r"{%.*?%}", "", p.read_text()))]
    assert not found, found
