-- What reading needs beside the tables: keys of search, narrow columns of charts, and finished days of the overview.

-- The trigrams of a text by the rules of pg_trgm: lower case, words of letters and digits, two blanks before each and one after. Sorted, each once.
-- What parts words is listed, as in rules/trigrams.py, so that it does not change with the locale of the database.
CREATE FUNCTION monitoring.trigrams(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT COST 200 AS $$
    SELECT coalesce(array_agg(DISTINCT substr(padded, at, 3) ORDER BY substr(padded, at, 3)), '{}')
    FROM regexp_split_to_table(lower(given), '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\uff00-\uff0f]+') AS word
    CROSS JOIN LATERAL (SELECT '  ' || word || ' ') AS around (padded)
    CROSS JOIN LATERAL generate_series(1, char_length(word) + 1) AS at
    WHERE word <> ''
$$;

-- The same as numbers that also hold the tenant, so that one tenant's search never walks through the rows of another.
CREATE FUNCTION monitoring.search_keys(organization uuid, trigrams text[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT COST 200 AS $$
    SELECT coalesce(array_agg(hashtextextended(trigram, uuid_hash_extended(organization, 0))), '{}') FROM unnest(trigrams) AS trigram
$$;

-- The cost keeps the planner from working it out for rows of the table instead of looking into the index.
CREATE FUNCTION monitoring.search_keys(organization uuid, first text, second text) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
    SELECT monitoring.search_keys(organization, monitoring.trigrams(concat_ws(' ', first, second)))
$$;

-- A name in what a browser told of itself; null unless it is a text with something in it.
CREATE FUNCTION monitoring.told(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'string' THEN nullif(left(value #>> '{}', 64), '') END
$$;

CREATE FUNCTION monitoring.told_number(value jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' AND abs((value #>> '{}')::numeric) <= 180 THEN (value #>> '{}')::double precision END
$$;

-- Milliseconds of the first negotiation when it ended connected. The texts are ours and carry their zone, hence immutable.
CREATE FUNCTION monitoring.setup_ms(info jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN info #>> '{negotiations,0,status}' = 'connected' THEN greatest(0, 1000 * extract(epoch FROM
        (info #>> '{negotiations,0,end_time}')::timestamptz - (info #>> '{negotiations,0,start_time}')::timestamptz))::double precision END
$$;

-- The charts read these from an index; the JSON beside them is ten times as wide.
ALTER TABLE monitoring.sessions
    ADD COLUMN browser text GENERATED ALWAYS AS (coalesce(monitoring.told(platform #> '{browser,name}'), monitoring.told(platform -> 'name'))) STORED,
    ADD COLUMN os text GENERATED ALWAYS AS (coalesce(monitoring.told(platform #> '{os,name}'), monitoring.told(platform -> 'os'))) STORED,
    ADD COLUMN country text GENERATED ALWAYS AS (monitoring.told(geo_ip -> 'country_code')) STORED,
    ADD COLUMN city text GENERATED ALWAYS AS (monitoring.told(geo_ip -> 'city')) STORED,
    ADD COLUMN latitude double precision GENERATED ALWAYS AS (monitoring.told_number(geo_ip -> 'latitude')) STORED,
    ADD COLUMN longitude double precision GENERATED ALWAYS AS (monitoring.told_number(geo_ip -> 'longitude')) STORED;
ALTER TABLE monitoring.connections
    ADD COLUMN setup_ms double precision GENERATED ALWAYS AS (monitoring.setup_ms(connection_info)) STORED;

-- Charts of whole UTC days that are over, so that a month need not be counted anew for every look at it.
CREATE TABLE monitoring.overview_days (
    app_id uuid NOT NULL REFERENCES accounts.apps (id) ON DELETE CASCADE,
    day date NOT NULL,
    -- Of the code that made the figures; another version makes them again.
    version smallint NOT NULL,
    figures jsonb NOT NULL,
    PRIMARY KEY (app_id, day)
);

-- Days of which something has changed since, or may have. While a row is here, the day's figures do not count.
CREATE TABLE monitoring.overview_changes (
    app_id uuid NOT NULL,
    day date NOT NULL
);
CREATE INDEX overview_changes_day ON monitoring.overview_changes (app_id, day);

-- Figures are kept only of days that ended 36 hours ago; younger rows need no mark, which spares the writer nearly always.
-- An existing mark is locked, or whoever makes the figures could take it away before this change can be seen. Marks are shared
-- (KEY SHARE) and never waited for by their remover (SKIP LOCKED), so nobody can wait in a circle.
CREATE FUNCTION monitoring.overview_changed(app uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    on_day date := (at AT TIME ZONE 'UTC')::date;
BEGIN
    IF at IS NULL OR at >= now() - interval '24 hours' THEN
        RETURN;
    END IF;
    PERFORM FROM monitoring.overview_changes WHERE app_id = app AND day = on_day LIMIT 1 FOR KEY SHARE;
    IF NOT FOUND THEN
        INSERT INTO monitoring.overview_changes VALUES (app, on_day);
    END IF;
END;
$$;

CREATE FUNCTION monitoring.overview_own_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM monitoring.overview_changed(OLD.app_id, OLD.created_at);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM monitoring.overview_changed(NEW.app_id, NEW.created_at);
    END IF;
    RETURN NULL;
END;
$$;

-- An issue counts on its own day, and colours its conference on the conference's.
CREATE FUNCTION monitoring.overview_issue() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    issue monitoring.issues := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM monitoring.overview_changed(issue.app_id, issue.created_at);
    PERFORM monitoring.overview_changed(app_id, created_at) FROM monitoring.conferences WHERE id = issue.conference_id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION monitoring.overview_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    link monitoring.conference_participants := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM monitoring.overview_changed(app_id, created_at) FROM monitoring.conferences WHERE id = link.conference_id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION monitoring.overview_participant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM monitoring.overview_changed(c.app_id, c.created_at) FROM monitoring.conference_participants AS l
    JOIN monitoring.conferences AS c ON c.id = l.conference_id WHERE l.participant_id = NEW.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER overview_insert AFTER INSERT ON monitoring.conferences FOR EACH ROW
    WHEN (NEW.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, ongoing, duration ON monitoring.conferences FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '24 hours' AND
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.ongoing, OLD.duration)
        IS DISTINCT FROM (NEW.app_id, NEW.created_at, NEW.is_active, NEW.ongoing, NEW.duration))
    EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_delete AFTER DELETE ON monitoring.conferences FOR EACH ROW
    WHEN (OLD.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();

CREATE TRIGGER overview_insert AFTER INSERT ON monitoring.sessions FOR EACH ROW
    WHEN (NEW.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, platform, geo_ip ON monitoring.sessions FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '24 hours' AND
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.browser, OLD.os, OLD.country, OLD.city, OLD.latitude, OLD.longitude) IS DISTINCT FROM
        (NEW.app_id, NEW.created_at, NEW.is_active, NEW.browser, NEW.os, NEW.country, NEW.city, NEW.latitude, NEW.longitude))
    EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_delete AFTER DELETE ON monitoring.sessions FOR EACH ROW
    WHEN (OLD.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();

CREATE TRIGGER overview_insert AFTER INSERT ON monitoring.connections FOR EACH ROW
    WHEN (NEW.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, type, connection_info ON monitoring.connections FOR EACH ROW
    WHEN (least(OLD.created_at, NEW.created_at) < now() - interval '24 hours' AND
        (OLD.app_id, OLD.created_at, OLD.is_active, OLD.type, OLD.setup_ms)
        IS DISTINCT FROM (NEW.app_id, NEW.created_at, NEW.is_active, NEW.type, NEW.setup_ms))
    EXECUTE FUNCTION monitoring.overview_own_day();
CREATE TRIGGER overview_delete AFTER DELETE ON monitoring.connections FOR EACH ROW
    WHEN (OLD.created_at < now() - interval '24 hours') EXECUTE FUNCTION monitoring.overview_own_day();

-- A young issue may belong to an old conference: the function finds out.
CREATE TRIGGER overview_change AFTER INSERT OR DELETE ON monitoring.issues FOR EACH ROW EXECUTE FUNCTION monitoring.overview_issue();
CREATE TRIGGER overview_update AFTER UPDATE OF app_id, created_at, is_active, type, code, data, conference_id ON monitoring.issues FOR EACH ROW
    WHEN ((OLD.app_id, OLD.created_at, OLD.is_active, OLD.type, OLD.code, OLD.data, OLD.conference_id)
        IS DISTINCT FROM (NEW.app_id, NEW.created_at, NEW.is_active, NEW.type, NEW.code, NEW.data, NEW.conference_id))
    EXECUTE FUNCTION monitoring.overview_issue();

CREATE TRIGGER overview_change AFTER INSERT OR DELETE ON monitoring.conference_participants FOR EACH ROW EXECUTE FUNCTION monitoring.overview_link();
CREATE TRIGGER overview_update AFTER UPDATE OF sessions ON monitoring.conference_participants FOR EACH ROW
    WHEN ((OLD.sessions > 0) IS DISTINCT FROM (NEW.sessions > 0)) EXECUTE FUNCTION monitoring.overview_link();

CREATE TRIGGER overview_update AFTER UPDATE OF is_sfu, is_active ON monitoring.participants FOR EACH ROW
    WHEN ((OLD.is_sfu, OLD.is_active) IS DISTINCT FROM (NEW.is_sfu, NEW.is_active)) EXECUTE FUNCTION monitoring.overview_participant();
