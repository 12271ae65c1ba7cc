"""No page asks the outside for anything, and none carries script or style of its own."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT, templates

OUTSIDE = re.compile(r"""(?:src|href|action|url\()\s*=?\s*["'(]?\s*(?:https?:)?//""", re.I)
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\sstyle=|\son[a-z]+=|<style\b|javascript:", re.I
)


@pytest.mark.parametrize("path", templates(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_template_has_no_outside_address_and_nothing_inline(path) -> None:
    text = path.read_text()
    assert not OUTSIDE.search(text), f"{path}: an address outside this server"
    assert not INLINE.search(text), f"{path}: inline script or style ({INLINE.search(text).group(0)})"


def test_our_own_scripts_and_styles_name_no_other_server() -> None:
    for path in [*(ROOT / "static").rglob("*.js"), *(ROOT / "static").rglob("*.css")]:
        text = re.sub(r"https?://www\.w3\.org/[\w/.]+", "", path.read_text())
        assert not re.search(r"https?://", text), path


def test_every_template_that_is_a_page_extends_a_base() -> None:
    for path in templates():
        text = path.read_text()
        if "<html" in text:
            assert path.name in {
                "base.html",
                "500.html",
                "print.html",
                "public_base.html",
                "wall.html",
                "phone.html",
            }, path
