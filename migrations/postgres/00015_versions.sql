-- +goose Up
ALTER TABLE providers ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE permissions ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE sites ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE sites DROP COLUMN version;
ALTER TABLE permissions DROP COLUMN version;
ALTER TABLE providers DROP COLUMN version;
