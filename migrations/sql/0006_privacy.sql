-- Masking by app, erasure of a participant, stored amounts by day, imported files.

-- NULL: the installation's choice. The names are those of rules/masking.py.
ALTER TABLE accounts.apps ADD COLUMN masks text[] CHECK (masks <@ ARRAY['addresses', 'sdp', 'devices']);

-- A row that stands for somebody who was erased: counted, but without anything personal, and closed to reports.
ALTER TABLE monitoring.participants ADD COLUMN erased_at timestamptz;
ALTER TABLE monitoring.sessions ADD COLUMN erased_at timestamptz;
ALTER TABLE monitoring.connections ADD COLUMN erased_at timestamptz;

CREATE TABLE monitoring.erasures (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    participant_id uuid NOT NULL UNIQUE,
    requested_at timestamptz NOT NULL,
    -- When the last of it was gone; NULL while the worker is at it.
    done_at timestamptz,
    -- The application's id and name of the participant, for finding them in what others reported; NULL once done.
    words text[]
);
CREATE INDEX erasures_open ON monitoring.erasures (requested_at) WHERE done_at IS NULL;

-- What is stored of an app, by the UTC day on which it arrived; counted by the worker.
CREATE TABLE monitoring.app_volumes (
    app_id uuid NOT NULL,
    day date NOT NULL,
    events bigint NOT NULL DEFAULT 0,
    samples bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, day)
);

-- Files that were imported, by their content, so that the same one is taken once.
CREATE TABLE monitoring.imports (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES accounts.apps (id),
    organization_id uuid NOT NULL,
    digest bytea NOT NULL,
    format text NOT NULL,
    conference_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    summary jsonb NOT NULL DEFAULT '{}',
    UNIQUE (app_id, digest, conference_id)
);
