-- +goose Up
-- Lifetimes are in seconds; 0 and the empty algorithm are the server's.
ALTER TABLE services ADD COLUMN access_token_lifetime integer NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN refresh_token_lifetime integer NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN refresh_token_absolute_lifetime integer NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN refresh_token_rotation boolean NOT NULL DEFAULT 1;
ALTER TABLE services ADD COLUMN id_token_signing_algorithm text NOT NULL DEFAULT '';
CREATE INDEX services_by_update ON services (updated_at);

-- The ids of the services that the tokens of a grant are meant for, with spaces between them.
ALTER TABLE grants ADD COLUMN audience text NOT NULL DEFAULT '';

-- The id is made of the URI, so that a URI is there once.
CREATE TABLE untrusted_redirect_uris (
    service_id text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    id         text    NOT NULL,
    uri        text    NOT NULL,
    tried_from text    NOT NULL,
    tried_at   integer NOT NULL,
    PRIMARY KEY (service_id, id)
);

CREATE TABLE agreement_consents (
    user_id       text    PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    major_version integer NOT NULL,
    minor_version integer NOT NULL,
    accepted_at   integer NOT NULL,
    revoked_at    integer NOT NULL,
    address       text    NOT NULL
);

-- +goose Down
DROP TABLE agreement_consents;
DROP TABLE untrusted_redirect_uris;
ALTER TABLE grants DROP COLUMN audience;
DROP INDEX services_by_update;
ALTER TABLE services DROP COLUMN id_token_signing_algorithm;
ALTER TABLE services DROP COLUMN refresh_token_rotation;
ALTER TABLE services DROP COLUMN refresh_token_absolute_lifetime;
ALTER TABLE services DROP COLUMN refresh_token_lifetime;
ALTER TABLE services DROP COLUMN access_token_lifetime;
