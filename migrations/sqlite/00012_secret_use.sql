-- +goose Up
ALTER TABLE service_secrets ADD COLUMN last_used_at integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE service_secrets DROP COLUMN last_used_at;
