"""Stored credentials, encrypted: AES-256-GCM under keys derived from the installation's encryption secrets.

The first secret seals, all of them open, so that a secret can be replaced while the old one stays behind it. What was sealed for one
purpose does not open for another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12


class Unsealable(Exception):
    """None of the secrets opens it: it is damaged, of another purpose, or its secret was taken away."""


class Sealer:
    """Seals and opens small texts. `secrets` may be empty: then it can do neither."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [AESGCM(_key(secret, b"signalbox sealing")) for secret in secrets]
        self._first = secrets[0] if secrets else None

    def seal(self, text: str, purpose: str) -> bytes:
        """Encrypt for a purpose, such as "alerts.channel". Raises Unsealable without a secret."""
        if not self._keys:
            raise Unsealable
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._keys[0].encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        """The text again. Raises Unsealable."""
        if sealed[:1] == _VERSION:
            nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            for key in self._keys:
                try:
                    return key.decrypt(nonce, content, purpose.encode()).decode()
                except (InvalidTag, ValueError):
                    continue
        raise Unsealable

    def derived(self, purpose: str) -> str:
        """A secret of this installation for one purpose, hexadecimal; it changes with the first encryption secret. Raises Unsealable without one."""
        if self._first is None:
            raise Unsealable
        return _key(self._first, f"signalbox {purpose}".encode()).hex()


def _key(secret: str, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())
