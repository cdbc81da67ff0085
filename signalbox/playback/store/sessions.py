"""Reports of a batch: their sessions are locked, all reports of a session folded into it, and every table written once.

The row of `session_keys` is the lock of its session, always taken in the order of (app, session): two processes cannot wait for each
other. It also says in which partition the session lies, which no clock of a device can change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.pq.abc import PGresult

from signalbox.core import params as p
from signalbox.playback.rules.merging import merged
from signalbox.playback.rules.reports import Entry, Stored
from signalbox.playback.rules.times import Belief
from signalbox.playback.store.links import Link, Statement, link_of
from signalbox.playback.store.messages import ERASED, Applied, Message
from signalbox.playback.store.rows import (
    COLUMNS,
    INSERT,
    ROW_TYPE,
    UPDATE,
    Row,
    array_of,
    stored_of,
)

MINUTE_MS: Final = 60_000
PLACES_MAX: Final = 20_000  # some 6 MB
NEW_AT_ONCE: Final = 128
ERASED_STATE: Final = "erased"

Key = tuple[UUID, str]  # app and session

_LOCK: Final = Statement(
    b"playback_lock",
    b"""
    INSERT INTO playback.session_keys AS known (app_id, session_id, partition_ts)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS new (app, id, at) ORDER BY app, id COLLATE "C"
    ON CONFLICT (app_id, session_id) DO UPDATE SET state = known.state
    RETURNING app_id, session_id, (date_part('epoch', partition_ts) * 1000000)::bigint, state""",
)
# The bounds say which partitions need not be opened.
_LOAD: Final = Statement(
    b"playback_load",
    f"""
    SELECT s.app_id, {COLUMNS}
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS w (app, id, at)
    JOIN playback.sessions s ON s.app_id = w.app AND s.session_id = w.id AND s.partition_ts = w.at
    WHERE s.partition_ts BETWEEN $4 AND $5""".encode(),
)
_ENTRY_COLUMNS: Final = (
    *("app_id", "session_id", "partition_ts", "elapsed_ms", "timestamp_ms", "playback_state"),
    *("current_bitrate_bps", "network_type", "dropped_frames", "buffered_ms"),
    *("rebuffer_count", "rebuffer_time_ms"),
)
_ADD: Final = Statement(b"playback_add", INSERT.encode())
_CHANGE: Final = Statement(b"playback_change", UPDATE.encode())


def _arrays(first: int, *kinds: str) -> str:
    """A row for each element of the arrays that begin with the parameter `first`."""
    return f"unnest({', '.join(f'${first + n}::{kind}[]' for n, kind in enumerate(kinds))})"


_ENTRY_KINDS: Final = (
    *("uuid", "text", "timestamptz", "bigint", "bigint", "text"),
    *("integer", "text", "bigint", "bigint", "integer", "bigint"),
)
_INTO_TIMELINE: Final = f"INSERT INTO playback.session_timeline ({', '.join(_ENTRY_COLUMNS)})"
_INTO_MINUTES: Final = "INSERT INTO playback.dirty_minutes (app_id, minute, marked_at)"
_MINUTE_KINDS: Final = ("uuid", "timestamptz", "timestamptz")
_ADD_ENTRIES: Final = Statement(
    b"playback_entries",
    f"{_INTO_TIMELINE} SELECT * FROM {_arrays(1, *_ENTRY_KINDS)} ON CONFLICT DO NOTHING".encode(),
)
_MARK: Final = Statement(
    b"playback_mark", f"{_INTO_MINUTES} SELECT * FROM {_arrays(1, *_MINUTE_KINDS)}".encode()
)
# The keys are looked up in a table of hashes: as a plain IN they would be a join, for which these connections have but loops.
_CREATE: Final = Statement(
    b"playback_create",
    f"""
    WITH made AS (
        INSERT INTO playback.session_keys (app_id, session_id, partition_ts)
        SELECT app_id, session_id, partition_ts FROM unnest($1::{ROW_TYPE}[]) ORDER BY app_id, session_id COLLATE "C"
        ON CONFLICT (app_id, session_id) DO NOTHING RETURNING app_id, session_id
    ),
    added AS ({INSERT} WHERE ((n.app_id, n.session_id) IN (SELECT app_id, session_id FROM made)) IS TRUE),
    entries AS (
        {_INTO_TIMELINE} SELECT * FROM {_arrays(2, *_ENTRY_KINDS)} AS e (app_id, session_id)
        WHERE ((e.app_id, e.session_id) IN (SELECT app_id, session_id FROM made)) IS TRUE ON CONFLICT DO NOTHING
    ),
    marked AS ({_INTO_MINUTES} SELECT * FROM {_arrays(14, *_MINUTE_KINDS)})
    SELECT app_id, session_id FROM made""".encode(),
)
_BEGIN: Final = Statement(b"playback_begin", b"BEGIN")
_COMMIT: Final = Statement(b"playback_commit", b"COMMIT")
_ROLLBACK: Final = Statement(b"playback_rollback", b"ROLLBACK")
_ROW_OID: Final = Statement(
    b"playback_row_oid", f"SELECT '{ROW_TYPE}'::regtype::oid::bigint".encode()
)


class _Session(NamedTuple):
    """A locked session: where it lies, and what is stored of it."""

    partition_us: int
    stored: Stored | None


class Applier:
    """Stores a batch of reports; answers one Applied per report, in their order."""

    def __init__(self, now_us: Callable[[], int], belief: Belief) -> None:
        self._now_us, self._belief = now_us, belief
        self._last_us = 0
        self._places = _Places()

    async def __call__(
        self, connection: AsyncConnection[Any], messages: Sequence[Message]
    ) -> list[Applied]:
        """Run inside an open transaction."""
        return await self._apply(Link(connection), messages)

    async def transaction(
        self, connection: AsyncConnection[Any], messages: Sequence[Message]
    ) -> list[Applied]:
        """As a transaction of its own, or two, on a connection in autocommit."""
        link = link_of(connection)
        keys = {(app, report.session_id) for app, report, _ in messages}
        if len(keys) <= NEW_AT_ONCE and link.row_oid is not None and not self._places.of(keys):
            return await self._created(connection, link, messages, keys)
        return await self._locked(connection, link, messages)

    async def _created(
        self,
        connection: AsyncConnection[Any],
        link: Link,
        messages: Sequence[Message],
        keys: set[Key],
    ) -> list[Applied]:
        """Nobody here knows these sessions: most likely they are new. One statement stores those that are, and no other."""
        at_us = self._instant()
        sessions = {key: _Session(at_us, None) for key in keys}
        outcomes, folded = self._fold(messages, sessions, set())
        _send_new(link, messages, sessions, folded, at_us)
        made = {(app, session_id) for app, session_id in link.rows((await link.answers())[0])}
        self._places.remember({key: sessions[key] for key in made})
        if len(made) == len(keys):
            return outcomes
        known = [one for one in messages if (one.app, one.report.session_id) not in made]
        later = iter(await self._locked(connection, link, known))
        return [
            outcome if (one.app, one.report.session_id) in made else next(later)
            for one, outcome in zip(messages, outcomes, strict=True)
        ]

    async def _locked(
        self, connection: AsyncConnection[Any], link: Link, messages: Sequence[Message]
    ) -> list[Applied]:
        link.send(_BEGIN)
        try:
            return await self._apply(link, messages, end=_COMMIT)
        except Exception:
            if not connection.closed:
                link.send(_ROLLBACK)
                await link.answers()
            raise

    def _instant(self) -> int:
        """A key that comes back with our own instant was made by us just now: so no two batches have the same one."""
        self._last_us = max(self._now_us(), self._last_us + 1)
        return self._last_us

    async def _apply(
        self, link: Link, messages: Sequence[Message], end: Statement | None = None
    ) -> list[Applied]:
        at_us = self._instant()
        sessions, erased = await self._lock(link, messages, at_us)
        outcomes, folded = self._fold(messages, sessions, erased)
        _write(link, messages, sessions, folded, at_us)
        if end is not None:
            link.send(end)
        await link.answers()
        self._places.remember(sessions)
        return outcomes

    async def _lock(
        self, link: Link, messages: Sequence[Message], at_us: int
    ) -> tuple[dict[Key, _Session], set[Key]]:
        """The sessions of a batch, locked, and which of them are erased."""
        wanted = sorted({(app, report.session_id) for app, report, _ in messages})
        link.send(
            _LOCK,
            p.uuids(key[0] for key in wanted),
            p.texts(key[1] for key in wanted),
            p.instants(at_us for _ in wanted),
        )
        guessed = self._places.of(wanted)
        if guessed:
            _send_load(link, guessed)
        if link.row_oid is None:
            link.send(_ROW_OID)
        locked, *more = await link.answers()
        if link.row_oid is None:
            link.row_oid = link.rows(more.pop())[0][0]
        sessions: dict[Key, _Session] = {}
        erased: set[Key] = set()
        unknown: dict[Key, int] = {}
        for app, session_id, partition_us, state in link.rows(locked):
            key = (app, session_id)
            sessions[key] = _Session(partition_us, None)
            if state == ERASED_STATE:
                erased.add(key)
            elif partition_us not in (at_us, guessed.get(key)):
                unknown[key] = partition_us
        if guessed:
            found = _loaded(link, more[0], guessed)
            sessions |= {
                key: session
                for key, session in found.items()
                if session.partition_us == sessions[key].partition_us
            }
        if unknown:
            _send_load(link, unknown)
            sessions |= _loaded(link, (await link.answers())[0], unknown)
        return sessions, erased

    def _fold(
        self, messages: Sequence[Message], sessions: dict[Key, _Session], erased: set[Key]
    ) -> tuple[list[Applied], dict[Key, Stored]]:
        """What became of each report, and every session as it is then."""
        outcomes: list[Applied] = []
        folded: dict[Key, Stored] = {}
        for app, report, weights in messages:
            key = (app, report.session_id)
            if key in erased:
                outcomes.append(ERASED)
                continue
            known = folded.get(key) or sessions[key].stored
            stored, result = merged(known, report, belief=self._belief, weights=weights)
            folded[key] = stored
            outcomes.append(Applied(result, stored.revision))
        return outcomes, folded


class _Places:
    """Where sessions that were reported lately lie: what is to be loaded can be asked for before its lock is there. Only a guess; the lock tells."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, int] = OrderedDict()

    def remember(self, sessions: dict[Key, _Session]) -> None:
        """These are there now."""
        for key, session in sessions.items():
            self._known[key] = session.partition_us
            self._known.move_to_end(key)
        while len(self._known) > PLACES_MAX:
            self._known.popitem(last=False)

    def of(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Those of the keys that are known."""
        known = self._known
        return {key: known[key] for key in keys if key in known}


def _send_load(link: Link, places: dict[Key, int]) -> None:
    """A statement of its own: only one that begins after the lock sees what was committed before it."""
    link.send(
        _LOAD,
        p.uuids(app for app, _ in places),
        p.texts(session_id for _, session_id in places),
        p.instants(places.values()),
        *_bounds(places.values()),
    )


def _bounds(instants_us: Iterable[int]) -> tuple[bytes, bytes]:
    all_us = list(instants_us)
    return p.instant(min(all_us)), p.instant(max(all_us))


def _loaded(link: Link, result: PGresult, places: dict[Key, int]) -> dict[Key, _Session]:
    found: dict[Key, _Session] = {}
    for app, *columns in link.rows(result):
        stored = stored_of(columns)
        key = (app, stored.session_id)
        found[key] = _Session(places[key], stored)
    return found


def _write(
    link: Link,
    messages: Sequence[Message],
    sessions: dict[Key, _Session],
    folded: dict[Key, Stored],
    at_us: int,
) -> None:
    """Send what has changed."""
    if not folded:
        return
    assert link.row_oid is not None
    new: list[Row] = []
    changed: list[Row] = []
    for key, stored in folded.items():
        session = sessions[key]
        row = (key[0], session.partition_us, stored)
        (new if session.stored is None else changed).append(row)
    if new:
        link.send(_ADD, array_of(new, link.row_oid))
    if changed:
        bounds = _bounds(partition_us for _, partition_us, _ in changed)
        link.send(_CHANGE, array_of(changed, link.row_oid), *bounds)
    entries = _entries(messages, sessions, folded)
    if entries:
        link.send(_ADD_ENTRIES, *_timeline_parameters(entries))
    link.send(_MARK, *_minute_parameters(_minutes(sessions, folded), at_us))


def _send_new(
    link: Link,
    messages: Sequence[Message],
    sessions: dict[Key, _Session],
    folded: dict[Key, Stored],
    at_us: int,
) -> None:
    assert link.row_oid is not None
    rows = [(app, at_us, stored) for (app, _), stored in folded.items()]
    link.send(
        _CREATE,
        array_of(rows, link.row_oid),
        *_timeline_parameters(_entries(messages, sessions, folded)),
        *_minute_parameters(_minutes(sessions, folded), at_us),
    )


def _minutes(sessions: dict[Key, _Session], folded: dict[Key, Stored]) -> list[tuple[UUID, int]]:
    """The minutes in which a session's end lay and lies, by app."""
    found = {(key[0], stored.timestamp_ms // MINUTE_MS) for key, stored in folded.items()}
    for key in folded:
        before = sessions[key].stored
        if before is not None:
            found.add((key[0], before.timestamp_ms // MINUTE_MS))
    return sorted(found)


def _minute_parameters(minutes: list[tuple[UUID, int]], at_us: int) -> tuple[bytes, ...]:
    return (
        p.uuids(app for app, _ in minutes),
        p.instants(minute * MINUTE_MS * 1000 for _, minute in minutes),
        p.instants(at_us for _ in minutes),
    )


_Placed = tuple[UUID, str, int, Entry]


def _entries(
    messages: Sequence[Message], sessions: dict[Key, _Session], folded: dict[Key, Stored]
) -> list[_Placed]:
    """The timelines of all reports that are stored, in the order of their keys, so that two processes wait in one order."""
    placed: list[_Placed] = []
    for app, report, _ in messages:
        key = (app, report.session_id)
        if report.timeline and key in folded:
            at_us = sessions[key].partition_us
            placed.extend((app, report.session_id, at_us, entry) for entry in report.timeline)
    return placed


def _timeline_parameters(placed: list[_Placed]) -> tuple[bytes, ...]:
    entries = [entry for *_, entry in placed]
    return (
        p.uuids(row[0] for row in placed), p.texts(row[1] for row in placed), p.instants(row[2] for row in placed),
        p.bigints(e.elapsed_ms for e in entries), p.bigints(e.timestamp_ms for e in entries), p.texts(e.playback_state for e in entries),
        p.ints(e.current_bitrate_bps for e in entries), p.texts(e.network_type for e in entries), p.bigints(e.dropped_frames for e in entries),
        p.bigints(e.buffered_ms for e in entries), p.ints(e.rebuffer_count for e in entries), p.bigints(e.rebuffer_time_ms for e in entries),
    )  # fmt: skip
