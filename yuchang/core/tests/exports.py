"""An exported log in memory, for attacks: written, spoiled, and given to the verifier."""

import base64
import copy
import importlib.util
import json
import sys
from datetime import UTC, datetime

from config.environment import ROOT
from yuchang.core import sequencer
from yuchang.core.audit import leaf_hash
from yuchang.core.merkle import Frontier

_spec = importlib.util.spec_from_file_location("verify_audit", ROOT / "tools" / "verify_audit.py")
verifier = importlib.util.module_from_spec(_spec)
sys.modules["verify_audit"] = verifier
_spec.loader.exec_module(verifier)

KEY = sequencer._signer("a key for tests")
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def entry(seq, word="", number=None):
    """A made-up entry as the export writes it."""
    said = {
        "at": AT.isoformat(),
        "actor_id": 7,
        "actor": "王专员",
        "action": f"registry.act{word}",
        "kind": "household",
        "object_id": str(seq),
        "place_id": 3,
        "details": {"note": word},
    }
    body = json.dumps(said, ensure_ascii=False, sort_keys=True)
    columns = {k: v for k, v in said.items() if k != "details"}
    return {
        "seq": seq,
        "id": number or seq + 100,
        "leaf": leaf_hash(body).hex(),
        "body": body,
        "columns": columns,
    }


def checkpoint_lines(entries, batches):
    """Checkpoints over the entries, signed batch by batch."""
    tree, previous, lines, start = Frontier(), sequencer.NOTHING_BEFORE, [], 0
    for size in batches:
        leaves = [leaf_hash(e["body"]) for e in entries[start : start + size]]
        for row in sequencer.signed_checkpoints(tree, previous, leaves, KEY, AT):
            lines.append(
                {
                    "body": row.body,
                    "leaves": base64.b64encode(row.leaves).decode(),
                    "signature": row.signature.hex(),
                }
            )
            previous = sequencer.checkpoint_hash(row.body)
        start += size
    assert start == len(entries)
    return lines


class Export:
    """Entries and checkpoints as lists of lines; ``write`` puts them where the verifier reads."""

    def __init__(self, entries, checkpoints, key=None):
        self.entries, self.checkpoints = entries, checkpoints
        self.key = key or KEY.public_raw.hex()

    @classmethod
    def made(cls, batches=(3, 1, 4, 5)):
        entries = [entry(seq) for seq in range(sum(batches))]
        return cls(entries, checkpoint_lines(entries, batches))

    @classmethod
    def read(cls, folder):
        def lines(name):
            return [json.loads(line) for line in (folder / name).read_text().splitlines()]

        key = (folder / "public_key.txt").read_text().strip()
        return cls(lines("entries.jsonl"), lines("checkpoints.jsonl"), key)

    def copy(self):
        return copy.deepcopy(self)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in (("entries.jsonl", self.entries), ("checkpoints.jsonl", self.checkpoints)):
            (folder / name).write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
        (folder / "public_key.txt").write_text(self.key + "\n")
        return folder

    def first_bad(self, folder, trusted=None, key=None):
        """The number of the first bad entry the verifier names, or None when all is well."""
        try:
            verifier.verify(self.write(folder), key, trusted)
        except verifier.Bad as bad:
            return bad.seq
        return None

    def renumber(self):
        for seq, line in enumerate(self.entries):
            line["seq"] = seq

    def forge(self, seq, word="forged"):
        """Change an entry as an attacker does who knows how hashes are made."""
        self.entries[seq] = entry(seq, word, self.entries[seq]["id"])
