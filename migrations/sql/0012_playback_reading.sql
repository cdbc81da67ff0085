-- Figures of playback, added up by minute and hour; how long sessions are kept; what is shown to Grafana.

-- Counted again from the sessions whenever one of them has changed, so that they are kept for longer than the sessions.
-- A bucket's rows are replaced together; a row is what the sessions with the same properties come to.
CREATE TABLE playback.rollup_1m (
    app_id             uuid        NOT NULL,
    starts             timestamptz NOT NULL,
    stream_type        text,
    device_model       text,
    sdk_version        text,
    connection_type    text,
    content_id         text,                   -- NULL: not told, or none of the 500 most frequent ones (`rest`)
    rest               boolean     NOT NULL,
    rows               bigint NOT NULL,
    played             bigint NOT NULL,
    playback_failure   bigint NOT NULL,
    start_failure      bigint NOT NULL,
    ebvs               bigint NOT NULL,
    early_exit         bigint NOT NULL,
    no_attempt         bigint NOT NULL,
    unknown            bigint NOT NULL,
    with_errors        bigint NOT NULL,
    good               bigint NOT NULL,
    play_ms            bigint NOT NULL,
    rebuffer_ms        bigint NOT NULL,
    measured_play_ms   bigint NOT NULL,
    measured           bigint NOT NULL,
    rebuffer_count     bigint NOT NULL,
    counted_play_ms    bigint NOT NULL,
    counted            bigint NOT NULL,
    rebuffered         bigint NOT NULL,
    stalled_ms         bigint NOT NULL,
    stalls             bigint NOT NULL,
    startup_n          bigint NOT NULL,
    startup_ms         bigint NOT NULL,
    bitrate_play_ms    bigint NOT NULL,
    bitrate_n          bigint NOT NULL,
    bitrate_sum        double precision NOT NULL,
    dropped_frames     bigint NOT NULL,
    dropped_play_ms    bigint NOT NULL,
    dropped_n          bigint NOT NULL,
    score_n            bigint NOT NULL,
    score_sum          double precision NOT NULL,
    startup_buckets    integer[],              -- of the time to the first frame, floor(ln(ms) * 51); -32768 is 0
    startup_counts     bigint[]                -- how many plays in each of them
) PARTITION BY RANGE (starts);
CREATE INDEX rollup_1m_starts ON playback.rollup_1m (app_id, starts);

CREATE TABLE playback.rollup_1h (
    app_id             uuid        NOT NULL,
    starts             timestamptz NOT NULL,
    stream_type        text,
    device_model       text,
    sdk_version        text,
    connection_type    text,
    content_id         text,                   -- NULL: not told, or none of the 500 most frequent ones (`rest`)
    rest               boolean     NOT NULL,
    rows               bigint NOT NULL,
    played             bigint NOT NULL,
    playback_failure   bigint NOT NULL,
    start_failure      bigint NOT NULL,
    ebvs               bigint NOT NULL,
    early_exit         bigint NOT NULL,
    no_attempt         bigint NOT NULL,
    unknown            bigint NOT NULL,
    with_errors        bigint NOT NULL,
    good               bigint NOT NULL,
    play_ms            bigint NOT NULL,
    rebuffer_ms        bigint NOT NULL,
    measured_play_ms   bigint NOT NULL,
    measured           bigint NOT NULL,
    rebuffer_count     bigint NOT NULL,
    counted_play_ms    bigint NOT NULL,
    counted            bigint NOT NULL,
    rebuffered         bigint NOT NULL,
    stalled_ms         bigint NOT NULL,
    stalls             bigint NOT NULL,
    startup_n          bigint NOT NULL,
    startup_ms         bigint NOT NULL,
    bitrate_play_ms    bigint NOT NULL,
    bitrate_n          bigint NOT NULL,
    bitrate_sum        double precision NOT NULL,
    dropped_frames     bigint NOT NULL,
    dropped_play_ms    bigint NOT NULL,
    dropped_n          bigint NOT NULL,
    score_n            bigint NOT NULL,
    score_sum          double precision NOT NULL,
    startup_buckets    integer[],              -- of the time to the first frame, floor(ln(ms) * 51); -32768 is 0
    startup_counts     bigint[]                -- how many plays in each of them
) PARTITION BY RANGE (starts);
CREATE INDEX rollup_1h_starts ON playback.rollup_1h (app_id, starts);

CREATE TABLE playback.retention_policies (
    id             uuid         PRIMARY KEY,
    app_id         uuid         NOT NULL REFERENCES accounts.apps ON DELETE CASCADE,
    stream_type    varchar(16),
    content_prefix varchar(256),
    sessions_days  integer      CHECK (sessions_days BETWEEN 1 AND 36500),
    payload_days   integer      CHECK (payload_days BETWEEN 1 AND 36500),
    timeline_days  integer      CHECK (timeline_days BETWEEN 1 AND 36500),
    events_days    integer      CHECK (events_days BETWEEN 1 AND 36500),
    created_at     timestamptz  NOT NULL,
    updated_at     timestamptz  NOT NULL,
    UNIQUE NULLS NOT DISTINCT (app_id, stream_type, content_prefix),
    CHECK (num_nonnulls(sessions_days, payload_days, timeline_days, events_days) > 0)
);

-- Tombstones that are over are found without reading the registry.
CREATE INDEX session_keys_erased ON playback.session_keys (erased_until) WHERE state = 'erased';

-- The value at rank share * (n - 1) of readings counted by bucket, straight between the two beside it; NULL without any.
CREATE FUNCTION playback.counted_percentile(buckets integer[], counts bigint[], share double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH one AS (SELECT b, sum(n) AS n FROM unnest(buckets, counts) AS u (b, n) GROUP BY b),
        seen AS (SELECT b, sum(n) OVER (ORDER BY b) AS upto FROM one),
        wanted AS (SELECT share * (max(upto)::double precision - 1) AS rank, max(upto) AS n FROM seen),
        places AS (
            SELECT rank, (SELECT min(b) FROM seen WHERE upto > floor(rank)) AS low,
                (SELECT min(b) FROM seen WHERE upto > least(floor(rank) + 1, n::double precision - 1)) AS high FROM wanted WHERE n > 0),
        found AS (
            SELECT rank, CASE low WHEN -32768 THEN 0 ELSE exp((low + 0.5::double precision) / 51) END AS low,
                CASE high WHEN -32768 THEN 0 ELSE exp((high + 0.5::double precision) / 51) END AS high FROM places)
    SELECT low + (high - low) * (rank - floor(rank)) FROM found;
END;

-- For dashboards: a role that sees these views sees nothing else.
CREATE VIEW playback.v_tenants AS
    SELECT id AS tenant_id, name AS tenant, organization_id FROM accounts.apps WHERE is_active;

CREATE VIEW playback.v_sessions AS
    SELECT s.id, s.app_id AS tenant_id, a.name AS tenant, s.session_id, s.partition_ts, s.source, s.dialect, s."timestamp", s.started_at,
        s.duration_ms, s.player_startup_ms, s.play_time_ms, s.rebuffer_time_ms, s.rebuffer_count,
        s.rebuffer_time_ms / nullif((s.play_time_ms + s.rebuffer_time_ms)::double precision, 0) AS rebuffer_ratio,
        s.dropped_frames, s.seek_count, s.seek_time_ms, s.mean_bitrate_bps, s.error_count, s.last_error_code, s.last_error_category,
        s.content_id, s.stream_type, s.device_model, s.os_name, s.os_version, s.app_name, s.app_version, s.sdk_version, s.connection_type,
        s.cdn, s.payload, s.outcome, s.score, s.clock_skew, s.flags, s.last_state, s.state_since, s.revision, s.first_received_at,
        s.last_received_at
    FROM playback.sessions s JOIN accounts.apps a ON a.id = s.app_id;

CREATE VIEW playback.v_timeline AS
    SELECT t.app_id AS tenant_id, a.name AS tenant, t.session_id, t.partition_ts, to_timestamp(t.timestamp_ms / 1000.0) AS "timestamp",
        t.elapsed_ms, t.playback_state, t.current_bitrate_bps, t.network_type, t.dropped_frames, t.buffered_ms, t.rebuffer_count,
        t.rebuffer_time_ms
    FROM playback.session_timeline t JOIN accounts.apps a ON a.id = t.app_id;

CREATE VIEW playback.v_rollup_1m AS
    SELECT a.name AS tenant, r.* FROM playback.rollup_1m r JOIN accounts.apps a ON a.id = r.app_id;

CREATE VIEW playback.v_rollup_1h AS
    SELECT a.name AS tenant, r.* FROM playback.rollup_1h r JOIN accounts.apps a ON a.id = r.app_id;

-- The columns of older dashboards.
CREATE VIEW playback.v_sessions_classic AS
    SELECT s.id, s.session_id, s."timestamp", s.content_id, s.stream_type, s.player_startup_ms, s.rebuffer_time_ms, s.rebuffer_count,
        s.error_count, s.payload, s.created_at, s.app_id AS tenant_id, a.name AS tenant
    FROM playback.sessions s JOIN accounts.apps a ON a.id = s.app_id;

CREATE VIEW playback.v_sessions_m3w AS
    SELECT s.id, s.session_id, (date_part('epoch', s."timestamp") * 1000)::bigint AS "timestamp", s.start_iso_raw AS session_start_date_iso,
        s.duration_ms AS session_duration_ms, s.player_startup_ms AS startup_time_ms, s.rebuffer_time_ms, s.rebuffer_count, s.play_time_ms,
        s.rebuffer_ratio_reported AS rebuffer_ratio, s.dropped_frames AS total_dropped_frames, s.seek_count AS total_seek_count,
        s.seek_time_ms AS total_seek_time_ms, s.mean_bitrate_bps AS mean_video_format_bitrate, s.error_count, s.device_model, s.os_version,
        s.sdk_version, s.connection_type, s.payload, s.created_at, s.updated_at, s.app_id AS tenant_id, a.name AS tenant
    FROM playback.sessions s JOIN accounts.apps a ON a.id = s.app_id;
