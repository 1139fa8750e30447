-- +goose Up
ALTER TABLE services ADD COLUMN pushed_authorization_required boolean NOT NULL DEFAULT 0;

-- Pushed authorization requests that a browser has come with; the request itself is sealed in its request_uri.
CREATE TABLE pushed_requests (
    id         text    PRIMARY KEY,
    started_at integer  NOT NULL,
    answered   boolean NOT NULL,
    expires_at integer  NOT NULL
);
CREATE INDEX pushed_requests_by_end ON pushed_requests (expires_at);

-- +goose Down
DROP TABLE pushed_requests;
ALTER TABLE services DROP COLUMN pushed_authorization_required;
