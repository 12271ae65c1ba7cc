"""One line per stage on the terminal: a bar while it runs, then its seconds and what came of it."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 24


class Line:
    """The line of one stage. ``step`` may be called as often as one likes; it draws ten times a second."""

    def __init__(self, number: int, total: int, title: str, out: TextIO | None = None) -> None:
        self.head = f"[{number:2d}/{total}] {title}"
        self.out = out or sys.stderr
        self.started = time.monotonic()
        self.drawn = 0.0
        self.is_live = self.out.isatty()
        if self.is_live:
            self.step(0, 0)

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self.started

    def step(self, done: int, total: int) -> None:
        """Draw the bar at ``done`` of ``total`` (0 of 0: under way, length unknown)."""
        if not self.is_live or (time.monotonic() - self.drawn < 0.1 and done < total):
            return
        self.drawn = time.monotonic()
        filled = WIDTH * done // total if total else 0
        bar = "█" * filled + "░" * (WIDTH - filled)
        share = f"{100 * done // total:3d}%" if total else "  …"
        self.out.write(f"\r{self.head} {bar} {share} {self.seconds:5.1f} s\x1b[K")
        self.out.flush()

    def done(self, result: str) -> None:
        """The stage is done: its seconds and what came of it."""
        start = "\r" if self.is_live else ""
        end = "\x1b[K\n" if self.is_live else "\n"
        self.out.write(f"{start}✓ {self.head} {self.seconds:.1f} s  {result}{end}")
        self.out.flush()

    def skipped(self) -> None:
        """The stage was done in an earlier run."""
        self.out.write(f"{chr(13) if self.is_live else ''}· {self.head} 已完成,跳过\n")
        self.out.flush()
