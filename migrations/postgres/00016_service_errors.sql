-- +goose Up
CREATE TABLE service_errors (
    service_id  text    NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    id          text    NOT NULL,
    endpoint    text    NOT NULL,
    code        text    NOT NULL,
    description text    NOT NULL,
    differences text    NOT NULL,
    times       bigint  NOT NULL,
    first_at    bigint  NOT NULL,
    last_at     bigint  NOT NULL,
    expires_at  bigint  NOT NULL,
    request_id  text    NOT NULL,
    address     text    NOT NULL,
    PRIMARY KEY (service_id, id)
);
CREATE INDEX service_errors_by_expiry ON service_errors (expires_at);

-- +goose Down
DROP TABLE service_errors;
