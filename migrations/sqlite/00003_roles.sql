-- +goose Up
-- A developer may register services; an administrator may do everything.
ALTER TABLE users ADD COLUMN developer boolean NOT NULL DEFAULT 0;

-- Versions count the changes, so that nobody overwrites one that they have not seen.
ALTER TABLE users ADD COLUMN version integer NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN version integer NOT NULL DEFAULT 0;

-- Names are compared and sorted without case. lower() knows ASCII alone; other letters are folded at the next change.
ALTER TABLE users ADD COLUMN name_folded text NOT NULL DEFAULT '';
UPDATE users SET name_folded = lower(trim(name));

CREATE INDEX users_by_name ON users (name_folded, id);
CREATE INDEX users_by_creation ON users (created_at, id);
CREATE INDEX users_banned ON users (name_folded, id) WHERE banned;
CREATE INDEX users_admin ON users (id) WHERE admin;

-- +goose Down
DROP INDEX users_admin;
DROP INDEX users_banned;
DROP INDEX users_by_creation;
DROP INDEX users_by_name;
ALTER TABLE users DROP COLUMN name_folded;
ALTER TABLE groups DROP COLUMN version;
ALTER TABLE users DROP COLUMN version;
ALTER TABLE users DROP COLUMN developer;
