"""Payloads as they were sent, compressed with a versioned dictionary.

The first byte of a stored payload names the dictionary: 0 is none, 1 and up are files in `dictionaries/`. A dictionary is never changed once
rows carry its number; a better one gets the next number. Measured on 8 KB reports: 22 µs and 1.0 KB with the dictionary, 60 µs and 2.9 KB without.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files

import zstandard

CURRENT = 1
LEVEL = 3  # against level 1: 2 µs more, an eighth smaller (measured)
MAX_UNPACKED_BYTES = 64 * 1024 * 1024


class UnreadablePayload(ValueError):
    """The stored bytes are not a payload that this version can read."""


class _Contexts(threading.local):
    """One thread's compressors and decompressors, by the version of their dictionary.

    They let go of the interpreter while they work and must not be used by two threads at once: the process would die of it.
    """

    def __init__(self) -> None:
        self.compressors: dict[int, zstandard.ZstdCompressor] = {}
        self.decompressors: dict[int, zstandard.ZstdDecompressor] = {}


_contexts = _Contexts()


@cache
def _content(version: int) -> bytes:
    try:
        return files("signalbox.core").joinpath("dictionaries", f"{version}.zdict").read_bytes()
    except FileNotFoundError as error:
        raise UnreadablePayload(f"no dictionary {version}") from error


def _dictionary(version: int) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(_content(version)) if version else None


def _compressor(version: int) -> zstandard.ZstdCompressor:
    found = _contexts.compressors.get(version)
    if found is None:
        dictionary = _dictionary(version)
        if dictionary is not None:
            dictionary.precompute_compress(level=LEVEL)
        found = _contexts.compressors[version] = zstandard.ZstdCompressor(
            level=LEVEL,
            dict_data=dictionary,
            write_content_size=True,
            write_checksum=False,
            write_dict_id=False,
        )
    return found


def _decompressor(version: int) -> zstandard.ZstdDecompressor:
    found = _contexts.decompressors.get(version)
    if found is None:
        found = zstandard.ZstdDecompressor(dict_data=_dictionary(version))
        _contexts.decompressors[version] = found
    return found


def pack(payload: bytes, *, version: int = CURRENT) -> bytes:
    """The payload compressed, behind the number of its dictionary."""
    return bytes((version,)) + _compressor(version).compress(payload)


def unpack(stored: bytes) -> bytes:
    """The payload exactly as it was given to `pack`.

    Raises:
        UnreadablePayload: empty, damaged, or packed with a dictionary that is not here.
    """
    if not stored:
        raise UnreadablePayload("empty")
    try:
        return _decompressor(stored[0]).decompress(stored[1:], max_output_size=MAX_UNPACKED_BYTES)
    except zstandard.ZstdError as error:
        raise UnreadablePayload("damaged") from error
