"""Pure work on a long list, on every core: forked children take turns with this process."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")
R = TypeVar("R")
MOST = 4


def side_by_side(
    work: Callable[[T], R], items: Sequence[T], *, chunk: int = 500, workers: int | None = None
) -> Iterator[R]:
    """``work(item)`` of every item, in order; chunk by chunk by this process and its children in turn.

    Children see the memory of this moment, so ``work`` may lean on anything already read. It must not
    write and should not ask the database: a child that does opens a connection of its own. Results
    are pickled. What a child raises is raised here; a child that dies is an EOFError.
    """
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), MOST) if hasattr(os, "fork") else 1
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    children = [_Child(work, chunks[turn::workers]) for turn in range(1, min(workers, len(chunks)))]
    try:
        for turn, share in zip(count(), chunks, strict=False):
            child = turn % workers
            yield from children[child - 1].receive() if child else map(work, share)
    finally:
        for one in children:
            one.stop()


class _Child:
    """A forked process that works through its chunks and sends each as it is done."""

    def __init__(self, work: Callable[[Any], Any], chunks: Sequence[Sequence[Any]]) -> None:
        fork = multiprocessing.get_context("fork")
        self._results, sending = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_work, args=(work, chunks, sending), daemon=True)
        self._process.start()
        sending.close()

    def receive(self) -> list[Any]:
        """The results of the next chunk. Raises what the child raised."""
        found, error = self._results.recv()
        if error is not None:
            raise error
        return list(found)

    def stop(self) -> None:
        self._results.close()
        self._process.terminate()
        self._process.join()


def _work(work: Callable[[Any], Any], chunks: Sequence[Sequence[Any]], sending: Connection) -> None:
    for connection in connections.all(initialized_only=True):
        connection.connection = None  # the parent's; forgotten here, not closed
    try:
        for chunk in chunks:
            sending.send(([work(item) for item in chunk], None))
    except BrokenPipeError:
        return  # nobody listens any more
    except Exception as error:  # noqa: BLE001 - raised again by the parent
        sending.send(((), error))
