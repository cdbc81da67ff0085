-- What was seen of each flow in each minute, worked out from stored reports, and sums of it for charts.

CREATE TABLE monitoring.track_minutes (
    minute timestamptz NOT NULL,
    app_id uuid NOT NULL,
    conference_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    track_id uuid,
    -- 0 audio inbound, 1 audio outbound, 2 video inbound, 3 video outbound, 4 the connection as a whole.
    flow smallint NOT NULL,
    key text NOT NULL,
    relayed boolean,
    network_type text,
    -- How much of the minute was looked at.
    seconds double precision NOT NULL,
    -- By the place of the measure: what was counted, and against what. Their quotient is the figure.
    totals double precision[] NOT NULL,
    weights double precision[] NOT NULL,
    PRIMARY KEY (connection_id, minute, flow, key)
) PARTITION BY RANGE (minute);
CREATE INDEX track_minutes_app ON monitoring.track_minutes (app_id, flow, minute);
CREATE INDEX track_minutes_conference ON monitoring.track_minutes (conference_id, minute);

-- Sums and sketches of an hour ('h') or a UTC day ('d') of an app, by one property of sessions at a time; dimension '' is all of them.
CREATE TABLE monitoring.figure_rollups (
    app_id uuid NOT NULL REFERENCES accounts.apps (id) ON DELETE CASCADE,
    span text NOT NULL,
    starts timestamptz NOT NULL,
    dimension text NOT NULL,
    value text NOT NULL,
    flow smallint NOT NULL,
    -- Of the code that made them; those of another version do not count.
    version smallint NOT NULL,
    -- Sessions that were first seen in this hour of the UTC day, so that hours add up to days.
    sessions integer NOT NULL,
    sketches bytea NOT NULL,
    PRIMARY KEY (app_id, span, starts, dimension, value, flow)
);
CREATE INDEX figure_rollups_whole ON monitoring.figure_rollups (span, starts) WHERE dimension = '';

-- Hours of which something has changed. While a row is here, rollups of the hour and of its day do not count. Whoever changes something adds a row of
-- his own, and who makes the rollups takes away only rows that he can see, so no change is lost.
CREATE TABLE monitoring.figure_changes (
    app_id uuid NOT NULL,
    hour timestamptz NOT NULL
);
CREATE INDEX figure_changes_hour ON monitoring.figure_changes (app_id, hour);

-- Up to when stored reports were looked at.
CREATE TABLE monitoring.figure_progress (
    step text PRIMARY KEY,
    received_through timestamptz NOT NULL
);

-- Figures are grouped by properties of their session.
CREATE FUNCTION monitoring.figures_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO monitoring.figure_changes
    SELECT DISTINCT app_id, date_trunc('hour', minute, 'UTC') FROM monitoring.track_minutes
    WHERE conference_id = OLD.conference_id AND session_id = OLD.id;
    RETURN NULL;
END;
$$;
CREATE TRIGGER figures_update AFTER UPDATE OF is_active, platform, geo_ip, app_version, webrtc_sdk, metadata ON monitoring.sessions FOR EACH ROW
    WHEN ((OLD.is_active, OLD.browser, OLD.os, OLD.country, OLD.app_version, OLD.webrtc_sdk, OLD.metadata) IS DISTINCT FROM
        (NEW.is_active, NEW.browser, NEW.os, NEW.country, NEW.app_version, NEW.webrtc_sdk, NEW.metadata))
    EXECUTE FUNCTION monitoring.figures_session();
