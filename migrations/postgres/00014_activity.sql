-- +goose Up
-- How often things happened, by hour, with its beginning in Unix milliseconds.
CREATE TABLE activity (
    hour       bigint  NOT NULL,
    name       text    NOT NULL,
    count      bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    PRIMARY KEY (hour, name)
);
CREATE INDEX activity_by_end ON activity (expires_at);

-- +goose Down
DROP TABLE activity;
