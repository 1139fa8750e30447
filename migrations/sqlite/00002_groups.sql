-- +goose Up
CREATE TABLE groups (
    id          text    PRIMARY KEY,
    name        text    NOT NULL,
    name_folded text    NOT NULL UNIQUE,
    description text    NOT NULL DEFAULT '',
    created_at  integer NOT NULL,
    updated_at  integer NOT NULL
);

CREATE TABLE group_members (
    group_id text NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id);

ALTER TABLE users ADD COLUMN guest boolean NOT NULL DEFAULT 0;

-- The guest stands for whoever is not signed in, and is banned until an administrator lets guests in.
INSERT INTO users (id, login, login_folded, name, guest, banned, ban_reason, created_at, updated_at)
VALUES ('guest', 'guest', 'guest', 'Guest', 1, 1, 'guests are not allowed', 0, 0);

-- +goose Down
DELETE FROM users WHERE id = 'guest';
ALTER TABLE users DROP COLUMN guest;
DROP TABLE group_members;
DROP TABLE groups;
