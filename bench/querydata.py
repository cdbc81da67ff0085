"""Thirty days of calls, made by SQL: what the benches of reading ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from bench.recorded import session_body, stats_data
from signalbox.core.compression import pack

DAYS = 30
GRAPH_PARTICIPANTS, GRAPH_CONNECTIONS, GRAPH_POSTS = 4, 3, 360  # an hour, a post every 10 s

# Hashed numbers, not random(): the same figures in every run.
_SETUP = """
    CREATE SCHEMA bench;
    CREATE FUNCTION bench.dice(n bigint, salt text, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS
        $$ SELECT (abs(hashtextextended(salt || n, 0)) % sides)::int $$;
    CREATE FUNCTION bench.key(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || n)::uuid $$;"""
_PARTICIPANTS = """
    INSERT INTO monitoring.participants (id, app_id, organization_id, created_at, participant_id, participant_name)
    SELECT bench.key('p', n), %(app)s, %(org)s, %(from)s, 'user-' || lpad(n::text, 6, '0'),
        (ARRAY['Noor','Ravi','Alice','Bob','Mei','Tomás','Ingrid','Kwame'])[1 + bench.dice(n, 'f', 8)] || ' '
        || (ARRAY['Haddad','Patel','Nilsson','Okafor','Tanaka','García','Dubois','Novak'])[1 + bench.dice(n, 'l', 8)]
    FROM generate_series(1, %(participants)s) n"""
_CONFERENCES = """
    INSERT INTO monitoring.conferences (id, app_id, organization_id, created_at, conference_id, conference_name, start_time, end_time,
        ongoing, duration, last_seen_at)
    SELECT bench.key('c', n), %(app)s, %(org)s, at, 'room-' || lpad(n::text, 6, '0'),
        (ARRAY['Stand-up','Planning','Retro','Interview','Lesson','Consultation','Webinar','Support call'])[1 + bench.dice(n, 'name', 8)]
        || ' ' || bench.dice(n, 'number', 5000), at, CASE WHEN NOT ongoing THEN at + secs * interval '1 second' END, ongoing,
        CASE WHEN ongoing THEN 0 ELSE secs END, at + secs * interval '1 second'
    FROM (SELECT n, %(from)s + n * (interval '30 days' / %(conferences)s) AS at, 20 + bench.dice(n, 'd', 4200) AS secs,
        n > %(conferences)s - 50 AS ongoing FROM generate_series(1, %(conferences)s) n) AS made"""
_SESSIONS = """
    INSERT INTO monitoring.sessions (id, app_id, organization_id, conference_id, participant_id, created_at, end_time, duration, constraints,
        devices, platform, metadata, geo_ip, app_version, webrtc_sdk, last_seen_at)
    SELECT bench.key('s', n), c.app_id, c.organization_id, c.id, bench.key('p', 1 + bench.dice(n, 'who', %(participants)s)), c.created_at,
        c.end_time, c.duration, %(constraints)s, %(devices)s,
        jsonb_set(jsonb_set(%(platform)s, '{browser,name}', to_jsonb((ARRAY['Chrome','Chrome','Chrome','Firefox','Safari','Edge'])[1 + bench.dice(n, 'b', 6)])),
            '{os,name}', to_jsonb((ARRAY['Windows','Windows','Mac OS','Linux','Android','iOS'])[1 + bench.dice(n, 'o', 6)])),
        jsonb_build_object('plan', (ARRAY['free','pro','team'])[1 + bench.dice(n, 'm', 3)]),
        CASE WHEN bench.dice(n, 'g', 10) > 0 THEN jsonb_build_object('country_code', (ARRAY['DE','FR','IN','US','NG'])[1 + bench.dice(n, 'g', 5)],
            'region_code', null, 'city', 'City ' || bench.dice(n, 'g', 40), 'latitude', bench.dice(n, 'g', 40), 'longitude', bench.dice(n, 'g', 40)) END,
        '3.' || bench.dice(n, 'v', 6) || '.0', CASE WHEN bench.dice(n, 'w', 3) = 0 THEN 'livekit' END, c.last_seen_at
    FROM (SELECT n, (n + 1) / 2 AS call FROM generate_series(1, 2 * %(conferences)s::bigint) n) AS made
    JOIN monitoring.conferences c ON c.id = bench.key('c', call)"""
_LINKS = """
    INSERT INTO monitoring.conference_participants
    SELECT conference_id, participant_id, count(*) FROM monitoring.sessions GROUP BY 1, 2"""
_CONNECTIONS = """
    INSERT INTO monitoring.connections (id, app_id, organization_id, session_id, conference_id, participant_id, peer_id, created_at, type, state,
        connection_info, start_time, end_time, duration, established, last_seen_at)
    SELECT bench.key('x', row_number() OVER (ORDER BY s.created_at, s.id)), s.app_id, s.organization_id, s.id, s.conference_id, s.participant_id,
        s.participant_id, s.created_at, (ARRAY['host','srflx','srflx','prflx','relay',NULL])[1 + bench.dice(hashtext(s.id::text), 't', 6)], 'closed',
        jsonb_build_object('detected_tcp', false, 'detected_turn', false, 'negotiations', jsonb_build_array(jsonb_build_object(
            'start_time', to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'status',
            CASE WHEN bench.dice(hashtext(s.id::text), 'ok', 20) > 0 THEN 'connected' ELSE 'failed' END, 'type', 'initial', 'end_time',
            to_char(s.created_at AT TIME ZONE 'UTC' + bench.dice(hashtext(s.id::text), 'ms', 6000) * interval '1 ms', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'duration', 1))),
        s.created_at, s.end_time, s.duration, true, s.last_seen_at
    FROM monitoring.sessions s"""
_ISSUES = """
    INSERT INTO monitoring.issues (id, app_id, organization_id, session_id, conference_id, participant_id, created_at, type, code, data)
    SELECT bench.key('i', n), s.app_id, s.organization_id, s.id, s.conference_id, s.participant_id, s.created_at,
        CASE WHEN which IN (1, 2, 3) THEN 'error' ELSE 'warning' END,
        (ARRAY['connection_failed','ice_failed','no_connection','turn_used','tcp_used','connection_disconnected','multiple_rejoins','getusermedia_error'])[which],
        CASE WHEN which = 8 THEN jsonb_build_object('name', (ARRAY['NotAllowedError','NotFoundError','NotReadableError'])[1 + bench.dice(n, 'e', 3)], 'message', 'no') END
    FROM (SELECT n, 1 + bench.dice(n, 'code', 8) AS which FROM generate_series(1, 2 * %(conferences)s::bigint) n WHERE bench.dice(n, 'bad', 5) = 0) AS made
    JOIN monitoring.sessions s ON s.id = bench.key('s', n)"""
_SAMPLES = """
    INSERT INTO monitoring.samples (id, app_id, conference_id, participant_id, session_id, peer_id, connection_id, created_at, received_at,
        time_taken_ms, rtt_ms, available_bps, flows, tracks, bytes, packets, lost, jitter_ms, emos, report)
    SELECT bench.key(%(kind)s, n), x.app_id, x.conference_id, x.participant_id, x.session_id, x.peer_id, x.id, at, at, 2, 20, 1e6, '{0,1,2,3}',
        ARRAY[x.id, x.id, x.id, x.id], ARRAY[n, n, n, n], ARRAY[n, n, n, n], '{0,NULL,0,NULL}', '{2,NULL,3,NULL}', '{4.2,NULL,NULL,NULL}', %(report)s
    FROM (SELECT n, 1 + n / %(each)s AS place, n %% %(each)s AS post FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) n) AS made
    JOIN monitoring.connections x ON x.id = bench.key(%(place)s, place)
    CROSS JOIN LATERAL (SELECT x.created_at + post * interval '10 seconds' AS at) AS times"""
_HOUR = """
    INSERT INTO monitoring.connections (id, app_id, organization_id, session_id, conference_id, participant_id, peer_id, created_at, connection_info,
        start_time, last_seen_at)
    SELECT bench.key('g', row_number() OVER ()), s.app_id, s.organization_id, s.id, s.conference_id, s.participant_id, s.participant_id, s.created_at,
        '{"negotiations": []}', s.created_at, s.created_at
    FROM (SELECT * FROM monitoring.sessions WHERE id = bench.key('s', %(conferences)s)) s, generate_series(1, %(connections)s)"""
_PARTITION = """
    CREATE TABLE IF NOT EXISTS monitoring.{table}_{day:%Y%m%d} PARTITION OF monitoring.{table} FOR VALUES FROM ('{day}') TO ('{day}'::date + 1)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Where the data begins, and what to ask for."""

    app: UUID
    organization: UUID
    conference: UUID
    hour_call: UUID


def fill(
    url: str, *, app: UUID, organization: UUID, begin: Any, conferences: int, samples: int
) -> Filled:
    """Make `conferences` calls of two with sessions, connections and issues, and `samples` reports, from `begin` on."""
    body = session_body()
    values: dict[str, Any] = {
        "app": app,
        "org": organization,
        "from": begin,
        "conferences": conferences,
        "participants": max(10, conferences // 5),
        "constraints": Jsonb(body["constraints"]),
        "devices": Jsonb(body["devices"]),
        "platform": Jsonb(body["platform"]),
        "connections": GRAPH_PARTICIPANTS * GRAPH_CONNECTIONS,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SETUP)
        for statement in (_PARTICIPANTS, _CONFERENCES, _SESSIONS, _LINKS, _CONNECTIONS, _ISSUES):
            connection.execute(statement, values)
        connection.execute(_HOUR, values)
        _samples(connection, samples, values)
        connection.execute("VACUUM ANALYZE")
        return Filled(
            app=app,
            organization=organization,
            conference=_key(connection, "c", conferences // 3),
            hour_call=_key(connection, "c", (conferences + 1) // 2),
        )


def _samples(connection: psycopg.Connection[Any], samples: int, values: dict[str, Any]) -> None:
    packed = [pack(json.dumps(data).encode()) for data in stats_data()]
    days = connection.execute(
        "SELECT generate_series(%s::date, %s::date + 31, '1 day')::date",
        (values["from"], values["from"]),
    )
    for (day,) in days.fetchall():
        connection.execute(_PARTITION.format(table="samples", day=day))
        connection.execute(_PARTITION.format(table="events", day=day))
    hour = GRAPH_PARTICIPANTS * GRAPH_CONNECTIONS * GRAPH_POSTS
    parts = [("h", "g", GRAPH_POSTS, hour)]
    parts += [("r", "x", 10, max(0, samples - hour))]
    for kind, place, each, total in parts:
        step = max(1, -(-total // len(packed)))
        for number, report in enumerate(packed):
            span = {"first": number * step, "last": min(total, (number + 1) * step)}
            given = {"kind": kind, "place": place, "each": each, "report": report, **span}
            connection.execute(_SAMPLES, given)


def _key(connection: psycopg.Connection[Any], kind: str, number: int) -> UUID:
    row = connection.execute("SELECT bench.key(%s, %s)", (kind, number)).fetchone()
    assert row is not None
    return UUID(str(row[0]))
