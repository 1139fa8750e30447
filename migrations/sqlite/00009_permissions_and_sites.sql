-- +goose Up
-- A permission is a scope item that a service publishes. Its key alone names it in a scope, so no two services have one.
CREATE TABLE permissions (
    key         text    PRIMARY KEY,
    key_folded  text    NOT NULL UNIQUE,
    service_id  text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    name        text    NOT NULL,
    description text    NOT NULL,
    operation   text    NOT NULL,
    granular    boolean NOT NULL,
    created_at  integer NOT NULL,
    updated_at  integer NOT NULL
);
CREATE INDEX permissions_by_service ON permissions (service_id, key);

-- What a service may ask for.
CREATE TABLE granted_permissions (
    service_id     text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    permission_key text    NOT NULL REFERENCES permissions (key) ON DELETE CASCADE,
    position       integer NOT NULL,
    PRIMARY KEY (service_id, permission_key)
);
CREATE INDEX granted_permissions_by_permission ON granted_permissions (permission_key);

CREATE TABLE sites (
    id          text    PRIMARY KEY,
    service_id  text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    name        text    NOT NULL,
    name_folded text    NOT NULL,
    url         text    NOT NULL,
    avatar_url  text    NOT NULL,
    created_at  integer NOT NULL,
    updated_at  integer NOT NULL
);
CREATE INDEX sites_by_service ON sites (service_id, name_folded, id);

-- What a request without a scope asks for, a JSON list.
ALTER TABLE services ADD COLUMN default_scope text NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE services DROP COLUMN default_scope;
DROP TABLE sites;
DROP TABLE granted_permissions;
DROP TABLE permissions;
