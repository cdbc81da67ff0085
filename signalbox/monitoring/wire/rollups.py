"""Sketches of a rollup as they are stored: MessagePack, compressed, for most buckets of a sketch are small numbers in eight bytes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from signalbox.core.compression import pack, unpack
from signalbox.core.sketches import Packed

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Packed])


def packed_sketches(sketches: Sequence[Packed]) -> bytes:
    """What is stored of sketches."""
    return pack(_encoder.encode(sketches), version=0)


def read_sketches(stored: bytes) -> list[Packed]:
    """The opposite of `packed_sketches`."""
    return _decoder.decode(unpack(stored))
