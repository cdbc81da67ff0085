"""Rows for PostgreSQL's binary COPY, built without a detour through text (protocol documentation, "COPY", Binary Format)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from uuid import UUID

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_INT2 = Struct(">h")
_LEN_INT8 = Struct(">iq")
_LEN_FLOAT4 = Struct(">if")
_LEN = Struct(">i")
_ARRAY = Struct(
    ">iiiii"
)  # length is put before by the caller: dimensions, has nulls, element type, count, lower bound
_EPOCH_2000_US = 946_684_800_000_000

OID_INT2, OID_INT8, OID_FLOAT4, OID_UUID, OID_TEXT = 21, 20, 700, 2950, 25
_INT2_ITEM, _INT8_ITEM, _FLOAT4_ITEM = Struct(">ih"), Struct(">iq"), Struct(">if")
_INT4_ITEM, _FLOAT8_ITEM = Struct(">ii"), Struct(">id")
_UUID_LENGTH = _LEN.pack(16)
TRUE, FALSE = _LEN.pack(1) + b"\x01", _LEN.pack(1) + b"\x00"


def row(fields: int) -> bytes:
    """The start of a row of so many fields."""
    return _INT2.pack(fields)


def uuid(value: UUID | None) -> bytes:
    """A uuid field."""
    return NULL if value is None else _UUID_LENGTH + value.int.to_bytes(16, "big")


def instant(at_us: int) -> bytes:
    """A timestamptz field from microseconds since the Unix epoch."""
    return _LEN_INT8.pack(8, at_us - _EPOCH_2000_US)


def real(value: float | None) -> bytes:
    """A real field; values beyond its range are NULL."""
    if value is None:
        return NULL
    try:
        return _LEN_FLOAT4.pack(4, value)
    except OverflowError:
        return NULL


def raw(value: bytes | None) -> bytes:
    """A bytea field, or a text field in UTF-8."""
    return NULL if value is None else _LEN.pack(len(value)) + value


def text(value: str | None) -> bytes:
    """A text field."""
    return raw(None if value is None else value.encode())


def small(value: int | None) -> bytes:
    """A smallint field."""
    return NULL if value is None else _INT2_ITEM.pack(2, value)


def integer(value: int | None) -> bytes:
    """An integer field."""
    return NULL if value is None else _INT4_ITEM.pack(4, value)


def bigint(value: int | None) -> bytes:
    """A bigint field."""
    return NULL if value is None else _INT8_ITEM.pack(8, value)


def double(value: float | None) -> bytes:
    """A double precision field."""
    return NULL if value is None else _FLOAT8_ITEM.pack(8, value)


def json(value: bytes | None) -> bytes:
    """A jsonb field from JSON in UTF-8."""
    return NULL if value is None else _LEN.pack(len(value) + 1) + b"\x01" + value


def boolean(value: bool | None) -> bytes:
    """A boolean field."""
    if value is None:
        return NULL
    return TRUE if value else FALSE


def _array(oid: int, items: list[bytes]) -> bytes:
    if not items:
        return _LEN.pack(12) + Struct(">iii").pack(0, 0, oid)
    body = b"".join(items)
    return _LEN.pack(20 + len(body)) + _ARRAY.pack(1, int(NULL in items), oid, len(items), 1) + body


def int2_array(values: Sequence[int]) -> bytes:
    """A smallint[] field."""
    return _array(OID_INT2, [_INT2_ITEM.pack(2, value) for value in values])


def int8_array(values: Sequence[int | None]) -> bytes:
    """A bigint[] field; elements may be NULL."""
    return _array(
        OID_INT8, [NULL if value is None else _INT8_ITEM.pack(8, value) for value in values]
    )


def real_array(values: Sequence[float | None]) -> bytes:
    """A real[] field; elements may be NULL."""
    return _array(
        OID_FLOAT4, [NULL if value is None else _FLOAT4_ITEM.pack(4, value) for value in values]
    )


def text_array(values: Sequence[str]) -> bytes:
    """A text[] field."""
    return _array(OID_TEXT, [text(value) for value in values])


def uuid_array(values: Sequence[UUID | None]) -> bytes:
    """A uuid[] field; elements may be NULL."""
    return _array(
        OID_UUID,
        [
            NULL if value is None else _UUID_LENGTH + value.int.to_bytes(16, "big")
            for value in values
        ],
    )
