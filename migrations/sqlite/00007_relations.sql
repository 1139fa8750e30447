-- +goose Up
-- The user that client-credentials tokens of the service act as; empty for the service itself.
ALTER TABLE services ADD COLUMN service_account_id text NOT NULL DEFAULT '';

CREATE TABLE service_uses (
    service_id   text   PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    last_used_at integer NOT NULL
);

-- Servers that this one is registered with as an OAuth client. The secret is encrypted under the master secret.
CREATE TABLE providers (
    id                                    text   PRIMARY KEY,
    name                                  text   NOT NULL,
    name_folded                           text   NOT NULL UNIQUE,
    client_id                             text   NOT NULL,
    sealed_secret                         text   NOT NULL DEFAULT '',
    token_endpoint_auth_method            text   NOT NULL,
    authorization_endpoint                text   NOT NULL,
    token_endpoint                        text   NOT NULL,
    revocation_endpoint                   text   NOT NULL DEFAULT '',
    pushed_authorization_request_endpoint text   NOT NULL DEFAULT '',
    scopes                                text   NOT NULL DEFAULT '[]',
    created_at                            integer NOT NULL,
    updated_at                            integer NOT NULL
);

-- What people have at providers. The tokens are encrypted under the master secret; the version counts them, and
-- renewing_until keeps others from renewing them at the same time.
CREATE TABLE connections (
    user_id        text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider_id    text   NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    sealed_tokens  text   NOT NULL,
    scope          text   NOT NULL,
    services       text   NOT NULL DEFAULT '[]',
    version        integer NOT NULL,
    renewing_until integer NOT NULL DEFAULT 0,
    expires_at     integer NOT NULL,
    created_at     integer NOT NULL,
    renewed_at     integer NOT NULL,
    PRIMARY KEY (user_id, provider_id)
);
CREATE INDEX connections_by_provider ON connections (provider_id);

-- +goose Down
DROP TABLE connections;
DROP TABLE providers;
DROP TABLE service_uses;
ALTER TABLE services DROP COLUMN service_account_id;
