"""Stats posts: three statements for a whole batch, more only when something is seen for the first time."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.ids import derived_id
from signalbox.monitoring.errors import ConnectionEnded, ConnectionNotFound
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.rules.connection import Fact, with_fact
from signalbox.monitoring.store.consequences import draw_consequences
from signalbox.monitoring.store.lives import deleted_sessions, lock_connections, lock_sessions
from signalbox.monitoring.store.messages import Sample, TrackSighting
from signalbox.monitoring.store.news import News
from signalbox.monitoring.store.rows import copy_samples, sample_row
from signalbox.monitoring.store.tracks import Name, TrackRow

LATE_AFTER_END_US = 2_000_000
SEEN_STAMPS = 64
_KINDS = (("audio", "inbound"), ("audio", "outbound"), ("video", "inbound"), ("video", "outbound"))

_LOCK = """
    SELECT id, session_id, peer_id, end_time, type, type_at, established, stats_seen, is_active AND erased_at IS NULL,
        connection_info->>'detected_tcp' = 'true', connection_info->>'detected_turn' = 'true'
    FROM monitoring.connections WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"""
_UPDATE = """
    UPDATE monitoring.connections AS c SET stats_seen = new.stats_seen, type = new.type, type_at = new.type_at,
        last_seen_at = greatest(c.last_seen_at, new.seen)
    FROM unnest(%s, %s, %s, %s, %s) AS new (id, stats_seen, type, type_at, seen)
    WHERE c.id = new.id"""


class _Target:
    """A locked connection, as far as samples need it."""

    __slots__ = (
        "end_us",
        "established",
        "is_active",
        "peer",
        "seen",
        "session",
        "tcp",
        "touched",
        "turn",
        "type",
        "type_us",
    )

    def __init__(self, row: tuple[Any, ...]) -> None:
        (
            _,
            self.session,
            self.peer,
            end,
            self.type,
            type_at,
            self.established,
            seen,
            self.is_active,
            tcp,
            turn,
        ) = row
        self.end_us: int | None = None if end is None else micros(end)
        self.type_us: int | None = None if type_at is None else micros(type_at)
        self.seen = array("I", seen)
        self.tcp, self.turn, self.touched = bool(tcp), bool(turn), False

    def take_type(self, sample: Sample) -> None:
        """The candidate type of the latest post counts; an absent one leaves it."""
        if sample.local_type_given and (self.type_us is None or sample.at_us >= self.type_us):
            self.type, self.type_us = sample.local_type, sample.at_us


class _KnownTracks:
    """Ids of tracks that exist, by session. They never change, so every process may keep them."""

    def __init__(self, limit: int = 50_000) -> None:
        self._of: OrderedDict[UUID, dict[tuple[str, str], UUID]] = OrderedDict()
        self._limit, self._count = limit, 0

    def of(self, session: UUID) -> Mapping[tuple[str, str], UUID]:
        """By track id and direction."""
        return self._of.get(session, _NONE_KNOWN)

    def put(self, names: dict[Name, UUID]) -> None:
        for (session, track, direction), found in names.items():
            known = self._of.setdefault(session, {})
            self._count += (track, direction) not in known
            known[track, direction] = found
        while self._count > self._limit:
            self._count -= len(self._of.popitem(last=False)[1])


_NONE_KNOWN: Mapping[tuple[str, str], UUID] = {}
_known_tracks = _KnownTracks()


async def apply_samples(
    connection: AsyncConnection[Any],
    samples: list[Sample],
    outcomes: dict[int, Any],
    news: News,
    *,
    now_us: int,
) -> None:
    """Store the samples of a batch; a repeated one is acknowledged and not stored again."""
    if not samples:
        return
    wanted = p.uuids(sorted({sample.connection for sample in samples}))
    cursor = await connection.execute(_LOCK, (wanted,), binary=True)
    targets = {row[0]: _Target(row) for row in await cursor.fetchall()}
    unknown = {sample.session.id for sample in samples if sample.connection not in targets}
    gone = await deleted_sessions(connection, unknown)
    good = [
        sample
        for sample in samples
        if _admit(sample, targets.get(sample.connection), gone, outcomes)
    ]
    if not good:
        return
    tracks = await _track_ids(connection, good)
    rows = [
        sample_row(sample, peer=targets[sample.connection].peer, tracks=ids, received_us=now_us)
        for sample, ids in zip(good, tracks, strict=True)
    ]
    await copy_samples(connection, rows)
    touched = [(key, target) for key, target in targets.items() if target.touched]
    await connection.execute(
        _UPDATE,
        (p.uuids(key for key, _ in touched), p.payloads(target.seen.tobytes() for _, target in touched),
         p.texts(target.type for _, target in touched), p.instants(target.type_us for _, target in touched),
         p.instants(now_us for _ in touched)),
    )  # fmt: skip
    await _first_sights(connection, good, targets, news, now_us=now_us)
    news.samples(zip(good, tracks, strict=True))


def _admit(
    sample: Sample, target: _Target | None, gone: set[UUID], outcomes: dict[int, Any]
) -> bool:
    if sample.session.id in gone:
        outcomes[id(sample)] = ConnectionEnded()  # stops the client, which would repeat it
        return False
    if target is None or target.session != sample.session.id:
        outcomes[id(sample)] = ConnectionNotFound(field="connectionId")
        return False
    if not target.is_active or (
        target.end_us is not None and sample.at_us > target.end_us + LATE_AFTER_END_US
    ):
        outcomes[id(sample)] = ConnectionEnded()
        return False
    outcomes[id(sample)] = None
    if sample.stamp in target.seen:
        return False
    target.seen.append(sample.stamp)
    del target.seen[:-SEEN_STAMPS]
    target.take_type(sample)
    target.touched = True
    return True


async def _track_ids(
    connection: AsyncConnection[Any], samples: list[Sample]
) -> list[list[UUID | None]]:
    """The tracks of each sample's flows, in their order; None where a flow names none."""
    found: list[list[UUID | None]] = []
    gaps: list[tuple[int, int, Name]] = []  # which sample, which flow
    missing: dict[Name, TrackRow] = {}
    for sample in samples:
        known = _known_tracks.of(sample.session.id)
        ids: list[UUID | None] = []
        for flow in sample.flows:
            track, direction = flow.track, _KINDS[flow.direction][1]
            one = None if track is None else known.get((track, direction))
            if track is not None and one is None:
                name = (sample.session.id, track, direction)
                gaps.append((len(found), len(ids), name))
                if name not in missing:
                    missing[name] = _sighted(sample, flow.direction, track)
            ids.append(one)
        found.append(ids)
    if missing:
        made = await _make_tracks(connection, missing)
        for number, place, name in gaps:
            found[number][place] = made[name]
    return found


def _sighted(sample: Sample, code: int, track: str) -> TrackRow:
    kind, direction = _KINDS[code]
    sighting = TrackSighting(
        track_id=track, kind=kind, direction=direction, connection=sample.connection
    )
    return TrackRow(sample.session, sighting, sample.at_us)


_EXISTING = """
    SELECT id, session_id, track_id, direction, connection_id IS NOT NULL FROM monitoring.tracks
    WHERE (session_id, track_id, direction) IN (SELECT * FROM unnest(%s, %s, %s))"""


async def _make_tracks(
    connection: AsyncConnection[Any], missing: dict[Name, TrackRow]
) -> dict[Name, UUID]:
    ordered = sorted(missing)
    cursor = await connection.execute(
        _EXISTING,
        (
            p.uuids(n[0] for n in ordered),
            p.texts(n[1] for n in ordered),
            p.texts(n[2] for n in ordered),
        ),
    )
    found = {
        (session, name, direction): known
        for known, session, name, direction, attached in await cursor.fetchall()
        if attached
    }
    for name in found:
        del missing[name]
    made = await attach_tracks(connection, list(missing.values()))
    # Only what was committed before may be kept: this transaction may still be rolled back.
    _known_tracks.put(found)
    return found | made


_ATTACH = """
    INSERT INTO monitoring.tracks AS known (id, app_id, organization_id, session_id, conference_id, participant_id, connection_id, created_at,
        track_id, kind, direction)
    SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) AS new (id, app, org, session, conference, participant, connection, at, track, kind, direction)
    ORDER BY session, track, direction
    ON CONFLICT (session_id, track_id, direction) DO UPDATE SET connection_id = coalesce(known.connection_id, excluded.connection_id),
        kind = coalesce(known.kind, excluded.kind)
    RETURNING id, session_id, track_id, direction"""


async def attach_tracks(connection: AsyncConnection[Any], rows: list[TrackRow]) -> dict[Name, UUID]:
    """Make tracks that only stats have named, or attach the connection to those that exist."""
    if not rows:
        return {}
    keys = [row.key for row in rows]
    cursor = await connection.execute(
        _ATTACH,
        (p.uuids(row.id for row in rows), p.uuids(k.app for k in keys), p.uuids(k.organization for k in keys), p.uuids(k.id for k in keys),
         p.uuids(k.conference for k in keys), p.uuids(k.participant for k in keys), p.uuids(row.connection for row in rows),
         p.instants(micros(row.created_at) for row in rows), p.texts(row.name for row in rows), p.texts(row.kind for row in rows),
         p.texts(row.direction for row in rows)),
    )  # fmt: skip
    return {
        (session, name, direction): found
        for found, session, name, direction in await cursor.fetchall()
    }


async def _first_sights(
    connection: AsyncConnection[Any],
    samples: list[Sample],
    targets: dict[UUID, _Target],
    news: News,
    *,
    now_us: int,
) -> None:
    """The first sign of media, TCP or a relay is a fact of its connection."""
    fresh: dict[UUID, list[Fact]] = {}
    for sample in samples:
        target = targets[sample.connection]
        facts = fresh.setdefault(sample.connection, [])
        for kind, shown, known in (
            ("stats", sample.established, target.established),
            ("tcp", sample.tcp, target.tcp),
            ("turn", sample.turn, target.turn),
        ):
            if shown and not known:
                facts.append(Fact(sample.at_us, kind, None, str(derived_id(sample.id, 0))))
    ids = {key for key, facts in fresh.items() if facts}
    if not ids:
        return
    lives = await lock_connections(connection, ids=ids, heavy=ids)
    # Only what has ended or is a return can still matter to its session.
    settling = {life.session.id for life in lives.values() if life.ended or life.rejoined}
    sessions = await lock_sessions(connection, settling) if settling else {}
    for key, life in lives.items():
        for fact in fresh[key]:
            life.changed = with_fact(life.facts, fact) or life.changed
    await draw_consequences(connection, sessions, lives, {}, news, now_us=now_us)
