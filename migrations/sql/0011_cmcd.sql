-- Lines of players that report CMCD, and the compact memory of each of their sessions.

CREATE TABLE playback.cmcd_sessions (
    app_id            uuid        NOT NULL,
    session_id        varchar(64) COLLATE "C" NOT NULL,
    id                bigint      GENERATED ALWAYS AS IDENTITY,  -- by which its lines are found
    fold              bytea       NOT NULL,  -- what all its lines say, whatever the order they came in
    received_first_at timestamptz NOT NULL,
    received_last_at  timestamptz NOT NULL,
    written_at        timestamptz,           -- when playback.sessions was last told
    due_at            timestamptz,           -- when it is to be looked at next; NULL: when a line comes
    ending            text CHECK (ending IN ('ended', 'quit', 'failed', 'idle')),  -- NULL while it goes on
    erased_until      timestamptz,           -- lines are answered and not stored
    PRIMARY KEY (app_id, session_id)
) WITH (fillfactor = 60);

ALTER TABLE playback.cmcd_sessions ALTER COLUMN fold SET STORAGE EXTERNAL;
CREATE INDEX cmcd_sessions_due ON playback.cmcd_sessions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cmcd_sessions_last ON playback.cmcd_sessions (received_last_at);

CREATE TABLE playback.cmcd_events (
    received_at timestamptz NOT NULL,
    app_id      uuid        NOT NULL,
    session     bigint      NOT NULL,  -- playback.cmcd_sessions.id
    line_key    bigint      NOT NULL,  -- what a repetition repeats
    ts_ms       bigint      NOT NULL,
    sn          bigint,
    event       text,
    state       text,
    line        text        NOT NULL
) PARTITION BY RANGE (received_at);

CREATE INDEX cmcd_events_session ON playback.cmcd_events (session, line_key);

-- For whoever looks with SQL: lines by the id of their session.
CREATE VIEW playback.v_cmcd_events AS
    SELECT e.received_at, e.app_id, s.session_id, e.ts_ms, e.sn, e.event, e.state, e.line
    FROM playback.cmcd_events e JOIN playback.cmcd_sessions s ON s.id = e.session;
CREATE UNIQUE INDEX cmcd_sessions_id ON playback.cmcd_sessions (id);
