-- +goose Up
-- What has happened. An event that is not yet part of the chain of its category has the sequence 0 and no hash.
CREATE TABLE audit_events (
    id           text    PRIMARY KEY,
    category     text    NOT NULL,
    sequence     integer NOT NULL DEFAULT 0,
    hash         text    NOT NULL DEFAULT '',
    name         text    NOT NULL,
    at           integer NOT NULL,
    author_type  text    NOT NULL,
    author_id    text    NOT NULL,
    author_name  text    NOT NULL,
    target_type  text    NOT NULL,
    target_id    text    NOT NULL,
    target_name  text    NOT NULL,
    service_id   text    NOT NULL,
    service_name text    NOT NULL,
    address      text    NOT NULL,
    request_id   text    NOT NULL,
    cause        text    NOT NULL,
    changes      text    NOT NULL
);
CREATE UNIQUE INDEX audit_events_by_sequence ON audit_events (category, sequence) WHERE sequence > 0;
CREATE INDEX audit_events_open ON audit_events (category, at, id) WHERE sequence = 0;
CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_by_author ON audit_events (author_id, at);
CREATE INDEX audit_events_by_target ON audit_events (target_id, at);

-- The ends of each chain: its last event, and the last one that was cut off at the beginning.
CREATE TABLE audit_chains (
    category     text    PRIMARY KEY,
    sequence     integer NOT NULL,
    hash         text    NOT NULL,
    cut_sequence integer NOT NULL,
    cut_hash     text    NOT NULL,
    mac          text    NOT NULL
);

-- The settings that the log has seen at the last start, as text.
CREATE TABLE audited_settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- +goose Down
DROP TABLE audited_settings;
DROP TABLE audit_chains;
DROP TABLE audit_events;
