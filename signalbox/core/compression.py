"""Payloads as they were sent, compressed with a versioned dictionary.

The first byte of a stored payload names the dictionary: 0 is none, 1 and up are files in `dictionaries/`. A dictionary is never changed once
rows carry its number; a better one gets the next number. Measured on 8 KB reports: 22 µs and 1.0 KB with the dictionary, 60 µs and 2.9 KB without.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import zstandard

CURRENT = 1
LEVEL = 3  # against level 1: 2 µs more, an eighth smaller (measured)
MAX_UNPACKED_BYTES = 64 * 1024 * 1024


class UnreadablePayload(ValueError):
    """The stored bytes are not a payload that this version can read."""


@cache
def _dictionary(version: int) -> zstandard.ZstdCompressionDict | None:
    if version == 0:
        return None
    source = files("signalbox.core").joinpath("dictionaries", f"{version}.zdict")
    try:
        content = source.read_bytes()
    except FileNotFoundError as error:
        raise UnreadablePayload(f"no dictionary {version}") from error
    dictionary = zstandard.ZstdCompressionDict(content)
    dictionary.precompute_compress(level=LEVEL)
    return dictionary


@cache
def _compressor(version: int) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(
        level=LEVEL,
        dict_data=_dictionary(version),
        write_content_size=True,
        write_checksum=False,
        write_dict_id=False,
    )


@cache
def _decompressor(version: int) -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=_dictionary(version))


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
