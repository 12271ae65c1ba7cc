#!/usr/bin/env python3
"""Check an exported audit log without the server that wrote it.

    python verify_audit.py FOLDER [--key FILE] [--trusted FILE_OR_FOLDER]

Needs Python 3.11 and the package ``cryptography``, nothing of Yuchang. FOLDER holds
``entries.jsonl``, ``checkpoints.jsonl`` and ``public_key.txt`` as ``manage.py export_audit`` writes
them. ``--key`` is the public key you were given on another way; without it the export vouches for
itself. ``--trusted`` is an earlier export, or its ``checkpoints.jsonl``, that you kept: only with it
can a log that was cut short, or replaced as a whole, be told from a true one.

Exit code 0: everything fits. 1: the first bad entry is named. 2: the files cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NOTHING_BEFORE = "0" * 64


class Bad(Exception):
    """What is wrong. ``seq`` is the number of the first bad entry (0-based), if one can be named."""

    def __init__(self, message: str, seq: int | None = None) -> None:
        super().__init__(message)
        self.seq = seq


class Unusable(Exception):
    """The files are not an export."""


@dataclass(frozen=True)
class Checkpoint:
    """One signed statement about the beginning of the log."""

    line: int
    body: str
    said: dict[str, Any]
    leaves: list[bytes]
    leaves_hash: str
    signature: bytes

    @property
    def first(self) -> int:
        return int(self.said["first"])

    @property
    def size(self) -> int:
        return int(self.said["size"])

    @property
    def has_its_leaves(self) -> bool:
        """Whether the list of hashes is still the one that was signed."""
        return self.leaves_hash == self.said["leaves"] and len(self.leaves) == self.size - self.first


def node_hash(left: bytes, right: bytes) -> bytes:
    """The RFC 6962 hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The RFC 6962 tree, growing leaf by leaf."""

    def __init__(self) -> None:
        self.size = 0
        self.full: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf = node_hash(self.full.pop(), leaf)
            size >>= 1
        self.full.append(leaf)
        self.size += 1

    def root(self) -> str:
        node = self.full[-1]
        for left in reversed(self.full[:-1]):
            node = node_hash(left, node)
        return node.hex()


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file, with line numbers from 1."""
    try:
        with path.open(encoding="utf-8") as handle:
            for number, line in enumerate(handle, 1):
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError("not an object")
                yield number, value
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Bad(f"{path.name}: a line is not readable ({error})") from error


def read_checkpoints(path: Path) -> list[Checkpoint]:
    """The checkpoints in the order of the file."""
    found = []
    for number, line in read_lines(path):
        try:
            leaves = base64.b64decode(line["leaves"], validate=True)
            said = json.loads(line["body"])
            found.append(
                Checkpoint(
                    number,
                    line["body"],
                    {"first": int(said["first"]), "size": int(said["size"]), **said},
                    [leaves[i : i + 32] for i in range(0, len(leaves), 32)],
                    hashlib.sha256(leaves).hexdigest(),
                    bytes.fromhex(line["signature"]),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            raise Bad(f"checkpoint in line {number} is not readable: {error}") from error
    return found


def check_chain(checkpoints: list[Checkpoint], key: Ed25519PublicKey) -> None:
    """Each checkpoint is signed, follows the one before and leaves no gap. Raises Bad."""
    size, previous = 0, NOTHING_BEFORE
    for point in checkpoints:
        name = f"checkpoint {point.line} (entries {size} and following)"
        try:
            key.verify(point.signature, point.body.encode())
        except InvalidSignature:
            raise Bad(f"{name}: the signature is not that of the log's key", size) from None
        if point.said["previous"] != previous:
            raise Bad(f"{name}: it does not follow the checkpoint before it", size)
        if point.first != size or point.size <= size:
            raise Bad(f"{name}: it covers {point.first} to {point.size}, expected a start at {size}", size)
        size, previous = point.size, hashlib.sha256(point.body.encode()).hexdigest()


def check_entries(entries: Iterator[dict[str, Any]], checkpoints: list[Checkpoint]) -> int:
    """Every entry is the one its checkpoint signed, in its place. Raises Bad with the first that is not.

    Returns how many were checked; what follows stays in the iterator.
    """
    tree = Tree()
    for point in checkpoints:
        if not point.has_its_leaves:
            # The list that would name the entry was destroyed too: say within which entries it lies.
            check_batch_by_root(entries, tree, point)
        for seq, signed in enumerate(point.leaves, point.first):
            check_entry(next(entries, None), seq, signed, point)
            tree.append(signed)
        if tree.root() != point.said["root"]:
            raise Bad(f"checkpoint {point.line}: its root does not follow from its own leaves", point.first)
    return tree.size


def check_batch_by_root(entries: Iterator[dict[str, Any]], tree: Tree, point: Checkpoint) -> NoReturn:
    """A checkpoint whose list of hashes was altered: whether its entries were, too. Always raises Bad."""
    for seq in range(point.first, point.size):
        entry = next(entries, None)
        if entry is None:
            raise Bad(f"the log ends before entry {seq}; the signed log has {point.size}", seq)
        problem = own_problem(entry, seq)
        if problem:
            raise Bad(problem, seq)
        tree.append(leaf_hash(entry["body"]))
    if tree.root() != point.said["root"]:
        what = f"the signed list of their hashes (checkpoint {point.line}) was destroyed"
        raise Bad(f"among entries {point.first} to {point.size - 1} one was changed, and {what}", point.first)
    raise Bad(f"checkpoint {point.line}: its list of hashes was altered; its entries are intact", point.first)


def check_entry(entry: dict[str, Any] | None, seq: int, signed: bytes, point: Checkpoint) -> None:
    if entry is None:
        raise Bad(f"the log ends before entry {seq}; the signed log has {point.size} at that point", seq)
    body = entry.get("body")
    if body is None:
        raise Bad(f"entry {seq} (number {entry.get('id')}) was deleted", seq)
    if not isinstance(body, str) or leaf_hash(body) != signed:
        what = "was changed, or another stands in its place"
        raise Bad(f"entry {seq} {what}: {describe(entry)}", seq)
    problem = own_problem(entry, seq)
    if problem:
        raise Bad(problem, seq)


def own_problem(entry: dict[str, Any], seq: int) -> str:
    """What an entry says about itself that cannot be true; empty when all is well."""
    body = entry.get("body")
    if not isinstance(body, str):
        return f"entry {seq} (number {entry.get('id')}) was deleted"
    if entry.get("seq") != seq:
        return f"entry {seq} carries the number {entry.get('seq')}"
    if entry.get("leaf") != leaf_hash(body).hex():
        return f"entry {seq}: its stored hash is not that of its text"
    said, columns = json.loads(body), entry.get("columns")
    if not isinstance(columns, dict) or columns.keys() != said.keys() - {"details"}:
        return f"entry {seq}: its columns are not those of an entry"
    for name, value in columns.items():
        stored = said.get(name)
        if name == "at":
            same = datetime.fromisoformat(value) == datetime.fromisoformat(stored)
        else:
            same = value == stored
        if not same:
            return f"entry {seq}: column {name} says {value!r}, the signed text says {stored!r}"
    return ""


def read_entries(path: Path) -> Iterator[dict[str, Any]]:
    for _, line in read_lines(path):
        yield line


def leaf_hash(body: str) -> bytes:
    """The RFC 6962 hash of an entry's text."""
    return hashlib.sha256(b"\x00" + body.encode("utf-8", "surrogatepass")).digest()


def describe(entry: dict[str, Any]) -> str:
    """The entry in a few words, as it stands now."""
    try:
        said = json.loads(entry["body"])
        return f"now {said['at']} {said['actor']} {said['action']} {said['kind']} {said['object_id']}"
    except (KeyError, TypeError, ValueError):
        return "now unreadable"


def check_trusted(checkpoints: list[Checkpoint], trusted: list[Checkpoint]) -> None:
    """The log goes on from what was trusted before: not cut, not forked. Raises Bad."""
    if not trusted:
        return
    now = [leaf for point in checkpoints for leaf in point.leaves]
    for point in trusted:
        for seq, leaf in enumerate(point.leaves, point.first):
            if seq >= len(now):
                raise Bad(
                    f"the log was cut: it has {len(now)} entries, a trusted checkpoint {point.size}", seq
                )
            if now[seq] != leaf:
                raise Bad(f"the log was forked: entry {seq} is not the one trusted before", seq)
    tree, roots = Tree(), {point.size: point for point in trusted}
    for leaf in now:
        tree.append(leaf)
        if tree.size in roots and tree.root() != roots[tree.size].said["root"]:
            seq = max((p.size for p in trusted if p.size < tree.size), default=0)
            raise Bad(f"the log was forked: trusted checkpoint {tree.size} has another root", seq)
    if trusted[-1].size > len(now):
        raise Bad(
            f"the log was cut: it has {len(now)} entries, a trusted checkpoint {trusted[-1].size}", len(now)
        )


def load_key(path: Path) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(path.read_text().strip()))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Unusable(f"{path}: not a public key in hexadecimal") from error


def verify(folder: Path, key_file: Path | None = None, trusted: Path | None = None) -> tuple[int, str]:
    """Check everything. Returns the number of entries and the last root; raises Bad or Unusable."""
    key = load_key(key_file or folder / "public_key.txt")
    checkpoints = read_checkpoints(folder / "checkpoints.jsonl")
    kept = read_trusted(trusted) if trusted else []
    entries = read_entries(folder / "entries.jsonl")
    broken: Bad | None = None
    try:
        check_chain(checkpoints, key)
    except Bad as error:
        # An entry changed under an earlier, intact checkpoint comes first.
        broken, checkpoints = error, [p for p in checkpoints if p.size <= (error.seq or 0)]
    whole = {p.body: p for p in kept if p.has_its_leaves}
    size = check_entries(entries, [p if p.has_its_leaves else whole.get(p.body, p) for p in checkpoints])
    if broken:
        raise broken
    extra = next(entries, None)
    if extra is not None:
        raise Bad(f"entry {size} was added after the last checkpoint ({describe(extra)})", size)
    check_trusted(checkpoints, kept)
    return size, str(checkpoints[-1].said["root"]) if checkpoints else ""


def read_trusted(path: Path) -> list[Checkpoint]:
    """The checkpoints of an earlier export, given as its folder or its file."""
    return read_checkpoints(path / "checkpoints.jsonl" if path.is_dir() else path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an exported audit log offline.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", type=Path, help="the log's public key, from a source you trust")
    parser.add_argument("--trusted", type=Path, help="an earlier export, or its checkpoints.jsonl")
    options = parser.parse_args(arguments)
    try:
        size, root = verify(options.folder, options.key, options.trusted)
    except Unusable as error:
        print(f"UNUSABLE: {error}")
        return 2
    except Bad as error:
        place = "" if error.seq is None else f" [first bad entry: {error.seq}]"
        print(f"BAD: {error}{place}")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"BAD: the files do not have the form of an export ({error})")
        return 1
    print(f"GOOD: {size} entries, root {root}")
    if options.key is None:
        print("The key came with the export. Compare it with one from another source (--key).")
    if options.trusted is None:
        print(
            "Nothing shows that the log was not cut short: keep this export, give it as --trusted next time."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
