-- Messages to other hosts, and alerts over the figures of all contexts.

CREATE SCHEMA outgoing;

-- What is to be told to somebody outside: queued in the transaction of what it tells of, sent by the worker.
CREATE TABLE outgoing.messages (
    id              uuid        PRIMARY KEY,
    organization_id uuid,
    kind            text        NOT NULL CHECK (kind IN ('webhook', 'email')),
    target          bytea       NOT NULL,  -- encrypted: an address on the web often carries a secret
    secret          bytea,                 -- encrypted: what the body is signed with; NULL: it is not
    signatures      text[]      NOT NULL DEFAULT '{}',  -- headers that carry the signature
    subject         text,                  -- of a letter
    body            bytea       NOT NULL,
    state           text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    tries           integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,  -- while it is being sent: when it is taken for lost
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    outcome         text                   -- of the last try: a status, or what went wrong in a word
);
CREATE INDEX messages_due ON outgoing.messages (due_at) WHERE state = 'waiting';
CREATE INDEX messages_finished ON outgoing.messages (finished_at) WHERE finished_at IS NOT NULL;

CREATE SCHEMA alerts;

-- Rules that somebody wrote, and what somebody changed of the built-in ones, which exist without a row.
CREATE TABLE alerts.rules (
    id              uuid        PRIMARY KEY,
    app_id          uuid        NOT NULL REFERENCES accounts.apps ON DELETE CASCADE,
    organization_id uuid        NOT NULL,
    built_in        text,                  -- name of the built-in rule that this replaces
    enabled         boolean     NOT NULL DEFAULT true,
    definition      jsonb       NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (app_id, built_in)
);

-- Who is told.
CREATE TABLE alerts.channels (
    id              uuid        PRIMARY KEY,
    app_id          uuid        NOT NULL REFERENCES accounts.apps ON DELETE CASCADE,
    organization_id uuid        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('webhook', 'email')),
    name            text        NOT NULL,
    shown           text        NOT NULL,  -- what may be shown of the target: a host, or addresses
    target          bytea       NOT NULL,  -- encrypted
    secret          bytea,                 -- encrypted
    enabled         boolean     NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX channels_app ON alerts.channels (app_id, created_at);

-- Up to which minute an app was looked at: nobody looks twice.
CREATE TABLE alerts.progress (
    app_id       uuid        PRIMARY KEY REFERENCES accounts.apps ON DELETE CASCADE,
    evaluated_at timestamptz NOT NULL
);

CREATE TABLE alerts.alerts (
    id              uuid        PRIMARY KEY,
    app_id          uuid        NOT NULL REFERENCES accounts.apps ON DELETE CASCADE,
    organization_id uuid        NOT NULL,
    context         text        NOT NULL,
    rule            text        NOT NULL,  -- name of a built-in rule, or the id of another
    definition      jsonb       NOT NULL,  -- the rule as it was
    severity        text        NOT NULL,
    dimension       text        NOT NULL,
    value           text        NOT NULL,
    parent_id       uuid        REFERENCES alerts.alerts ON DELETE SET NULL,  -- the alert of everybody that this one is a part of
    started_at      timestamptz NOT NULL,
    cleared_at      timestamptz,
    -- As it opened.
    window_minutes  integer     NOT NULL,
    n               bigint      NOT NULL,
    k               bigint,
    rate            double precision,
    baseline        double precision NOT NULL,
    limit_value     double precision NOT NULL,
    certainty       double precision,
    p_value         double precision,
    samples         text[]      NOT NULL DEFAULT '{}',
    -- When somebody was last told that it is open; NULL: nobody was.
    told_at         timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    note            text
);
CREATE INDEX alerts_app ON alerts.alerts (app_id, started_at DESC, id DESC);
CREATE INDEX alerts_parent ON alerts.alerts (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX alerts_open ON alerts.alerts (app_id, rule, dimension, value) WHERE cleared_at IS NULL;
CREATE INDEX alerts_old ON alerts.alerts (cleared_at) WHERE cleared_at IS NOT NULL;

-- What a rule remembers of a cohort from one minute to the next; without a row it is at rest.
CREATE TABLE alerts.states (
    app_id    uuid    NOT NULL REFERENCES accounts.apps ON DELETE CASCADE,
    rule      text    NOT NULL,
    dimension text    NOT NULL,
    value     text    NOT NULL,
    streaks   jsonb   NOT NULL,
    calm      integer NOT NULL,
    blank     integer NOT NULL,
    rested    integer NOT NULL,
    alert_id  uuid    REFERENCES alerts.alerts ON DELETE CASCADE,
    reference jsonb,                       -- what an open alert is held against
    PRIMARY KEY (app_id, rule, dimension, value)
);

-- The looks of an open alert.
CREATE TABLE alerts.evaluations (
    alert_id       uuid        NOT NULL REFERENCES alerts.alerts ON DELETE CASCADE,
    at             timestamptz NOT NULL,
    window_minutes integer     NOT NULL,
    n              bigint      NOT NULL,
    k              bigint,
    rate           double precision,
    p_value        double precision,
    is_bad         boolean     NOT NULL,
    is_calm        boolean,
    PRIMARY KEY (alert_id, at)
);

CREATE TABLE alerts.deliveries (
    id         uuid        PRIMARY KEY,
    alert_id   uuid        NOT NULL REFERENCES alerts.alerts ON DELETE CASCADE,
    channel_id uuid        REFERENCES alerts.channels ON DELETE SET NULL,  -- NULL: one of the installation
    kind       text        NOT NULL,
    shown      text        NOT NULL,
    event      text        NOT NULL CHECK (event IN ('opened', 'cleared', 'reminder')),
    message_id uuid        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX deliveries_alert ON alerts.deliveries (alert_id, created_at);
