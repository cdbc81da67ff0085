CREATE SCHEMA monitoring;

CREATE TABLE monitoring.conferences (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES accounts.apps (id),
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    conference_id text NOT NULL,
    conference_name text,
    conference_info jsonb NOT NULL DEFAULT '{}',
    start_time timestamptz,
    call_start timestamptz,
    end_time timestamptz,
    ongoing boolean NOT NULL DEFAULT false,
    duration integer NOT NULL DEFAULT 0,
    last_seen_at timestamptz NOT NULL,
    judged_at timestamptz,
    UNIQUE (app_id, conference_id)
) WITH (fillfactor = 80);
CREATE INDEX conferences_app_created ON monitoring.conferences (app_id, created_at DESC, id);
CREATE INDEX conferences_ongoing ON monitoring.conferences (last_seen_at) WHERE ongoing;
CREATE INDEX conferences_unjudged ON monitoring.conferences (end_time) WHERE NOT ongoing AND judged_at IS NULL;

CREATE TABLE monitoring.participants (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES accounts.apps (id),
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    participant_id text NOT NULL,
    participant_name text,
    is_sfu boolean NOT NULL DEFAULT false,
    UNIQUE (app_id, participant_id)
) WITH (fillfactor = 80);
CREATE INDEX participants_app_created ON monitoring.participants (app_id, created_at DESC, id);

CREATE TABLE monitoring.conference_participants (
    conference_id uuid NOT NULL REFERENCES monitoring.conferences (id) ON DELETE CASCADE,
    participant_id uuid NOT NULL REFERENCES monitoring.participants (id) ON DELETE CASCADE,
    sessions integer NOT NULL DEFAULT 0,
    PRIMARY KEY (conference_id, participant_id)
) WITH (fillfactor = 80);
CREATE INDEX conference_participants_participant ON monitoring.conference_participants (participant_id);

CREATE TABLE monitoring.sessions (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conference_id uuid NOT NULL REFERENCES monitoring.conferences (id),
    participant_id uuid NOT NULL REFERENCES monitoring.participants (id),
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    end_time timestamptz,
    duration integer NOT NULL DEFAULT 0,
    call_start timestamptz,
    constraints jsonb,
    devices jsonb,
    platform jsonb,
    metadata jsonb,
    geo_ip jsonb,
    session_info jsonb NOT NULL DEFAULT '{}',
    app_version text,
    webrtc_sdk text,
    last_seen_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_conference ON monitoring.sessions (conference_id, created_at);
CREATE INDEX sessions_participant ON monitoring.sessions (participant_id, created_at);
CREATE INDEX sessions_app_created ON monitoring.sessions (app_id, created_at);

-- The wide and often written part of a session; its row is guarded by the lock on monitoring.sessions.
CREATE TABLE monitoring.session_lives (
    session_id uuid PRIMARY KEY REFERENCES monitoring.sessions (id) ON DELETE CASCADE,
    -- What happened, [[at_us, kind, value, event id], ...]: the state of the session is folded from it in event-time order.
    facts jsonb NOT NULL DEFAULT '[]',
    -- Digests and instants of the last events, for refusing repetitions: 12 bytes each.
    recent bytea NOT NULL DEFAULT '',
    -- Seconds of finished calls already added to monitoring.app_usage, by day.
    counted jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 60, toast_tuple_target = 8160);
ALTER TABLE monitoring.session_lives ALTER COLUMN recent SET STORAGE EXTERNAL;

CREATE TABLE monitoring.connections (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES monitoring.sessions (id),
    conference_id uuid NOT NULL REFERENCES monitoring.conferences (id),
    participant_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    type text,
    state text NOT NULL DEFAULT 'new',
    state_changed_at timestamptz,
    connection_info jsonb NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    duration integer,
    -- Report timestamps of the last 64 stats posts, 4 bytes each.
    stats_seen bytea NOT NULL DEFAULT '',
    -- Instant of the stats post that `type` was taken from.
    type_at timestamptz,
    established boolean NOT NULL DEFAULT false,
    last_seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX connections_session ON monitoring.connections (session_id);
CREATE INDEX connections_conference ON monitoring.connections (conference_id);
CREATE INDEX connections_participant ON monitoring.connections (participant_id, created_at);
CREATE INDEX connections_app_created ON monitoring.connections (app_id, created_at);

-- The wide part of a connection; its row is guarded by the lock on monitoring.connections.
CREATE TABLE monitoring.connection_lives (
    connection_id uuid PRIMARY KEY REFERENCES monitoring.connections (id) ON DELETE CASCADE,
    initial_state text NOT NULL DEFAULT 'new',
    facts jsonb NOT NULL DEFAULT '[]',
    recent bytea NOT NULL DEFAULT '',
    -- Began after its session was left; then what it does may concern the session's issues.
    rejoined boolean NOT NULL DEFAULT false
-- Rows of a few KB are rewritten with every event: compressing them each time costs more than the space.
) WITH (fillfactor = 60, toast_tuple_target = 8160);
ALTER TABLE monitoring.connection_lives ALTER COLUMN recent SET STORAGE EXTERNAL;

CREATE TABLE monitoring.tracks (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES monitoring.sessions (id),
    conference_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    connection_id uuid,
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    track_id text NOT NULL,
    kind text,
    direction text NOT NULL,
    label text,
    track_info jsonb NOT NULL DEFAULT '{}',
    -- Instants (ms) at which the parts of track_info were last set: {"muted": 1, "ended": 2}.
    info_at jsonb NOT NULL DEFAULT '{}',
    UNIQUE (session_id, track_id, direction)
) WITH (fillfactor = 80);
CREATE INDEX tracks_connection ON monitoring.tracks (connection_id);
CREATE INDEX tracks_conference ON monitoring.tracks (conference_id);

CREATE TABLE monitoring.events (
    id uuid NOT NULL,
    app_id uuid NOT NULL,
    conference_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    peer_id uuid,
    connection_id uuid,
    track_id uuid,
    type text NOT NULL,
    category "char" NOT NULL,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    -- The data as sent: JSON, compressed; the first byte names the dictionary. NULL: no data.
    data bytea
) PARTITION BY RANGE (received_at);
ALTER TABLE monitoring.events ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX events_conference ON monitoring.events (conference_id, created_at, id);
CREATE INDEX events_session ON monitoring.events (session_id, type);

CREATE TABLE monitoring.samples (
    id uuid NOT NULL,
    app_id uuid NOT NULL,
    conference_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    time_taken_ms real,
    thinned boolean NOT NULL DEFAULT false,
    -- Which formula `emos` comes from; NULL when there is no score.
    emos_version smallint,
    rtt_ms real,
    available_bps real,
    -- One element per report, in the order audio inbound, audio outbound, video inbound, video outbound, as sent.
    flows smallint[] NOT NULL,
    tracks uuid[] NOT NULL,
    bytes bigint[] NOT NULL,
    packets bigint[] NOT NULL,
    lost bigint[] NOT NULL,
    jitter_ms real[] NOT NULL,
    emos real[] NOT NULL,
    -- The `data` of the report as sent: JSON, compressed. NULL when thinned.
    report bytea
) PARTITION BY RANGE (received_at);
ALTER TABLE monitoring.samples ALTER COLUMN report SET STORAGE EXTERNAL;
CREATE INDEX samples_conference ON monitoring.samples (conference_id, created_at);
CREATE INDEX samples_connection ON monitoring.samples (connection_id, created_at);

CREATE TABLE monitoring.issues (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    session_id uuid,
    conference_id uuid,
    participant_id uuid,
    connection_id uuid,
    track_id uuid,
    created_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    type text NOT NULL,
    code text NOT NULL,
    data jsonb,
    count integer NOT NULL DEFAULT 1,
    events uuid[] NOT NULL DEFAULT '{}'
);
CREATE INDEX issues_conference ON monitoring.issues (conference_id, type);
CREATE INDEX issues_session ON monitoring.issues (session_id);
CREATE INDEX issues_app_created ON monitoring.issues (app_id, created_at);
CREATE INDEX issues_app_code ON monitoring.issues (app_id, code);

CREATE TABLE monitoring.app_usage (
    app_id uuid NOT NULL,
    day date NOT NULL,
    seconds bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, day)
);
