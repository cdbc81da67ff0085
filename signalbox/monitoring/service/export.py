"""Exported conferences as files: JSON, CSV (one table, or all in a zip archive), Parquet (one table)."""

from __future__ import annotations

import asyncio
import csv
import io
import queue
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from arro3 import core as arrow
from arro3.io import write_parquet

from signalbox.core.db import Database
from signalbox.monitoring.queries.export import TABLES, Row, Table, pieces

_encode = msgspec.json.Encoder(enc_hook=str).encode
PIECE_BYTES: Final = 256 * 1024
_UTC: Final = arrow.DataType.timestamp("us", tz="UTC")
_TYPES: Final = {
    "text": arrow.DataType.string(),
    "json": arrow.DataType.string(),
    "packed": arrow.DataType.string(),
    "int": arrow.DataType.int64(),
    "real": arrow.DataType.float64(),
    "bool": arrow.DataType.bool(),
    "time": _UTC,
}
_JSON_KINDS: Final = ("json", "packed")
_FORMULA: Final = "=+-@\t\r\n"  # what begins a formula in a spreadsheet, or a cell of its own


def _printed(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


async def as_json(db: Database, conference: UUID, tables: Sequence[Table]) -> AsyncIterator[bytes]:
    """One object with a list for each table; JSON that was stored stands in it as it came."""
    begin = b"{"
    for table in tables:
        yield begin + _encode(table.name) + b":["
        begin, comma = b",", b""
        async for rows in pieces(db, table, conference):
            yield comma + b",".join(_object(table, row) for row in rows)
            comma = b","
        yield b"]"
    yield b"}\n" if begin != b"{" else b"{}\n"


def _object(table: Table, row: Row) -> bytes:
    told: dict[str, Any] = {}
    for column, value in zip(table.columns, row, strict=True):
        if value is not None and column.kind in _JSON_KINDS:
            told[column.name] = msgspec.Raw(value.encode())
        else:
            told[column.name] = _printed(value) if column.kind == "time" and value else value
    return _encode(told)


async def as_csv(db: Database, conference: UUID, table: Table) -> AsyncIterator[bytes]:
    """A header and a line for each row (RFC 4180); nothing is an empty field, JSON stands as text.

    Pages choose names, ids and labels: one that a spreadsheet would carry out as a formula gets an apostrophe in front of it.
    """
    yield _lines([tuple(column.name for column in table.columns)])
    async for rows in pieces(db, table, conference):
        yield _lines(_flat(table, row) for row in rows)


def _flat(table: Table, row: Row) -> Row:
    return tuple(
        _cell(column.kind, value) for column, value in zip(table.columns, row, strict=True)
    )


def _cell(kind: str, value: Any) -> Any:
    if kind == "time" and value is not None:
        return _printed(value)
    if kind == "text" and value and value[0] in _FORMULA:
        return "'" + value
    return value


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


class _Sink(io.RawIOBase):
    """Takes what an archive writes until it is fetched; cannot seek, so the archive is written front to back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def fetch(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def as_zip(db: Database, conference: UUID, tables: Sequence[Table]) -> AsyncIterator[bytes]:
    """A zip archive with a CSV file for each table."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables:
            with archive.open(f"{table.name}.csv", "w", force_zip64=True) as member:
                async for piece in as_csv(db, conference, table):
                    member.write(piece)
                    yield sink.fetch()
    yield sink.fetch()


def _batch(table: Table, rows: Sequence[Row]) -> arrow.RecordBatch:
    columns = []
    for place, column in enumerate(table.columns):
        values = [row[place] for row in rows]
        if column.kind == "time":
            stamps = [None if at is None else round(at.timestamp() * 1_000_000) for at in values]
            columns.append(arrow.Array(stamps, arrow.DataType.int64()).cast(_UTC))
        else:
            columns.append(arrow.Array(values, _TYPES[column.kind]))
    return arrow.RecordBatch.from_arrays(columns, schema=_schema(table))


def _schema(table: Table) -> arrow.Schema:
    return arrow.Schema([arrow.Field(column.name, _TYPES[column.kind]) for column in table.columns])


async def as_parquet(db: Database, conference: UUID, table: Table) -> AsyncIterator[bytes]:
    """A Parquet file. Its end tells where everything is, so it is written to a temporary file, a few pieces of rows in memory at a time."""
    waiting: queue.Queue[arrow.RecordBatch | None] = queue.Queue(2)
    with tempfile.TemporaryFile() as file:
        writing = asyncio.create_task(asyncio.to_thread(_write, table, waiting, file))
        try:
            async for rows in pieces(db, table, conference):
                await asyncio.to_thread(_put, waiting, _batch(table, rows), writing.done)
            await asyncio.to_thread(_put, waiting, None, writing.done)
            await writing
        except BaseException:
            with waiting.mutex:
                waiting.queue.clear()
                waiting.queue.append(None)
                waiting.not_empty.notify()
            raise
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


def _put(waiting: queue.Queue[Any], item: Any, is_over: Any) -> None:
    while not is_over():
        try:
            waiting.put(item, timeout=1)
        except queue.Full:
            continue
        return


def _write(table: Table, waiting: queue.Queue[arrow.RecordBatch | None], file: Any) -> None:
    def batches() -> Iterator[arrow.RecordBatch]:
        while (batch := waiting.get()) is not None:
            yield batch

    reader = arrow.RecordBatchReader.from_batches(_schema(table), batches())
    write_parquet(reader, file, compression="zstd(3)", max_row_group_size=50_000)


ALL: Final = tuple(TABLES.values())
