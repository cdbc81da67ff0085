-- Tenants, people, keys and logins (schema `accounts`) and who did what (schema `audit`).
-- Core types only: no extension is assumed. Times are timestamptz and always given by the caller.

CREATE SCHEMA accounts;
CREATE SCHEMA audit;

CREATE TABLE accounts.organizations (
    id          uuid        PRIMARY KEY,
    name        text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    is_active   boolean     NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL
);

CREATE INDEX organizations_created_at ON accounts.organizations (created_at, id);

CREATE TABLE accounts.users (
    user_id              uuid         PRIMARY KEY,
    email                varchar(255) NOT NULL UNIQUE CHECK (email = lower(email)),
    username             varchar(255) UNIQUE CHECK (username = lower(username)),
    display_name         varchar(255) NOT NULL,
    password_hash        varchar(255),  -- null: signs in with another provider only
    must_change_password boolean      NOT NULL DEFAULT false,
    email_verified_at    timestamptz,
    role                 varchar(20)  NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    token_epoch          integer      NOT NULL DEFAULT 0,
    is_active            boolean      NOT NULL DEFAULT true,
    created_at           timestamptz  NOT NULL,
    updated_at           timestamptz  NOT NULL,
    last_login_at        timestamptz,
    metadata             jsonb        NOT NULL DEFAULT '{}'
);

CREATE INDEX users_created_at ON accounts.users (created_at, user_id);

CREATE TABLE accounts.memberships (
    user_id         uuid        NOT NULL REFERENCES accounts.users ON DELETE CASCADE,
    organization_id uuid        NOT NULL REFERENCES accounts.organizations ON DELETE CASCADE,
    role            text        NOT NULL CHECK (role IN ('owner', 'member', 'viewer')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, organization_id)
);

CREATE INDEX memberships_organization ON accounts.memberships (organization_id);

CREATE TABLE accounts.oauth_providers (
    id                      bigserial    PRIMARY KEY,
    user_id                 uuid         NOT NULL REFERENCES accounts.users ON DELETE CASCADE,
    provider                varchar(50)  NOT NULL,
    provider_user_id        varchar(255) NOT NULL,
    access_token_encrypted  bytea,
    refresh_token_encrypted bytea,
    token_expires_at        timestamptz,
    created_at              timestamptz  NOT NULL,
    updated_at              timestamptz  NOT NULL,
    UNIQUE (provider, provider_user_id)
);

CREATE INDEX oauth_providers_user ON accounts.oauth_providers (user_id);

CREATE TABLE accounts.apps (
    id                                uuid        PRIMARY KEY,
    organization_id                   uuid        NOT NULL REFERENCES accounts.organizations,
    name                              text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    -- Public: the key sits in web pages. char(32) would compare with blanks stripped, hence text.
    api_key                           text        NOT NULL UNIQUE CHECK (api_key ~ '^[a-z0-9]{32}$'),
    previous_api_key                  text        CHECK (previous_api_key ~ '^[a-z0-9]{32}$'),
    previous_api_key_until            timestamptz,
    domain                            text        CHECK (char_length(domain) BETWEEN 1 AND 256),
    interval_ms                       integer     NOT NULL DEFAULT 10000 CHECK (interval_ms BETWEEN 1000 AND 60000),
    recording                         boolean     NOT NULL DEFAULT true,
    quota_participant_minutes_monthly bigint      CHECK (quota_participant_minutes_monthly >= 0),
    retention_events_days             integer     CHECK (retention_events_days > 0),
    retention_points_days             integer     CHECK (retention_points_days > 0),
    retention_days                    integer     CHECK (retention_days > 0),
    is_active                         boolean     NOT NULL DEFAULT true,
    created_at                        timestamptz NOT NULL,
    updated_at                        timestamptz NOT NULL,
    CHECK ((previous_api_key IS NULL) = (previous_api_key_until IS NULL))
);

CREATE INDEX apps_organization ON accounts.apps (organization_id, created_at);
CREATE INDEX apps_previous_api_key ON accounts.apps (previous_api_key) WHERE previous_api_key IS NOT NULL;

CREATE TABLE accounts.api_keys (
    key_id          uuid         PRIMARY KEY,
    organization_id uuid         NOT NULL REFERENCES accounts.organizations ON DELETE CASCADE,
    app_id          uuid         REFERENCES accounts.apps ON DELETE CASCADE,
    user_id         uuid         REFERENCES accounts.users ON DELETE CASCADE,
    key_hash        varchar(255) NOT NULL UNIQUE,  -- SHA-256 of the whole key, lower-case hex
    key_prefix      varchar(20)  NOT NULL,         -- what may be shown
    name            varchar(255) NOT NULL,
    scopes          text[]       NOT NULL,
    is_active       boolean      NOT NULL DEFAULT true,
    expires_at      timestamptz,
    rotated_from    uuid         REFERENCES accounts.api_keys ON DELETE SET NULL,
    revoked_at      timestamptz,
    last_used_at    timestamptz,
    created_at      timestamptz  NOT NULL,
    updated_at      timestamptz  NOT NULL
);

CREATE INDEX api_keys_organization ON accounts.api_keys (organization_id);
CREATE INDEX api_keys_app ON accounts.api_keys (app_id) WHERE app_id IS NOT NULL;
CREATE INDEX api_keys_user ON accounts.api_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX api_keys_rotated_from ON accounts.api_keys (rotated_from) WHERE rotated_from IS NOT NULL;

CREATE TABLE accounts.login_sessions (
    cookie_hash  text        PRIMARY KEY,  -- SHA-256 of the cookie's value, lower-case hex
    user_id      uuid        NOT NULL REFERENCES accounts.users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    user_agent   text,
    ip_address   inet
);

CREATE INDEX login_sessions_user ON accounts.login_sessions (user_id);
CREATE INDEX login_sessions_expires_at ON accounts.login_sessions (expires_at);

-- One row per name; `agreed:…` holds the fingerprint of a secret that every host must have.
CREATE TABLE accounts.settings (
    name       text        PRIMARY KEY,
    value      text        NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Monthly partitions; no foreign key, so that dropping a month or a user blocks nobody.
CREATE TABLE audit.audit_logs (
    id              bigint GENERATED BY DEFAULT AS IDENTITY,
    event_type      varchar(50)  NOT NULL,
    actor_user_id   uuid,
    actor_key_id    uuid,
    actor_type      varchar(50)  NOT NULL CHECK (actor_type IN ('user', 'system', 'api')),
    organization_id uuid,
    target_type     varchar(50),
    target_id       varchar(255),
    action          varchar(100) NOT NULL,
    result          varchar(20)  NOT NULL DEFAULT 'success' CHECK (result IN ('success', 'failure')),
    error_message   text,
    ip_address      inet,
    user_agent      text,
    metadata        jsonb        NOT NULL DEFAULT '{}',
    created_at      timestamptz  NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX audit_logs_event_type ON audit.audit_logs (event_type);
CREATE INDEX audit_logs_actor ON audit.audit_logs (actor_user_id);
CREATE INDEX audit_logs_organization ON audit.audit_logs (organization_id, created_at);
CREATE INDEX audit_logs_target ON audit.audit_logs (target_type, target_id);
CREATE INDEX audit_logs_created_at ON audit.audit_logs (created_at);

-- Rows whose month has no partition yet; nothing is refused for want of one.
CREATE TABLE audit.audit_logs_default PARTITION OF audit.audit_logs DEFAULT;
