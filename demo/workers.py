"""Processes of our own beside this one: each with Django set up and a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

import django

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many processes are worth starting; half of the work is done by the database's."""
    return min(4, len(os.sched_getaffinity(0)))


def ready(database: str | None) -> None:
    """Set up a new process. ``database``: the clone to which a bench or test has turned its connection."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if database is not None:
        from tests.databases import point_at  # noqa: PLC0415 - only benches and tests have clones

        point_at(database, "app")


def in_processes(
    work: Callable[[T], R], portions: Sequence[T], database: str | None = None
) -> Iterator[tuple[T, R]]:
    """Do ``work`` for each portion, the first ones first; yields (portion, result) as they are done.

    What a portion raises is raised here, after the portions under way have ended.
    """
    pool = ProcessPoolExecutor(
        cores(), mp_context=get_context("spawn"), initializer=ready, initargs=(database,)
    )
    with pool:
        waiting = {pool.submit(work, portion): portion for portion in portions}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
