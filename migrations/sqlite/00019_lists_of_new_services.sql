-- +goose Up
-- SQLite has triggers for new services that look for nothing; this number is that of PostgreSQL's.

-- +goose Down
