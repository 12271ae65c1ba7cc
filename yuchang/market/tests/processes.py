"""Real processes with their own database connections, forked from the test."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass
class Child:
    """A running child, its answer to come, and the end of the pipe that lets it begin."""

    pid: int
    answer: int
    gate: int

    def go(self) -> None:
        """Let it begin."""
        os.write(self.gate, b"!")
        os.close(self.gate)

    def wait(self) -> Any:
        """Its answer; None when it was killed."""
        with os.fdopen(self.answer) as pipe:
            text = pipe.read()
        os.waitpid(self.pid, 0)
        return json.loads(text) if text else None


def fork(call: Callable[[], Any]) -> Child:
    """Run ``call`` in a child process once ``go`` is called; the answer must be JSON."""
    answer, child_answer = os.pipe()
    child_gate, gate = os.pipe()
    pid = os.fork()
    if pid:
        os.close(child_answer)
        os.close(child_gate)
        return Child(pid, answer, gate)
    try:
        # The parent's connection is left alone: psycopg closes only what its own process opened.
        connection.connection = None
        connection.in_atomic_block = False
        os.read(child_gate, 1)
        os.write(child_answer, json.dumps(call()).encode())
    except BaseException:  # noqa: BLE001 - nothing of the child may run on into the parent's test run
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(0)


def in_processes(*calls: Callable[[], Any]) -> list[Any]:
    """Run all calls at the same time, each in a process of its own; their answers."""
    children = [fork(call) for call in calls]
    for child in children:
        child.go()
    return [child.wait() for child in children]
