"""Documents lead somewhere: every link, every picture, every page and file they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import Resolver404, resolve

from tests.architecture.sources import ROOT
from yuchang.accounts.rules import Role

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
NAMED = re.compile(r"`((?:yuchang|tests|tools|docs|deploy|bench|reference|policies|config)/[\w./-]+\.\w+)`")
PAGE = re.compile(
    r"`(/(?:accounts|procedures|sheets|registry|partners|exchange|market|publication|messages)/[\w/-]*)`"
)
OPERATORS_OWN = {"policies/local.yaml"}
# Trainers and platform operators only read so far.
HOWTO = {
    Role.VILLAGE_CADRE: "village", Role.WORK_TEAM: "village", Role.HELPER: "village",
    Role.TOWNSHIP_REVIEWER: "township", Role.COUNTY_OFFICER: "county",
    Role.PREFECTURE_OFFICER: "region", Role.PROVINCE_OFFICER: "region", Role.PARTNER: "partner",
    Role.BANK_OFFICER: "bank", Role.EVALUATOR: "evaluator", Role.AUDITOR: "auditor", Role.HOUSEHOLD: "household",
    Role.SYSTEM_ADMINISTRATOR: "administrators", Role.SECURITY_ADMINISTRATOR: "administrators",
    Role.AUDIT_ADMINISTRATOR: "administrators",
}  # fmt: skip


def documents() -> Iterator[tuple[Path, str]]:
    for path in sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    ):
        yield path, path.read_text()


def test_every_link_and_picture_leads_to_a_file() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path, text in documents()
        for target in LINK.findall(text)
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not dead


def test_every_file_that_a_document_names_exists() -> None:
    gone = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in documents()
        if path.name != "CHANGELOG.md"
        for name in NAMED.findall(text)
        if name not in OPERATORS_OWN and not (ROOT / name).exists()
    }
    assert not gone


def test_every_address_that_a_document_names_is_a_page() -> None:
    def leads(address: str) -> bool:
        for candidate in (address, f"{address}/", address.rstrip("/")):
            try:
                resolve(candidate, "config.urls")
            except Resolver404:
                continue
            return True
        return False

    lost = {f"{path.name}: {a}" for path, text in documents() for a in PAGE.findall(text) if not leads(a)}
    assert not lost


def test_every_picture_of_a_page_is_shown_somewhere() -> None:
    text = "".join(text for _path, text in documents())
    assert [p.name for p in (ROOT / "docs" / "screens").iterdir() if p.name not in text] == []


def test_every_role_of_the_screens_has_a_howto_with_a_picture() -> None:
    for role, name in HOWTO.items():
        assert "../screens/" in (ROOT / "docs" / "howto" / f"{name}.md").read_text(), role


def test_both_readmes_have_the_same_parts_links_and_commands() -> None:
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    assert english.count("\n## ") == chinese.count("\n## ")
    assert set(re.findall(r"make [a-z-]+", english)) == set(re.findall(r"make [a-z-]+", chinese))
    assert english.count("\n- **") == chinese.count("\n- **")
    assert english.count("\n| ") == chinese.count("\n| ")
    theirs = {"README.md", "README.zh-CN.md"}
    assert set(LINK.findall(english)) - theirs == set(LINK.findall(chinese)) - theirs
