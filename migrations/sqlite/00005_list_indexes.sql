-- +goose Up
-- The revision counts the changes, as version does for users and groups; the version of a service is that of its program.
ALTER TABLE services ADD COLUMN revision integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE services DROP COLUMN revision;
