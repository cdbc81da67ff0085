-- Days of the overview as columns of bytes, so that charts under filters need not look at the rows of days that are over.
CREATE TABLE monitoring.overview_columns (
    app_id uuid NOT NULL REFERENCES accounts.apps (id) ON DELETE CASCADE,
    day date NOT NULL,
    -- Family and name, as in conferences.status or sessions.meta.plan; '' tells which keys of metadata there are.
    name text NOT NULL,
    -- Of the code that made them; those of another version do not count.
    version smallint NOT NULL,
    packed bytea NOT NULL,
    PRIMARY KEY (app_id, day, name)
);
-- Packed already.
ALTER TABLE monitoring.overview_columns ALTER COLUMN packed SET STORAGE EXTERNAL;

-- Properties of a session stand beside its conference, its connections and its issues, each on the day of its own.
-- What belongs to a session is not older than it, but for its conference.
CREATE FUNCTION monitoring.overview_session() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own monitoring.sessions := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM monitoring.overview_changed(c.app_id, c.created_at) FROM monitoring.conferences c WHERE c.id = own.conference_id;
    IF TG_OP <> 'INSERT' THEN
        PERFORM monitoring.overview_changed(OLD.app_id, OLD.created_at);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM monitoring.overview_changed(NEW.app_id, NEW.created_at);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        PERFORM monitoring.overview_changed(app_id, created_at) FROM monitoring.connections WHERE session_id = NEW.id;
        PERFORM monitoring.overview_changed(app_id, created_at) FROM monitoring.issues WHERE session_id = NEW.id;
    END IF;
    RETURN NULL;
END;
$$;

DROP TRIGGER overview_insert ON monitoring.sessions;
DROP TRIGGER overview_update ON monitoring.sessions;
DROP TRIGGER overview_delete ON monitoring.sessions;
CREATE TRIGGER overview_change AFTER INSERT OR DELETE ON monitoring.sessions FOR EACH ROW EXECUTE FUNCTION monitoring.overview_session();
CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, platform, geo_ip, app_version, webrtc_sdk, metadata ON monitoring.sessions
    FOR EACH ROW WHEN (
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.browser, OLD.os, OLD.country, OLD.city, OLD.latitude, OLD.longitude,
            OLD.app_version, OLD.webrtc_sdk, OLD.metadata) IS DISTINCT FROM
        (NEW.app_id, NEW.created_at, NEW.is_active, NEW.browser, NEW.os, NEW.country, NEW.city, NEW.latitude, NEW.longitude,
            NEW.app_version, NEW.webrtc_sdk, NEW.metadata))
    EXECUTE FUNCTION monitoring.overview_session();

-- Days are kept once they have ended six hours ago, and a change of what is four hours old leaves a mark: few calls last that long.
CREATE OR REPLACE FUNCTION monitoring.overview_changed(app uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    on_day date := (at AT TIME ZONE 'UTC')::date;
BEGIN
    IF at IS NULL OR at >= now() - interval '4 hours' THEN
        RETURN;
    END IF;
    PERFORM FROM monitoring.overview_changes WHERE app_id = app AND day = on_day LIMIT 1 FOR KEY SHARE;
    IF NOT FOUND THEN
        INSERT INTO monitoring.overview_changes VALUES (app, on_day);
    END IF;
END;
$$;

CREATE OR REPLACE TRIGGER overview_insert AFTER INSERT ON monitoring.conferences FOR EACH ROW
    WHEN (NEW.created_at < now() - interval '4 hours') EXECUTE FUNCTION monitoring.overview_own_day();
CREATE OR REPLACE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, ongoing, duration ON monitoring.conferences FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '4 hours' AND
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.ongoing, OLD.duration)
        IS DISTINCT FROM (NEW.app_id, NEW.created_at, NEW.is_active, NEW.ongoing, NEW.duration))
    EXECUTE FUNCTION monitoring.overview_own_day();
CREATE OR REPLACE TRIGGER overview_delete AFTER DELETE ON monitoring.conferences FOR EACH ROW
    WHEN (OLD.created_at < now() - interval '4 hours') EXECUTE FUNCTION monitoring.overview_own_day();

CREATE OR REPLACE TRIGGER overview_insert AFTER INSERT ON monitoring.connections FOR EACH ROW
    WHEN (NEW.created_at < now() - interval '4 hours') EXECUTE FUNCTION monitoring.overview_own_day();
CREATE OR REPLACE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, type, connection_info ON monitoring.connections FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '4 hours' AND
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.type, OLD.setup_ms)
        IS DISTINCT FROM (NEW.app_id, NEW.created_at, NEW.is_active, NEW.type, NEW.setup_ms))
    EXECUTE FUNCTION monitoring.overview_own_day();
CREATE OR REPLACE TRIGGER overview_delete AFTER DELETE ON monitoring.connections FOR EACH ROW
    WHEN (OLD.created_at < now() - interval '4 hours') EXECUTE FUNCTION monitoring.overview_own_day();

-- Rollups of figures have another form from now on: all hours are due, and counted from their minutes until they are made.
INSERT INTO monitoring.figure_changes SELECT DISTINCT app_id, starts FROM monitoring.figure_rollups WHERE span = 'h';
DELETE FROM monitoring.figure_rollups;
ALTER TABLE monitoring.figure_rollups ALTER COLUMN sketches SET STORAGE EXTERNAL;
