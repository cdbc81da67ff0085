"""Arrays as parameters of set-based statements, in PostgreSQL's binary format.

A list given to the driver is looked through and turned into text element by element: a third of the CPU of a batch (measured). Here the caller
says what the elements are, and the array is built at once. Each function answers a value to pass as a statement's parameter; elements may be
None where that is said. The statement needs no cast.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from uuid import UUID

import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiiii")  # dimensions, has nulls, element type, count, lower bound
_EMPTY = Struct(">iii")
_LENGTH = Struct(">i")
_INT4, _INT8, _FLOAT8 = Struct(">ii"), Struct(">iq"), Struct(">id")
_NULL = _LENGTH.pack(-1)
_LENGTH_16 = _LENGTH.pack(16)
_TRUE, _FALSE = _LENGTH.pack(1) + b"\x01", _LENGTH.pack(1) + b"\x00"
_EPOCH_2000_US = 946_684_800_000_000

_BOOL, _BYTEA, _INT8_OID, _INT4_OID, _TEXT = 16, 17, 20, 23, 25
_FLOAT8_OID, _TIMESTAMPTZ, _UUID, _JSONB = 701, 1184, 2950, 3802


class Uuids(bytes):
    """A finished uuid[]."""


class Texts(bytes):
    """A finished text[]."""


class Payloads(bytes):
    """A finished bytea[]."""


class Instants(bytes):
    """A finished timestamptz[]."""


class Ints(bytes):
    """A finished integer[]."""


class Bigints(bytes):
    """A finished bigint[]."""


class Doubles(bytes):
    """A finished double precision[]."""


class Booleans(bytes):
    """A finished boolean[]."""


class Jsons(bytes):
    """A finished jsonb[]."""


_ARRAY_OIDS: dict[type, int] = {
    Uuids: 2951,
    Texts: 1009,
    Payloads: 1001,
    Instants: 1185,
    Ints: 1007,
    Bigints: 1016,
    Doubles: 1022,
    Booleans: 1000,
    Jsons: 3807,
}


class _Finished(Dumper):
    """Each instance names its type, the class none: what is registered for a type replaces, in every COPY with such a column, the dumper of lists."""

    format = Format.BINARY

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.oid = _ARRAY_OIDS[cls]

    def dump(self, obj: bytes) -> Buffer | None:
        return obj


for _kind in _ARRAY_OIDS:
    psycopg.adapters.register_dumper(_kind, _Finished)


def _array(element: int, items: list[bytes]) -> bytes:
    if not items:
        return _EMPTY.pack(0, 0, element)
    return _HEADER.pack(1, int(_NULL in items), element, len(items), 1) + b"".join(items)


def uuids(values: Iterable[UUID | None]) -> Uuids:
    """A uuid[]; elements may be None."""
    items = [
        _NULL if value is None else _LENGTH_16 + value.int.to_bytes(16, "big") for value in values
    ]
    return Uuids(_array(_UUID, items))


def _sized(values: Iterable[bytes | None], prefix: bytes = b"") -> list[bytes]:
    more = len(prefix)
    return [
        _NULL if value is None else _LENGTH.pack(len(value) + more) + prefix + value
        for value in values
    ]


def texts(values: Iterable[str | None]) -> Texts:
    """A text[]; elements may be None. Lone surrogates become question marks."""
    encoded = (None if value is None else value.encode("utf-8", "replace") for value in values)
    return Texts(_array(_TEXT, _sized(encoded)))


def payloads(values: Iterable[bytes | None]) -> Payloads:
    """A bytea[]; elements may be None."""
    return Payloads(_array(_BYTEA, _sized(values)))


def jsons(values: Iterable[bytes | None]) -> Jsons:
    """A jsonb[] of JSON texts in UTF-8; elements may be None."""
    return Jsons(_array(_JSONB, _sized(values, b"\x01")))


def instants(values_us: Iterable[int | None]) -> Instants:
    """A timestamptz[] of microseconds since the Unix epoch; elements may be None."""
    items = [
        _NULL if value is None else _INT8.pack(8, value - _EPOCH_2000_US) for value in values_us
    ]
    return Instants(_array(_TIMESTAMPTZ, items))


def instant(at_us: int) -> bytes:
    """One timestamptz of microseconds since the Unix epoch, for a statement that is sent with finished parameters."""
    return _INT8.pack(8, at_us - _EPOCH_2000_US)[4:]


def ints(values: Iterable[int | None]) -> Ints:
    """An integer[]; elements may be None."""
    return Ints(
        _array(_INT4_OID, [_NULL if value is None else _INT4.pack(4, value) for value in values])
    )


def bigints(values: Iterable[int | None]) -> Bigints:
    """A bigint[]; elements may be None."""
    return Bigints(
        _array(_INT8_OID, [_NULL if value is None else _INT8.pack(8, value) for value in values])
    )


def doubles(values: Iterable[float | None]) -> Doubles:
    """A double precision[]; elements may be None."""
    items = [_NULL if value is None else _FLOAT8.pack(8, value) for value in values]
    return Doubles(_array(_FLOAT8_OID, items))


def booleans(values: Iterable[bool | None]) -> Booleans:
    """A boolean[]; elements may be None."""
    items = [_NULL if value is None else _TRUE if value else _FALSE for value in values]
    return Booleans(_array(_BOOL, items))
