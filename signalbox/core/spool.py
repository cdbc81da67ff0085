"""Records on this machine's disk that wait for a database: appended, synced before anybody is told, replayed in order.

Each process appends to segments of its own and holds their locks. Segments of a process that has died are taken over by the next one
that looks; a record that was being written when it died was never acknowledged and is dropped. Who replays must not mind a record that
comes twice: progress within a segment is not written down.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from struct import Struct
from typing import Final

import structlog

_HEAD: Final = Struct(">II")  # length and CRC-32 of what follows
_SUFFIX: Final = ".spool"
BATCH_RECORDS: Final = 200
BATCH_BYTES: Final = 4 * 1024 * 1024
log = structlog.get_logger(__name__)


class SpoolFull(Exception):
    """There is no room for another record, by the spool's own limit or the disk's."""


@dataclass(slots=True)
class _Segment:
    """A file that this process holds. `done` is how much of it was replayed."""

    path: Path
    descriptor: int
    size: int = 0
    done: int = 0


class Spool:
    """One process's part in a folder that all processes of this machine share."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._current: _Segment | None = None
        self._held: dict[Path, _Segment] = {}  # sealed or taken over, to be replayed
        self._numbers = count()
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the folder."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def close(self) -> None:
        """Write what waits, then let go of every segment; they stay for the next process."""
        if self._writing is not None:
            await self._writing
        self._seal()
        for segment in self._held.values():
            os.close(segment.descriptor)
        self._held.clear()

    @property
    def size_bytes(self) -> int:
        """What all processes' segments take."""
        return sum(size for _, size in self._files())

    @property
    def oldest_at_s(self) -> float | None:
        """When the oldest segment was begun, in seconds since the Unix epoch; None when nothing waits."""
        begun = [int(path.name.partition("-")[0]) / 1000 for path, size in self._files() if size]
        return min(begun, default=None)

    async def append(self, record: bytes) -> None:
        """Keep a record; it is on the disk when this returns. Raises SpoolFull."""
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, wake))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="spool")
        await wake

    async def replay(self, take: Callable[[list[bytes]], Awaitable[None]]) -> int:
        """Hand every record that waits to `take`, oldest first, some at a time; answers how many it took.

        What `take` raises ends it: those records, and all after them, wait on.
        """
        if self._writing is not None and not self._writing.done():
            await self._writing
        self._seal()
        self._take_over()
        taken = 0
        for path in sorted(self._held):
            segment = self._held[path]
            for records, end in _batches(segment):
                await take(records)
                segment.done, taken = end, taken + len(records)
            self._remove(segment)
        return taken

    # --- writing ----------------------------------------------------------------------------------

    async def _write_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, [record for record, _ in waiting])
            except (OSError, SpoolFull) as error:
                if isinstance(error, OSError):
                    log.error("spool.write_failed", error=type(error).__name__, number=error.errno)
                for _, wake in waiting:
                    if not wake.done():
                        wake.set_exception(SpoolFull())
            else:
                for _, wake in waiting:
                    if not wake.done():
                        wake.set_result(None)

    def _write(self, records: list[bytes]) -> None:
        """All of them or none, synced."""
        content = b"".join(_HEAD.pack(len(one), zlib.crc32(one)) + one for one in records)
        if self.size_bytes + len(content) > self._max_bytes:
            raise SpoolFull
        segment = self._current or self._begin()
        try:
            written = 0
            while written < len(content):
                written += os.write(segment.descriptor, content[written:])
            os.fdatasync(segment.descriptor)
        except OSError:
            os.ftruncate(segment.descriptor, segment.size)
            raise
        segment.size += len(content)

    def _begin(self) -> _Segment:
        name = f"{time.time_ns() // 1_000_000:013d}-{os.getpid()}-{next(self._numbers)}{_SUFFIX}"
        path = self._folder / name
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sync_folder(self._folder)
        self._current = _Segment(path, descriptor)
        return self._current

    def _seal(self) -> None:
        """What comes from now on goes into another segment."""
        segment, self._current = self._current, None
        if segment is not None:
            self._held[segment.path] = segment

    # --- replaying --------------------------------------------------------------------------------

    def _files(self) -> Iterator[tuple[Path, int]]:
        for entry in os.scandir(self._folder):
            if entry.name.endswith(_SUFFIX):
                try:
                    yield Path(entry.path), entry.stat().st_size
                except FileNotFoundError:  # another process is done with it
                    continue

    def _take_over(self) -> None:
        """Hold the segments that nobody holds: their process has ended."""
        for path, size in self._files():
            if path in self._held:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            if os.fstat(descriptor).st_nlink == 0:  # removed between looking and locking
                os.close(descriptor)
                continue
            self._held[path] = _Segment(path, descriptor, size)

    def _remove(self, segment: _Segment) -> None:
        del self._held[segment.path]
        segment.path.unlink(missing_ok=True)
        os.close(segment.descriptor)


def _batches(segment: _Segment) -> Iterator[tuple[list[bytes], int]]:
    """Whole records from where the segment was left, some at a time, and where each batch ends."""
    records: list[bytes] = []
    size, at = 0, segment.done
    for record, end in _records(segment):
        records.append(record)
        size, at = size + len(record), end
        if len(records) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield records, at
            records, size = [], 0
    if records:
        yield records, at


def _records(segment: _Segment) -> Iterator[tuple[bytes, int]]:
    """Records up to the end, or to one that was not written to its end."""
    at, length = segment.done, os.fstat(segment.descriptor).st_size
    while at < length:
        head = os.pread(segment.descriptor, _HEAD.size, at)
        if len(head) < _HEAD.size:
            break
        size, crc = _HEAD.unpack(head)
        record = os.pread(segment.descriptor, size, at + _HEAD.size)
        if len(record) < size or zlib.crc32(record) != crc:
            break
        at += _HEAD.size + size
        yield record, at
    if at < length:
        log.warning("spool.torn", dropped_bytes=length - at)


def _sync_folder(folder: Path) -> None:
    """A new file is there after a crash only when its folder is synced, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
