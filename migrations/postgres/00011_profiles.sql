-- +goose Up
-- When the implicit flow was turned on; 0 is not known, or not on.
ALTER TABLE services ADD COLUMN implicit_flow_since bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE services DROP COLUMN implicit_flow_since;
