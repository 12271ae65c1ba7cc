"""Seal a few bytes with a passphrase: scrypt makes the key, SM4-GCM seals. Lost is lost."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from yuchang.supervisor.words import Trouble

MAGIC = b"yuchang sealed 1\n"
SALT, NONCE, TAG = 16, 12, 16


def seal(content: bytes, passphrase: str) -> bytes:
    """``MAGIC``, salt, nonce, tag, sealed content."""
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    sealing = Cipher(algorithms.SM4(_key(passphrase, salt)), modes.GCM(nonce)).encryptor()
    sealing.authenticate_additional_data(MAGIC)
    sealed = sealing.update(content) + sealing.finalize()
    return MAGIC + salt + nonce + sealing.tag + sealed


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """The content. Raises Trouble for a wrong passphrase or changed bytes."""
    rest = sealed.removeprefix(MAGIC)
    salt, nonce, tag = rest[:SALT], rest[SALT : SALT + NONCE], rest[SALT + NONCE : SALT + NONCE + TAG]
    opening = Cipher(algorithms.SM4(_key(passphrase, salt)), modes.GCM(nonce, tag)).decryptor()
    opening.authenticate_additional_data(MAGIC)
    try:
        return opening.update(rest[SALT + NONCE + TAG :]) + opening.finalize()
    except InvalidTag:
        raise Trouble(
            "口令不对，或密钥文件已损坏。", "The passphrase is wrong, or the sealed keys were changed."
        ) from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=16, n=2**15, r=8, p=1).derive(passphrase.encode())
