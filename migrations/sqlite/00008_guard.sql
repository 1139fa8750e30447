-- +goose Up
-- What the guard asks of requests to the API that a service is. The rules are JSON, which is never searched.
CREATE TABLE protected_apis (
    service_id text    PRIMARY KEY REFERENCES services (id) ON DELETE CASCADE,
    rules      text    NOT NULL,
    version    integer NOT NULL DEFAULT 0,
    created_at integer NOT NULL,
    updated_at integer NOT NULL
);

-- How much of its rate limit a credential has had handed out to replicas, by the beginning of the time frame.
CREATE TABLE guard_allowances (
    subject    text    NOT NULL,
    starts_at  integer NOT NULL,
    taken      integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (subject, starts_at)
);
CREATE INDEX guard_allowances_by_expiry ON guard_allowances (expires_at);

-- +goose Down
DROP TABLE guard_allowances;
DROP TABLE protected_apis;
