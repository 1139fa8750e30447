-- +goose Up
-- What a service cannot do without: people allow it with the rest, or allow nothing.
ALTER TABLE granted_permissions ADD COLUMN required boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE granted_permissions DROP COLUMN required;
