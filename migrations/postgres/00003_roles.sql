-- +goose Up
-- A developer may register services; an administrator may do everything.
ALTER TABLE users ADD COLUMN developer boolean NOT NULL DEFAULT false;

-- Versions count the changes, so that nobody overwrites one that they have not seen.
ALTER TABLE users ADD COLUMN version bigint NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- Names are compared and sorted without case.
ALTER TABLE users ADD COLUMN name_folded text NOT NULL DEFAULT '';
UPDATE users SET name_folded = lower(trim(name));

CREATE INDEX users_by_name ON users (name_folded, id);
CREATE INDEX users_by_creation ON users (created_at, id);
CREATE INDEX users_banned ON users (name_folded, id) WHERE banned;
CREATE INDEX users_admin ON users (id) WHERE admin;

-- LIKE with a prefix needs an order by bytes, which the database's own collation may not be.
CREATE INDEX users_by_name_prefix ON users (name_folded text_pattern_ops);
CREATE INDEX users_by_login_prefix ON users (login_folded text_pattern_ops);
CREATE INDEX groups_by_name_prefix ON groups (name_folded text_pattern_ops);

-- +goose Down
DROP INDEX groups_by_name_prefix;
DROP INDEX users_by_login_prefix;
DROP INDEX users_by_name_prefix;
DROP INDEX users_admin;
DROP INDEX users_banned;
DROP INDEX users_by_creation;
DROP INDEX users_by_name;
ALTER TABLE users DROP COLUMN name_folded;
ALTER TABLE groups DROP COLUMN version;
ALTER TABLE users DROP COLUMN version;
ALTER TABLE users DROP COLUMN developer;
