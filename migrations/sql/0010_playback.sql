-- Player sessions, their timeline, and what API keys need to be used by players.

CREATE SCHEMA playback;

-- One row per session for ever, or until the session is purged: it fixes the partition of the session's row and serialises
-- all reports of the session. Not partitioned by time, so that a report of any age finds it.
CREATE TABLE playback.session_keys (
    app_id       uuid         NOT NULL,  -- the tenant
    session_id   varchar(128) COLLATE "C" NOT NULL,
    partition_ts timestamptz  NOT NULL,  -- server time of the first receipt
    -- 'erased' is a tombstone until `erased_until`: reports are answered and not stored
    state        text         NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'erased')),
    erased_until timestamptz,
    PRIMARY KEY (app_id, session_id)
) PARTITION BY HASH (session_id);

CREATE TABLE playback.session_keys_0 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE playback.session_keys_1 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE playback.session_keys_2 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE playback.session_keys_3 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE playback.session_keys_4 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE playback.session_keys_5 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE playback.session_keys_6 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE playback.session_keys_7 PARTITION OF playback.session_keys FOR VALUES WITH (MODULUS 8, REMAINDER 7);

CREATE SEQUENCE playback.sessions_id;

CREATE TABLE playback.sessions (
    id                  bigint       NOT NULL DEFAULT nextval('playback.sessions_id'),
    app_id              uuid         NOT NULL,
    session_id          varchar(128) COLLATE "C" NOT NULL,
    partition_ts        timestamptz  NOT NULL,
    source              text         NOT NULL,  -- media3watch, cmcd, merged
    dialect             text         NOT NULL,  -- D1, D2, D3, CMCD1, CMCD2
    "timestamp"         timestamptz  NOT NULL,  -- normalised end of what was reported
    client_ts_ms        bigint       NOT NULL,
    started_at          timestamptz,
    start_iso_raw       text,
    duration_ms         bigint,
    schema_version      text,
    player_startup_ms   integer,
    play_time_ms        bigint,
    rebuffer_time_ms    bigint,
    rebuffer_count      integer,
    rebuffer_ratio_reported double precision,
    dropped_frames      bigint,
    seek_count          integer,
    seek_time_ms        bigint,
    mean_bitrate_bps    bigint,
    top_bitrate_bps     bigint,
    error_count         integer,
    last_error_code     text,
    last_error_category text,
    quality_switches    integer,
    content_id          varchar(256),
    stream_type         varchar(16),
    device_model        varchar(128),
    os_name             varchar(32),
    os_version          varchar(32),
    app_name            varchar(128),
    app_version         varchar(32),
    sdk_version         varchar(32),
    connection_type     varchar(16),
    cdn                 text,
    payload             jsonb,                  -- the winning report without its timeline; NULL when its time is over
    payload_hash        bytea        NOT NULL,  -- SHA-256 of the canonical payload
    filled_at_ms        jsonb        NOT NULL DEFAULT '{}',  -- column to client time of the older report that filled it
    outcome             text         NOT NULL,
    recovered           boolean      NOT NULL DEFAULT false,  -- PLAYING or ENDED came after the last IDLE of the timeline
    attempted           boolean,                -- whether the timeline shows BUFFERING or PLAYING; NULL without a timeline
    score               real,
    score_version       integer,
    clock_skew          text         CHECK (clock_skew IN ('future', 'past')),
    flags               text[]       NOT NULL DEFAULT '{}',
    last_idle_ms        bigint,                 -- elapsed time of the timeline's last IDLE
    last_active_ms      bigint,                 -- and of its last PLAYING or ENDED
    last_elapsed_ms     bigint,                 -- and of its newest entry
    last_state          text,                   -- playback state of the newest timeline entry
    last_state_at_ms    bigint,                 -- its client time
    state_since         timestamptz,            -- since when, by our clock, it has been in that state
    revision            integer      NOT NULL,
    created_at          timestamptz  NOT NULL,
    updated_at          timestamptz  NOT NULL,
    first_received_at   timestamptz  NOT NULL,
    last_received_at    timestamptz  NOT NULL,
    PRIMARY KEY (app_id, session_id, partition_ts)
) PARTITION BY RANGE (partition_ts);

CREATE INDEX idx_sessions_timestamp ON playback.sessions (app_id, "timestamp" DESC);
CREATE INDEX idx_sessions_content_id ON playback.sessions (app_id, content_id, "timestamp" DESC) WHERE content_id IS NOT NULL;
CREATE INDEX idx_sessions_stream_type ON playback.sessions (app_id, stream_type, "timestamp" DESC) WHERE stream_type IS NOT NULL;
CREATE INDEX idx_sessions_player_startup ON playback.sessions (app_id, player_startup_ms) WHERE player_startup_ms IS NOT NULL;
CREATE INDEX idx_sessions_errors ON playback.sessions (app_id, "timestamp" DESC) WHERE error_count > 0;

-- Rows whose month has no partition yet; nothing is refused for want of one.
CREATE TABLE playback.sessions_default PARTITION OF playback.sessions DEFAULT;

CREATE TABLE playback.session_timeline (
    app_id           uuid         NOT NULL,
    session_id       varchar(128) COLLATE "C" NOT NULL,
    partition_ts     timestamptz  NOT NULL,
    elapsed_ms       bigint       NOT NULL,
    timestamp_ms     bigint       NOT NULL,
    playback_state   text         NOT NULL,
    current_bitrate_bps integer,
    network_type     text,
    dropped_frames   bigint       NOT NULL,
    buffered_ms      bigint,
    rebuffer_count   integer      NOT NULL,
    rebuffer_time_ms bigint       NOT NULL,
    PRIMARY KEY (app_id, session_id, elapsed_ms, timestamp_ms, playback_state, partition_ts)
) PARTITION BY RANGE (partition_ts);

CREATE TABLE playback.session_timeline_default PARTITION OF playback.session_timeline DEFAULT;

-- What the parts of the experience score count where an app has chosen so itself; every change has a version of its own.
CREATE TABLE playback.score_weights (
    app_id     uuid PRIMARY KEY,
    success    real NOT NULL CHECK (success >= 0),
    smoothness real NOT NULL CHECK (smoothness >= 0),
    startup    real NOT NULL CHECK (startup >= 0),
    quality    real NOT NULL CHECK (quality >= 0),
    version    integer NOT NULL CHECK (version > 1)  -- 1 is the program's own
);

-- Minutes whose figures must be counted again because one of their sessions has changed; the worker takes them away.
CREATE TABLE playback.dirty_minutes (
    app_id uuid        NOT NULL,
    minute timestamptz NOT NULL,
    marked_at timestamptz NOT NULL
);
CREATE INDEX dirty_minutes_minute ON playback.dirty_minutes (app_id, minute);

-- Keys of players: valid from an instant on, limited on their own, bound to pages. A rotated pair shares one bucket.
ALTER TABLE accounts.api_keys
    ADD COLUMN not_before timestamptz,
    ADD COLUMN bucket_id uuid,                -- of the first key of a chain of rotations; NULL: this key's own id
    ADD COLUMN rate_limit integer CHECK (rate_limit > 0),
    ADD COLUMN rate_window_s integer CHECK (rate_window_s > 0),
    ADD COLUMN origins text[];                -- pages that may use it; NULL: all
ALTER TABLE accounts.apps
    ADD COLUMN quota_playback_reports_daily bigint CHECK (quota_playback_reports_daily >= 0),
    ADD COLUMN playback_rate_limit integer CHECK (playback_rate_limit > 0),
    ADD COLUMN playback_rate_window_s integer CHECK (playback_rate_window_s > 0);
