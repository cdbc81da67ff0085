"""Tracks: found by what an event names, made when they are new, and kept up to date in event-time order."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core import params as p
from signalbox.core.errors import AppError
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import TrackNotFound
from signalbox.monitoring.rules.calls import instant, micros
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.store.messages import Event, TrackSighting

_COLUMNS = "id, session_id, connection_id, created_at, track_id, kind, direction, label, track_info, info_at"
_FIND = f"""
    SELECT {_COLUMNS} FROM monitoring.tracks
    WHERE is_active AND (session_id, track_id) IN (SELECT * FROM unnest(%s, %s)) ORDER BY id FOR NO KEY UPDATE"""
_INSERT = """
    INSERT INTO monitoring.tracks AS known (id, app_id, organization_id, session_id, conference_id, participant_id, connection_id, created_at,
        track_id, kind, direction, label, track_info, info_at)
    SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        AS new (id, app, org, session, conference, participant, connection, at, track, kind, direction, label, info, info_at)
    ORDER BY session, track, direction
    ON CONFLICT (session_id, track_id, direction) DO UPDATE SET connection_id = coalesce(known.connection_id, excluded.connection_id),
        kind = coalesce(known.kind, excluded.kind), label = coalesce(excluded.label, known.label),
        created_at = least(known.created_at, excluded.created_at), track_info = excluded.track_info, info_at = excluded.info_at,
        is_active = true
    RETURNING id, session_id, track_id, direction"""

Name = tuple[UUID, str, str]  # session, track id, direction


class TrackRow:
    """A track in memory."""

    __slots__ = (
        "at_us",
        "changed",
        "connection",
        "created_at",
        "direction",
        "id",
        "info",
        "info_at",
        "key",
        "kind",
        "label",
        "name",
    )

    def __init__(self, key: SessionKey, sighting: TrackSighting, at_us: int) -> None:
        self.id, self.key, self.name = new_id(), key, sighting.track_id
        self.kind, self.label, self.connection = sighting.kind, sighting.label, sighting.connection
        self.direction = sighting.direction or "inbound"
        self.info: dict[str, Any] = {}
        self.info_at: dict[str, int] = {}
        self.at_us, self.created_at, self.changed = at_us, instant(at_us), True

    def learn(self, sighting: TrackSighting, at_us: int) -> None:
        """Take over what is newer than what is known, name by name; constraints add up."""
        info = dict(sighting.info)
        constraints = info.pop("constraints", None)
        if constraints:
            known = self.info.setdefault("constraints", [])
            if constraints not in known:
                known.append(constraints)
                self.changed = True
        for name, value in info.items():
            if at_us >= self.info_at.get(name, 0):
                self.info[name], self.info_at[name] = value, at_us
                self.changed = True
        if self.connection is None and sighting.connection is not None:
            self.connection, self.changed = sighting.connection, True
        self.kind = self.kind or sighting.kind
        self.label = sighting.label or self.label

    def shown(self) -> dict[str, Any]:
        """The track as clients read it."""
        return {
            "id": str(self.id), "session": str(self.key.id), "connection": None if self.connection is None else str(self.connection),
            "created_at": self.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "track_id": self.name, "kind": self.kind,
            "direction": self.direction, "label": self.label, "track_info": self.info,
        }  # fmt: skip


class Sightings:
    """The tracks that a batch names."""

    def __init__(self) -> None:
        self.known: dict[Name, TrackRow] = {}
        self._answers: dict[int, TrackRow | None] = {}

    def _find(self, event: Event, sighting: TrackSighting) -> TrackRow | None:
        """By direction if given; else the one on the named connection, else the outbound one, else any."""
        session = event.session.id
        if sighting.direction is not None:
            return self.known.get((session, sighting.track_id, sighting.direction))
        rows = [row for key, row in self.known.items() if key[:2] == (session, sighting.track_id)]
        for row in rows:
            if sighting.connection is not None and row.connection == sighting.connection:
                return row
        return next((row for row in rows if row.direction == "outbound"), rows[0] if rows else None)

    def see(self, event: Event) -> UUID | None:
        """Take in the event's tracks; answers the id of the (last) one, None without any."""
        row: TrackRow | None = None
        for sighting in event.tracks:
            row = self._find(event, sighting)
            if row is None and sighting.create:
                row = TrackRow(event.session, sighting, event.at_us)
                self.known[event.session.id, row.name, row.direction] = row
            if row is not None:
                row.learn(sighting, event.at_us)
        self._answers[id(event)] = row
        return row.id if row is not None else None

    def refusal(self, event: Event) -> AppError | None:
        """TrackNotFound for a change of a track that nobody has announced; None if the event can be stored.

        The SDK repeats a refused change, so it is applied when the announcement was only overtaken.
        """
        if not event.answer_track or event.tracks[0].create:
            return None
        return None if self._find(event, event.tracks[0]) else TrackNotFound(field="trackId")

    def answer(self, event: Event) -> Any:
        """None, or for a track's event the track."""
        if not event.answer_track:
            return None
        return self._answers.get(id(event)) or self._find(event, event.tracks[0])


async def find_tracks(connection: AsyncConnection[Any], events: list[Event]) -> Sightings:
    """Lock and load the tracks that the events name."""
    sightings = Sightings()
    names = sorted(
        {(event.session.id, sighting.track_id) for event in events for sighting in event.tracks}
    )
    if not names:
        return sightings
    keys = {event.session.id: event.session for event in events}
    cursor = await connection.execute(
        _FIND, (p.uuids(session for session, _ in names), p.texts(name for _, name in names))
    )
    for (
        found,
        session,
        owner,
        created_at,
        name,
        kind,
        direction,
        label,
        info,
        info_at,
    ) in await cursor.fetchall():
        row = TrackRow(
            keys[session],
            TrackSighting(
                track_id=name, kind=kind, direction=direction, label=label, connection=owner
            ),
            0,
        )
        row.id, row.created_at, row.info, row.info_at, row.changed = (
            found,
            created_at,
            info,
            info_at,
            False,
        )
        sightings.known[session, name, direction] = row
    return sightings


async def apply_tracks(connection: AsyncConnection[Any], sightings: Sightings) -> None:
    """Write new and changed tracks."""
    rows = [row for row in sightings.known.values() if row.changed]
    await write_tracks(connection, rows)


async def write_tracks(connection: AsyncConnection[Any], rows: list[TrackRow]) -> dict[Name, UUID]:
    """Insert or update tracks; answers their ids, which for tracks that another process made first are not ours."""
    if not rows:
        return {}
    keys = [row.key for row in rows]
    cursor = await connection.execute(
        _INSERT,
        (p.uuids(row.id for row in rows), p.uuids(k.app for k in keys), p.uuids(k.organization for k in keys), p.uuids(k.id for k in keys),
         p.uuids(k.conference for k in keys), p.uuids(k.participant for k in keys), p.uuids(row.connection for row in rows),
         p.instants(micros(row.created_at) for row in rows), p.texts(row.name for row in rows), p.texts(row.kind for row in rows),
         p.texts(row.direction for row in rows), p.texts(row.label for row in rows),
         p.jsons(json.dumps(row.info).encode() for row in rows), p.jsons(json.dumps(row.info_at).encode() for row in rows)),
    )  # fmt: skip
    return {
        (session, name, direction): found
        for found, session, name, direction in await cursor.fetchall()
    }
