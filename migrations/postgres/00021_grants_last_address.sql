-- +goose Up
-- Where the tokens of a grant were last asked for, for the person to see; empty for what was granted before.
ALTER TABLE grants ADD COLUMN last_address text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE grants DROP COLUMN last_address;
