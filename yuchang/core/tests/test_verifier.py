"""The standalone verifier names the first bad entry after every attack on the log."""

import ast
import base64
import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.environment import ROOT
from yuchang.core import sequencer
from yuchang.core.tests.exports import Export, checkpoint_lines, entry

SIZE = 13


@pytest.fixture
def log():
    return Export.made((3, 1, 4, 5))


def test_a_true_log_is_good(log, tmp_path):
    assert log.first_bad(tmp_path) is None
    assert log.first_bad(tmp_path, trusted=log.write(tmp_path / "kept")) is None


def test_an_edited_entry_is_named(log, tmp_path):
    log.entries[5]["body"] = log.entries[5]["body"].replace("王专员", "李村干")
    assert log.first_bad(tmp_path) == 5


def test_an_edited_entry_with_recomputed_hashes_is_named(log, tmp_path):
    log.forge(5)
    assert log.first_bad(tmp_path) == 5


def test_a_search_column_that_contradicts_the_signed_text_is_named(log, tmp_path):
    log.entries[6]["columns"]["actor"] = "李村干"
    assert log.first_bad(tmp_path) == 6


def test_a_deleted_entry_is_named(log, tmp_path):
    del log.entries[4]
    assert log.first_bad(tmp_path) == 4
    log.renumber()
    assert log.first_bad(tmp_path) == 4


def test_an_entry_whose_text_is_gone_is_named(log, tmp_path):
    log.entries[4].update(body=None, columns={})
    assert log.first_bad(tmp_path) == 4


def test_an_inserted_entry_is_named(log, tmp_path):
    log.entries.insert(7, entry(7, "new", 999))
    log.renumber()
    assert log.first_bad(tmp_path) == 7


def test_an_entry_added_at_the_end_is_named(log, tmp_path):
    log.entries.append(entry(SIZE))
    assert log.first_bad(tmp_path) == SIZE


def test_reordered_entries_are_named(log, tmp_path):
    log.entries[2], log.entries[9] = log.entries[9], log.entries[2]
    log.renumber()
    assert log.first_bad(tmp_path) == 2


def test_a_log_cut_short_is_named(log, tmp_path):
    del log.entries[10:]
    assert log.first_bad(tmp_path) == 10


def test_a_log_cut_with_its_checkpoints_is_named_by_what_was_kept(log, tmp_path):
    kept = log.copy().write(tmp_path / "kept")
    del log.entries[8:], log.checkpoints[3:]
    assert log.first_bad(tmp_path / "cut") is None
    assert log.first_bad(tmp_path / "cut", trusted=kept) == 8
    assert log.first_bad(tmp_path / "cut", trusted=kept / "checkpoints.jsonl") == 8


def test_a_fork_signed_with_the_true_key_is_named_by_what_was_kept(log, tmp_path):
    kept = log.copy().write(tmp_path / "kept")
    log.forge(6)
    log.checkpoints = checkpoint_lines(log.entries, (5, 8))
    assert log.first_bad(tmp_path / "fork") is None
    assert log.first_bad(tmp_path / "fork", trusted=kept) == 6


def test_a_fork_is_found_from_a_single_kept_checkpoint(log, tmp_path):
    kept = tmp_path / "one.jsonl"
    kept.write_text(json.dumps(log.checkpoints[2]) + "\n")
    log.forge(1)
    log.checkpoints = checkpoint_lines(log.entries, (5, 8))
    assert log.first_bad(tmp_path / "fork", trusted=kept) == 0


def test_a_log_of_another_key_is_refused(log, tmp_path):
    key = tmp_path / "true_key.txt"
    key.write_text(log.key)
    forger = sequencer._signer("the forger's own")
    log.key = forger.public_raw.hex()
    for line in log.checkpoints:
        line["signature"] = forger.sign(line["body"]).hex()
    assert log.first_bad(tmp_path / "export") is None
    assert log.first_bad(tmp_path / "export", key=key) == 0


def test_a_checkpoint_taken_out_is_named(log, tmp_path):
    del log.checkpoints[1]
    assert log.first_bad(tmp_path) == 3


def test_an_attacker_who_also_destroys_the_signed_list_is_named_within_its_batch(log, tmp_path):
    kept = log.copy().write(tmp_path / "kept")
    log.forge(6)
    leaves = bytearray(base64.b64decode(log.checkpoints[2]["leaves"]))
    leaves[64:96] = bytes.fromhex(log.entries[6]["leaf"])
    log.checkpoints[2]["leaves"] = base64.b64encode(leaves).decode()
    assert log.first_bad(tmp_path / "bad") == 4
    assert log.first_bad(tmp_path / "bad", trusted=kept) == 6


def test_a_re_signed_looking_checkpoint_without_the_key_is_named(log, tmp_path):
    log.forge(6)
    genuine = log.checkpoints
    log.checkpoints = checkpoint_lines(log.entries, (3, 1, 4, 5))
    for line, true in zip(log.checkpoints, genuine, strict=True):
        line["signature"] = true["signature"]
    assert log.first_bad(tmp_path) == 4


@st.composite
def attacks(draw):
    """(what to do to the export, the first bad entry)."""
    seq = draw(st.integers(0, SIZE - 1))
    word = draw(st.text(min_size=1, max_size=5, alphabet="abc甲乙"))
    other = draw(st.integers(0, SIZE - 1).filter(lambda x: x != seq))

    def swap(e):
        e.entries[seq], e.entries[other] = e.entries[other], e.entries[seq]

    def cut(e):
        del e.entries[seq:]

    return draw(
        st.sampled_from(
            [
                (lambda e: e.forge(seq, word), seq),
                (lambda e: e.entries.pop(seq), seq),
                (lambda e: e.entries.insert(seq, entry(seq, word, 999)), seq),
                (swap, min(seq, other)),
                (cut, seq),
                (lambda e: e.entries.__setitem__(seq, e.entries[other]), seq),
            ]
        )
    ), draw(st.booleans())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(attacks())
def test_any_tampering_is_found_at_the_first_bad_entry(tmp_path, attack):
    (spoil, expected), is_renumbered = attack
    log = Export.made((3, 1, 4, 5))
    log.entries = [dict(line) for line in log.entries]
    spoil(log)
    if is_renumbered:
        log.entries = [line | {"seq": seq} for seq, line in enumerate(log.entries)]
    assert log.first_bad(tmp_path) == expected


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["entries.jsonl", "checkpoints.jsonl"]), st.floats(0, 1, exclude_max=True), st.binary()
)
def test_no_change_of_a_byte_is_taken_for_good_unless_it_says_the_same(tmp_path, name, where, dirt):
    folder = Export.made((3, 1, 4, 5)).write(tmp_path)
    true = (folder / name).read_bytes()
    at = int(where * len(true))
    false = true[:at] + dirt + true[at + len(dirt) :]
    (folder / name).write_bytes(false)
    code = run_verifier(folder)
    if code == 0:
        assert parsed(false) == parsed(true)


def parsed(text):
    lines = [json.loads(line) for line in text.decode().splitlines()]
    # The number in the database is no part of the log.
    return [{k: v for k, v in line.items() if k != "id"} for line in lines]


def run_verifier(folder):
    from yuchang.core.tests.exports import verifier

    return verifier.main([str(folder)])


def test_it_runs_without_the_server_and_says_what_it_found(log, tmp_path):
    def run(*arguments):
        command = [sys.executable, str(ROOT / "tools" / "verify_audit.py"), *map(str, arguments)]
        environment = {"PATH": os.environ["PATH"]}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = run(log.write(tmp_path / "true"))
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "GOOD: 13 entries")
    log.forge(5)
    done = run(log.write(tmp_path / "false"))
    assert done.returncode == 1
    assert "[first bad entry: 5]" in done.stdout
    assert run(tmp_path / "nothing").returncode == 2


def test_it_imports_nothing_of_ours():
    tree = ast.parse((ROOT / "tools" / "verify_audit.py").read_text())
    names = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
