"""Everything that a signed log may hold has words: every action's name, every kind of thing it was done to.

The names are read out of the source, so they stand there in full: a constant, or one of a few constants.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache

import pytest

from tests.architecture.sources import ROOT, python_files
from yuchang.accounts.actions.proposals import KINDS
from yuchang.exchange.actions.deals import TASK
from yuchang.procedures.actions.definitions import DEFINITION_KIND
from yuchang.procedures.actions.samples import SAMPLE_KIND
from yuchang.procedures.actions.steps import CASE_KIND
from yuchang.procedures.actions.telling import TURN_KIND
from yuchang.workbench.queries.log import Word, words

CHINESE = re.compile(r"[\u3400-\u9fff]")
Function = ast.FunctionDef | None
# Actions and kinds that nothing writes any more; a log that holds them keeps their words.
RETIRED: set[str] = set()
# Kinds that are named by whoever calls, in these two places only.
COMPUTED = {
    "yuchang/accounts/actions/proposals.py": {f"{kind}_right" for kind in KINDS},
    "yuchang/messages/actions/sending.py": {TASK, CASE_KIND, DEFINITION_KIND, SAMPLE_KIND, TURN_KIND},
}


class Source:
    """A module, and what the names in it may stand for."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.area = name.removeprefix("yuchang/").partition("/")[0] + "."
        self.tree = ast.parse(text)
        self.calls: list[tuple[ast.Call, Function]] = list(_calls(self.tree, None))

    def texts(self, node: ast.expr, scope: Function) -> set[str]:
        """The constants that an expression may be. Raises LookupError where that cannot be said."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {node.value}
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, scope) | self.texts(node.orelse, scope)
        if isinstance(node, ast.Name):
            return self._named(node.id, scope)
        raise LookupError(f"{self.name}:{node.lineno} {ast.unparse(node)}")

    def _named(self, name: str, scope: Function) -> set[str]:
        given = [a.arg for a in scope.args.args] if scope else []
        if scope and name in given:
            places = [(c, s) for c, s in self.calls if getattr(c.func, "id", "") == scope.name]
            passed = [self.texts(c.args[given.index(name)], s) for c, s in places]
        else:
            values = list(_assigned(name, scope or self.tree)) or list(_assigned(name, self.tree))
            passed = [self.texts(value, scope) for value in values]
        if not passed:
            raise LookupError(f"{self.name}: {name}")
        return set().union(*passed)


def _calls(node: ast.AST, scope: Function) -> Iterator[tuple[ast.Call, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, scope
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else scope)


def _assigned(name: str, within: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(within):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs: Iterable[tuple[ast.expr, ast.expr]] = zip(target.elts, value.elts, strict=False)
        else:
            pairs = [(target, value)]
        yield from (v for t, v in pairs if isinstance(t, ast.Name) and t.id == name)


@cache
def sources() -> list[Source]:
    """The modules that write through actions, those of the demonstration, too."""
    paths = [*python_files(), *(p for p in (ROOT / "demo").rglob("*.py") if "tests" not in p.parts)]
    texts = {path: path.read_text() for path in paths}
    return [
        Source(str(p.relative_to(ROOT)), t) for p, t in texts.items() if re.search(r"\baudit\b|\bwrite\(", t)
    ]


def written_by(source: Source) -> set[str]:
    """The names that a module passes to ``write``."""
    found: set[str] = set()
    for call, scope in source.calls:
        called = ast.unparse(call.func)
        if called in ("write", "actions.write"):
            found |= source.texts(call.args[0], scope)
    return found


def kinds_of(source: Source) -> set[str]:
    """What the entries of a module are about."""
    found: set[str] = set()
    for call, scope in source.calls:
        called = ast.unparse(call.func)
        if called in ("audit.add", "audit.add_bulk"):
            found |= source.texts(call.args[0], scope)
        elif called == "Draft" and call.args and ast.unparse(call.args[0]) == "audit.action":
            found |= source.texts(call.args[1], scope)
    return found


def test_every_action_has_words_and_no_words_are_left_over() -> None:
    written = set().union(*map(written_by, sources()))
    known = set(words().actions)
    assert len(written) > 250
    assert not written - known, f"without words in log_words.yaml: {sorted(written - known)}"
    unused = known - written - RETIRED
    assert not unused, f"words that nothing is called by: {sorted(unused)}"


def test_every_kind_of_thing_has_words_and_no_words_are_left_over() -> None:
    used: set[tuple[str, str]] = set()
    for source in sources():
        kinds = COMPUTED.get(source.name)
        used |= {(kind, source.area) for kind in (kinds_of(source) if kinds is None else kinds)}
    known = set(words().kinds)
    missing = {(kind, area) for kind, area in used if not {(kind, area), (kind, "")} & known}
    unused = {(kind, area) for kind, area in known if not any(k == kind and area in ("", a) for k, a in used)}
    assert len(used) > 80
    assert not missing, f"without words in log_words.yaml: {sorted(missing)}"
    assert not {kind for kind, _area in unused} - RETIRED, (
        f"words that nothing is called by: {sorted(unused)}"
    )


@pytest.mark.parametrize("text", ['write(f"a.{b}", x)', "def f(n):\n    write(n, x)", "write(NAME, x)"])
def test_a_name_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(LookupError):
        written_by(Source("yuchang/x/actions.py", text))


def test_the_scan_reads_names_that_are_passed_on() -> None:
    text = "A = 'x.a'\ndef f(n):\n    write(n, 1)\ndef g(y):\n    m = 'x.b' if y else A\n    f(m)\n    f('x.c')\n"
    assert written_by(Source("yuchang/x/actions.py", text)) == {"x.a", "x.b", "x.c"}


@pytest.mark.parametrize("language", [0, 1])
def test_words_are_in_their_language_and_mean_one_thing(language: int) -> None:
    known = words()
    for named in (known.areas, known.actions, known.kinds):
        said = [pair[language] for pair in list[Word](named.values())]
        assert all(bool(CHINESE.search(word)) == (language == 0) for word in said)
        assert not {word for word in said if said.count(word) > 1}
