"""Compile every ``django.po`` of the project to ``django.mo`` with Babel (no gettext tools needed)."""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def catalogues() -> list[Path]:
    """The project's own catalogues."""
    own = [*ROOT.glob("locale/*/LC_MESSAGES/*.po"), *ROOT.glob("yuchang/*/locale/*/LC_MESSAGES/*.po")]
    return sorted(own)


def main() -> None:
    """Compile what is newer than its result, or name the file that cannot be read.

    After an installation nothing is left to do, so that an account that may not write there can upgrade.
    """
    for path in catalogues():
        made = path.with_suffix(".mo")
        if made.exists() and made.stat().st_mtime_ns > path.stat().st_mtime_ns:
            continue
        try:
            with path.open("rb") as source:
                catalogue = read_po(source, locale=path.parts[-3], abort_invalid=True)
        except Exception as error:
            sys.stderr.write(f"{path.relative_to(ROOT)}: {error}\n")
            raise SystemExit(1) from error
        with made.open("wb") as target:
            write_mo(target, catalogue)


if __name__ == "__main__":
    main()
