-- +goose Up
-- Times are Unix milliseconds in UTC; 0 means never.

CREATE TABLE services (
    id                              text    PRIMARY KEY,
    key                             text    NOT NULL,
    key_folded                      text    NOT NULL UNIQUE,
    name                            text    NOT NULL,
    name_folded                     text    NOT NULL,
    home_url                        text    NOT NULL DEFAULT '',
    base_urls                       text    NOT NULL DEFAULT '[]',
    user_uri_pattern                text    NOT NULL DEFAULT '',
    group_uri_pattern               text    NOT NULL DEFAULT '',
    application_name                text    NOT NULL DEFAULT '',
    description                     text    NOT NULL DEFAULT '',
    vendor                          text    NOT NULL DEFAULT '',
    version                         text    NOT NULL DEFAULT '',
    release_date                    integer NOT NULL DEFAULT 0,
    icon_url                        text    NOT NULL DEFAULT '',
    owner_id                        text    NOT NULL DEFAULT '',
    immutable                       boolean NOT NULL DEFAULT 0,
    trusted                         boolean NOT NULL DEFAULT 0,
    consent_required                boolean NOT NULL DEFAULT 0,
    public                          boolean NOT NULL DEFAULT 0,
    pkce_required                   boolean NOT NULL DEFAULT 0,
    implicit_flow_enabled           boolean NOT NULL DEFAULT 0,
    auth_code_flow_enabled          boolean NOT NULL DEFAULT 0,
    client_credentials_flow_enabled boolean NOT NULL DEFAULT 0,
    resource_owner_flow_enabled     boolean NOT NULL DEFAULT 0,
    created_at                      integer NOT NULL,
    updated_at                      integer NOT NULL
);
CREATE INDEX services_by_name ON services (name_folded);
CREATE INDEX services_by_owner ON services (owner_id);

CREATE TABLE redirect_uris (
    service_id text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    position   integer NOT NULL,
    uri        text    NOT NULL,
    PRIMARY KEY (service_id, position)
);

CREATE TABLE service_secrets (
    id         text   PRIMARY KEY,
    service_id text   NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    hash       text   NOT NULL,
    created_at integer NOT NULL
);
CREATE INDEX service_secrets_by_service ON service_secrets (service_id);

CREATE TABLE users (
    id           text    PRIMARY KEY,
    login        text    NOT NULL,
    login_folded text    NOT NULL UNIQUE,
    name         text    NOT NULL,
    email        text    NOT NULL DEFAULT '',
    email_folded text    UNIQUE,
    admin        boolean NOT NULL DEFAULT 0,
    banned       boolean NOT NULL DEFAULT 0,
    ban_reason   text    NOT NULL DEFAULT '',
    created_at   integer NOT NULL,
    updated_at   integer NOT NULL
);

CREATE TABLE credentials (
    user_id    text   PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash       text   NOT NULL,
    updated_at integer NOT NULL
);

CREATE TABLE consents (
    user_id    text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    service_id text   NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    item       text   NOT NULL,
    created_at integer NOT NULL,
    PRIMARY KEY (user_id, service_id, item)
);
CREATE INDEX consents_by_service ON consents (service_id);

-- Refreshing updates no indexed column.
CREATE TABLE grants (
    id              text    PRIMARY KEY,
    user_id         text    NOT NULL,
    service_id      text    NOT NULL,
    scope           text    NOT NULL,
    offline         boolean NOT NULL,
    generation      integer NOT NULL,
    created_at      integer NOT NULL,
    last_used_at    integer NOT NULL,
    idle_expires_at integer NOT NULL,
    expires_at      integer NOT NULL
);
CREATE INDEX grants_by_user ON grants (user_id, service_id);
CREATE INDEX grants_by_service ON grants (service_id);
CREATE INDEX grants_by_end ON grants (expires_at);

CREATE TABLE revocations (
    subject    text   PRIMARY KEY,
    mark       integer NOT NULL,
    expires_at integer NOT NULL
);
CREATE INDEX revocations_by_end ON revocations (expires_at);

CREATE TABLE sessions (
    hash         text    PRIMARY KEY,
    user_id      text    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_mark    integer NOT NULL,
    remembered   boolean NOT NULL,
    user_agent   text    NOT NULL,
    address      text    NOT NULL,
    signed_in_at integer NOT NULL,
    last_seen_at integer NOT NULL,
    expires_at   integer NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE permanent_tokens (
    id           text   PRIMARY KEY,
    hash         text   NOT NULL UNIQUE,
    user_id      text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text   NOT NULL,
    scope        text   NOT NULL,
    created_at   integer NOT NULL,
    last_used_at integer NOT NULL DEFAULT 0,
    expires_at   integer NOT NULL DEFAULT 0
);
CREATE INDEX permanent_tokens_by_user ON permanent_tokens (user_id);

CREATE TABLE keys (
    use        text    NOT NULL,
    id         integer NOT NULL,
    wrapped    text    NOT NULL,
    created_at integer NOT NULL,
    active_at  integer NOT NULL,
    PRIMARY KEY (use, id)
);

CREATE TABLE attempts (
    subject     text    PRIMARY KEY,
    failures    integer NOT NULL,
    allowed_at  integer NOT NULL,
    expires_at  integer NOT NULL
);
CREATE INDEX attempts_by_end ON attempts (expires_at);

-- Hub itself is a service, with the id that every Hub client knows.
INSERT INTO services (id, key, key_folded, name, name_folded, application_name, vendor, immutable, trusted, created_at, updated_at)
VALUES ('0-0-0-0-0', 'hub', 'hub', 'Hub', 'hub', 'Gatehouse', '', 1, 1, 0, 0);

-- +goose Down
DROP TABLE attempts;
DROP TABLE keys;
DROP TABLE permanent_tokens;
DROP TABLE sessions;
DROP TABLE revocations;
DROP TABLE grants;
DROP TABLE consents;
DROP TABLE credentials;
DROP TABLE users;
DROP TABLE service_secrets;
DROP TABLE redirect_uris;
DROP TABLE services;
