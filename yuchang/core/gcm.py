"""SM4-GCM (GB/T 36624, NIST SP 800-38D) of many short texts under one key, all at once. Pure.

A call of the library per text is nearly all setting up: 16 µs for 18 signs. Here the key stream of all
texts comes from one call of the library's cipher, and their tags (GHASH) are made column by column.
What comes out is what the library opens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

BLOCK, NONCE_BYTES = 16, 12
LONGEST = 254 * BLOCK
"""Bytes of a text: the counter of its blocks stays within its last byte."""
_REDUCTION = 0xE1 << 120


def seal_together(key: bytes, texts: Sequence[bytes], contexts: Sequence[bytes]) -> list[bytes]:
    """Each text under a random nonce of its own: nonce | ciphertext | tag, in order.

    ``contexts``: the associated data of each. Raises ValueError for a text longer than ``LONGEST``.
    """
    alike: dict[tuple[int, int], list[int]] = {}
    for i, (text, context) in enumerate(zip(texts, contexts, strict=True)):
        alike.setdefault((len(text), len(context)), []).append(i)
    if any(length > LONGEST for length, _ in alike):
        raise ValueError("too long to be sealed together")
    cipher = Cipher(algorithms.SM4(key), modes.ECB())  # noqa: S305 - the block cipher inside GCM
    table = _products(cipher.encryptor().update(bytes(BLOCK)))
    found = [b""] * len(texts)
    for (length, _), rows in alike.items():
        nonces = _rows([os.urandom(NONCE_BYTES * len(rows))], len(rows))
        first, stream = _key_stream(cipher, nonces, length)
        hidden = _rows([texts[i] for i in rows], len(rows)) ^ stream
        tags = first ^ _ghash(table, _rows([contexts[i] for i in rows], len(rows)), hidden)
        whole = np.concatenate([nonces, hidden, tags], axis=1)
        width, blobs = whole.shape[1], whole.tobytes()
        for at, i in enumerate(rows):
            found[i] = blobs[at * width : (at + 1) * width]
    return found


def _rows(parts: Sequence[bytes], count: int) -> Bytes:
    """Byte strings of one length as the rows of a table."""
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(count, -1)


def _key_stream(cipher: Cipher[modes.ECB], nonces: Bytes, length: int) -> tuple[Bytes, Bytes]:
    """What hides the tags, and what hides texts of ``length`` bytes."""
    count, blocks = len(nonces), -(-length // BLOCK)
    counters = np.zeros((count, blocks + 1, BLOCK), dtype=np.uint8)
    counters[:, :, :NONCE_BYTES] = nonces[:, None, :]
    counters[:, :, -1] = np.arange(1, blocks + 2)
    sealed = np.frombuffer(cipher.encryptor().update(counters.tobytes()), dtype=np.uint8)
    blocks_of = sealed.reshape(count, -1)
    return blocks_of[:, :BLOCK], blocks_of[:, BLOCK : BLOCK + length]


def _ghash(table: Words, contexts: Bytes, hidden: Bytes) -> Bytes:
    """GHASH of each row: contexts, ciphertext, and the lengths of both in bits."""
    count = len(hidden)
    lengths = b"".join((8 * part.shape[1]).to_bytes(8, "big") for part in (contexts, hidden))
    column = np.broadcast_to(np.frombuffer(lengths, dtype=np.uint8), (count, BLOCK))
    message = np.concatenate([_padded(contexts), _padded(hidden), column], axis=1)
    state = np.zeros((count, 2), dtype=np.uint64)
    for start in range(0, message.shape[1], BLOCK):
        state ^= np.ascontiguousarray(message[:, start : start + BLOCK]).view(np.uint64)
        signs = state.view(np.uint8)
        state = table[0].take(signs[:, 0], axis=0)
        for place in range(1, BLOCK):
            state ^= table[place].take(signs[:, place], axis=0)
    return state.view(np.uint8)


def _padded(part: Bytes) -> Bytes:
    return np.pad(part, ((0, 0), (0, -part.shape[1] % BLOCK)))


def _products(hash_key: bytes) -> Words:
    """``table[place][value]``: the product of the hash key and a block with only that byte (GF(2^128))."""
    power, powers = int.from_bytes(hash_key, "big"), []
    for _ in range(8 * BLOCK):
        powers.append(power)
        power = power >> 1 ^ (_REDUCTION if power & 1 else 0)
    rows = []
    for place in range(BLOCK):
        products = [0] * 256
        for value in range(1, 256):
            lowest = value & -value
            products[value] = products[value ^ lowest] ^ powers[8 * place + 8 - lowest.bit_length()]
        rows.append(b"".join(product.to_bytes(BLOCK, "big") for product in products))
    return np.frombuffer(b"".join(rows), dtype=np.uint64).reshape(BLOCK, 256, 2)
