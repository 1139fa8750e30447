-- +goose Up
-- How often things happened, by hour, with its beginning in Unix milliseconds.
CREATE TABLE activity (
    hour       integer NOT NULL,
    name       text    NOT NULL,
    count      integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (hour, name)
);
CREATE INDEX activity_by_end ON activity (expires_at);

-- +goose Down
DROP TABLE activity;
