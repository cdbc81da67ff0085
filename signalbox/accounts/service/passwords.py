"""Hashing passwords, away from the event loop.

argon2id with the library's defaults (RFC 9106, 4: the recommendation for little memory): about 50 ms and 64 MiB a
hash, so two threads, and a bounded queue before them. bcrypt hashes of other systems are verified and replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from signalbox.accounts.rules import PASSWORD_MAX
from signalbox.core.errors import Overloaded

THREADS: Final = 2
WAITING_MAX: Final = 32  # 32 waiting hashes on 2 threads are under a second of work
_BCRYPT_MAX_BYTES: Final = 72  # bcrypt never looked further

_hasher: Final = PasswordHasher()
_pool: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
_waiting = 0

T = TypeVar("T")


async def hash_password(password: str) -> str:
    """The argon2id hash to store, with its salt and parameters. Raises Overloaded when too many wait."""
    return await _in_pool(lambda: _hasher.hash(password))


async def verify(stored: str | None, password: str) -> tuple[bool, str | None]:
    """Whether `password` belongs to `stored`, and a better hash to store instead if there is one, else None.

    Takes as long when `stored` is None (nobody of that name, or no password set), so that names cannot be found
    out by the clock. Raises Overloaded when too many wait.
    """
    if len(password) > PASSWORD_MAX:
        return False, None
    return await _in_pool(lambda: _verify(stored, password))


async def _in_pool(work: Callable[[], T]) -> T:
    global _waiting
    if _waiting >= WAITING_MAX:
        raise Overloaded(retry_after_s=2)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work)
    finally:
        _waiting -= 1


def _verify(stored: str | None, password: str) -> tuple[bool, str | None]:
    if stored is None:
        _matches_argon2(_nobody(), password)
        return False, None
    if stored.startswith("$2"):
        known = _matches_bcrypt(stored, password)
        return known, _hasher.hash(password) if known else None
    known = _matches_argon2(stored, password)
    stale = known and _hasher.check_needs_rehash(stored)
    return known, _hasher.hash(password) if stale else None


def _matches_argon2(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _matches_bcrypt(stored: str, password: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_MAX_BYTES], stored.encode())
    except ValueError:
        return False


@cache
def _nobody() -> str:
    """The hash of a password that nobody has."""
    return _hasher.hash("nobody's password")
