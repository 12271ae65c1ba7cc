"""How many planted mistakes the tests notice: one operator, bound or constant of a rule changed at a time.

``python -m tests.mutants`` prints, for each module of rules and checkers, how many mistakes were planted and
which of them no test noticed (mutation testing; DeMillo, Lipton and Sayward, 1978). A mistake that changes
no result at all cannot be noticed: whoever reads the list decides. Each lives in a process of its own.
"""

from __future__ import annotations

import ast
import copy
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 60
"""Seconds after which a mistake that never ends counts as noticed."""

TESTS = {
    "yuchang/market/rules.py": ["yuchang/market/tests/test_rules.py"],
    "yuchang/core/merkle.py": ["yuchang/core/tests/test_merkle.py"],
    "yuchang/procedures/rules/calendar.py": ["yuchang/procedures/tests/test_calendar.py"],
    "yuchang/procedures/rules/samples.py": ["yuchang/procedures/tests/test_samples.py"],
    "yuchang/exchange/clearing/checker.py": ["yuchang/exchange/tests/test_clearing.py"],
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
}  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """One planted mistake: where it stands, and the module with it."""

    line: int
    change: str
    tree: ast.Module


def changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """(what changes, how) for one node of a syntax tree."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        other = COMPARED[type(node.ops[0])]
        yield (
            f"{type(node.ops[0]).__name__} → {other.__name__}",
            lambda n: setattr(n, "ops", [other(), *n.ops[1:]]),
        )  # type: ignore[attr-defined]
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        made = COUNTED[type(node.op)]
        yield f"{type(node.op).__name__} → {made.__name__}", lambda n: setattr(n, "op", made())
    elif isinstance(node, ast.BoolOp):
        turned = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"→ {turned.__name__}", lambda n: setattr(n, "op", turned())
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        value = node.value + 1
        yield f"{node.value} → {value}", lambda n: setattr(n, "value", value)


def mistakes(source: str) -> Iterator[Mistake]:
    """Every module that differs from ``source`` in one place. Annotations and defaults of fields are left."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change, make in changes(node):
            changed = copy.deepcopy(tree)
            make(list(ast.walk(changed))[number])
            yield Mistake(getattr(node, "lineno", 0), change, ast.fix_missing_locations(changed))


def is_noticed(path: str, mistake: Mistake, tests: list[str]) -> bool:
    """Whether a test fails with the mistake in the module. Runs in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(_try(path, mistake, tests))
    _pid, status = os.waitpid(child, 0)
    return status != 0


def _try(path: str, mistake: Mistake, tests: list[str]) -> int:
    """0 when all tests pass."""
    signal.alarm(LONGEST)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        exec(compile(mistake.tree, path, "exec"), module.__dict__)
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not nightly", *tests]))
    except BaseException:  # noqa: BLE001 - whatever breaks is noticed
        return 1


def main(paths: list[str]) -> int:
    """Returns how many mistakes nobody noticed."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    left = 0
    for path in paths or TESTS:
        planted = list(mistakes((ROOT / path).read_text()))
        unnoticed = [m for m in planted if not is_noticed(path, m, TESTS[path])]
        left += len(unnoticed)
        sys.stdout.write(f"{path}: {len(planted) - len(unnoticed)} of {len(planted)} noticed\n")
        for mistake in unnoticed:
            sys.stdout.write(f"  line {mistake.line}: {mistake.change}\n")
        sys.stdout.flush()
    return left


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
