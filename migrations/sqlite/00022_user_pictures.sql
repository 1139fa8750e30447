-- +goose Up
-- What users have set in place of their initials. Type is image/png or image/jpeg.
CREATE TABLE user_pictures (
    user_id    text    PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    content    blob    NOT NULL,
    type       text    NOT NULL,
    updated_at integer NOT NULL
);

-- +goose Down
DROP TABLE user_pictures;
