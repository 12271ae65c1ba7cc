"""What the supervisor says, in Chinese and English, and the error it stops with."""

from __future__ import annotations

from dataclasses import dataclass


class Trouble(Exception):
    """Something an operator must mend: what is wrong and what to do, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@dataclass(frozen=True)
class Finding:
    """One sentence of ``doctor``. ``level``: ``good``, ``note`` or ``bad``."""

    level: str
    zh: str
    en: str


def say(zh: str, en: str, mark: str = "·") -> None:
    """A sentence to the operator, in both languages."""
    print(f"{mark} {zh}" if zh == en else f"{mark} {zh}\n  {en}", flush=True)
