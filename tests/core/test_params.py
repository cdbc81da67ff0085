"""Arrays reach the database as they were given."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from signalbox.core import params as p

ONE = UUID("7d1e1a3c-52d1-4a44-9e0d-3b1f2d0c9a11")
MOMENT = datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "kind", "read"),
    [
        (p.uuids([ONE, None]), "uuid[]", [ONE, None]),
        (p.uuids([]), "uuid[]", []),
        (p.texts(["", None, 'quote " comma , brace { \\ €']), "text[]", ["", None, 'quote " comma , brace { \\ €']),
        (p.texts(["\ud800"]), "text[]", ["?"]),
        (p.payloads([b"\x00\xff", None, b""]), "bytea[]", [b"\x00\xff", None, b""]),
        (p.instants([round(MOMENT.timestamp() * 1e6), None, 0]), "timestamp with time zone[]", [MOMENT, None, datetime(1970, 1, 1, tzinfo=UTC)]),
        (p.ints([-1, None, 2**31 - 1]), "integer[]", [-1, None, 2**31 - 1]),
        (p.bigints([-(2**63), None]), "bigint[]", [-(2**63), None]),
        (p.booleans([True, False, None]), "boolean[]", [True, False, None]),
        (p.doubles([0.1, None, -1e300]), "double precision[]", [0.1, None, -1e300]),
        (p.jsons([b'{"a": [1, "\xc3\xa4"]}', None]), "jsonb[]", [{"a": [1, "ä"]}, None]),
    ],
    ids=["uuids", "none", "texts", "surrogate", "payloads", "instants", "ints", "bigints", "booleans", "doubles", "jsons"],
)  # fmt: skip
def test_an_array_is_what_it_was_made_of(
    postgres_url: str, given: bytes, kind: str, read: object
) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT v, pg_typeof(v)::text FROM (SELECT %s AS v) AS given", (given,)
        ).fetchone()

    assert row == (read, kind)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("uuid[]", [ONE, None]),
        ("text[]", ["a", None]),
        ("bytea[]", [b"a", None]),
        ("timestamptz[]", [MOMENT, None]),
        ("int4[]", [1, None]),
        ("int8[]", [1, None]),
        ("float8[]", [0.5, None]),
        ("bool[]", [True, None]),
    ],
)
def test_a_copy_of_named_types_still_takes_lists(
    postgres_url: str, kind: str, given: list[object]
) -> None:
    with psycopg.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE given (v {kind})")
        with cursor.copy("COPY given FROM STDIN (FORMAT binary)") as copy:
            copy.set_types([kind])
            copy.write_row((given,))

        assert cursor.execute("SELECT v FROM given").fetchone() == (given,)
