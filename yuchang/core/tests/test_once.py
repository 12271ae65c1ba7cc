"""Within one request a question is asked once, and again after a write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import people
from yuchang.core.actions import write
from yuchang.core.once import forget, once, remembering


def counting() -> tuple[list[int], Callable[[], int]]:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    return asked, ask


def test_a_question_is_asked_once_inside_and_every_time_outside() -> None:
    asked, ask = counting()
    assert (once("a", ask), once("a", ask)) == (1, 2)
    with remembering():
        assert (once("a", ask), once("a", ask), once("b", ask)) == (3, 3, 4)
        forget()
        assert once("a", ask) == 5
    assert once("a", ask) == 6 and len(asked) == 6


@pytest.mark.django_db
def test_a_write_forgets_every_answer_even_when_it_fails() -> None:
    _asked, ask = counting()
    actor = people.wang().actor
    with remembering():
        assert once("a", ask) == 1
        with write("test.note", actor) as audit:
            audit.add("test", 1)
        assert once("a", ask) == 2
        with pytest.raises(RuntimeError), write("test.nothing", actor):
            pass
        assert once("a", ask) == 3
