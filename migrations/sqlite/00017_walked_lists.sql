-- +goose Up
-- What a list of users or services is filtered by, beside the name that it is sorted by, so that an index has both and the
-- first of those that meet a filter need no sorting. Triggers keep what is here twice.
ALTER TABLE users ADD COLUMN has_password boolean NOT NULL DEFAULT 0;
ALTER TABLE group_members ADD COLUMN name_folded text NOT NULL DEFAULT '';
ALTER TABLE service_words ADD COLUMN name_folded text NOT NULL DEFAULT '';

-- +goose StatementBegin
CREATE TRIGGER users_given_password AFTER INSERT ON credentials BEGIN
    UPDATE users SET has_password = 1 WHERE id = NEW.user_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_without_password AFTER DELETE ON credentials BEGIN
    UPDATE users SET has_password = 0 WHERE id = OLD.user_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_members_named AFTER INSERT ON group_members BEGIN
    UPDATE group_members SET name_folded = (SELECT name_folded FROM users WHERE id = NEW.user_id)
        WHERE group_id = NEW.group_id AND user_id = NEW.user_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_members_renamed AFTER UPDATE OF name_folded ON users WHEN NEW.name_folded <> OLD.name_folded BEGIN
    UPDATE group_members SET name_folded = NEW.name_folded WHERE user_id = NEW.id;
END;
-- +goose StatementEnd

DROP TRIGGER service_words_added;
DROP TRIGGER service_words_changed;
-- +goose StatementBegin
CREATE TRIGGER service_words_added AFTER INSERT ON services BEGIN
    INSERT OR IGNORE INTO service_words (service_id, text, name_folded)
        SELECT NEW.id, substr(folded, position), NEW.name_folded FROM (
            WITH RECURSIVE places(spelled, folded, position) AS (
                VALUES (NEW.name, NEW.name_folded, 1), (NEW.key, NEW.key_folded, 1)
                UNION ALL SELECT spelled, folded, position + 1 FROM places WHERE position < length(folded)
            ) SELECT * FROM places)
        WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 1) GLOB '[ -/:-@[-`{-~]'
            OR substr(folded, position, 1) GLOB '[ -/:-@[-`{-~]' OR substr(spelled, position - 1, 2) GLOB '[a-z][A-Z]');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER service_words_changed AFTER UPDATE ON services
    WHEN NEW.name <> OLD.name OR NEW.key <> OLD.key OR NEW.name_folded <> OLD.name_folded BEGIN
    DELETE FROM service_words WHERE service_id = NEW.id;
    INSERT OR IGNORE INTO service_words (service_id, text, name_folded)
        SELECT NEW.id, substr(folded, position), NEW.name_folded FROM (
            WITH RECURSIVE places(spelled, folded, position) AS (
                VALUES (NEW.name, NEW.name_folded, 1), (NEW.key, NEW.key_folded, 1)
                UNION ALL SELECT spelled, folded, position + 1 FROM places WHERE position < length(folded)
            ) SELECT * FROM places)
        WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 1) GLOB '[ -/:-@[-`{-~]'
            OR substr(folded, position, 1) GLOB '[ -/:-@[-`{-~]' OR substr(spelled, position - 1, 2) GLOB '[a-z][A-Z]');
END;
-- +goose StatementEnd

UPDATE users SET has_password = 1 WHERE id IN (SELECT user_id FROM credentials);
UPDATE group_members SET name_folded = (SELECT name_folded FROM users WHERE id = user_id);
UPDATE service_words SET name_folded = (SELECT name_folded FROM services WHERE id = service_id);

CREATE INDEX users_with_password ON users (name_folded, id) WHERE has_password;
CREATE INDEX users_with_password_by_login ON users (login_folded, id) WHERE has_password;
CREATE INDEX users_lacking_password ON users (name_folded, id) WHERE NOT has_password;
CREATE INDEX users_by_login_start_1 ON users (substr(login_folded, 1, 1), name_folded, id, login_folded);
CREATE INDEX users_by_login_start_3 ON users (substr(login_folded, 1, 3), name_folded, id, login_folded);
CREATE INDEX group_members_by_name ON group_members (group_id, name_folded, user_id);
CREATE INDEX service_words_by_start_1 ON service_words (substr(text, 1, 1), name_folded, service_id, text);
CREATE INDEX service_words_by_start_3 ON service_words (substr(text, 1, 3), name_folded, service_id, text);
CREATE INDEX services_by_key_start_1 ON services (substr(key_folded, 1, 1), name_folded, id, key_folded);
CREATE INDEX services_by_key_start_3 ON services (substr(key_folded, 1, 3), name_folded, id, key_folded);

-- +goose Down
DROP INDEX services_by_key_start_3;
DROP INDEX services_by_key_start_1;
DROP INDEX service_words_by_start_3;
DROP INDEX service_words_by_start_1;
DROP INDEX group_members_by_name;
DROP INDEX users_by_login_start_3;
DROP INDEX users_by_login_start_1;
DROP INDEX users_lacking_password;
DROP INDEX users_with_password_by_login;
DROP INDEX users_with_password;
DROP TRIGGER service_words_changed;
DROP TRIGGER service_words_added;
DROP TRIGGER group_members_renamed;
DROP TRIGGER group_members_named;
DROP TRIGGER users_without_password;
DROP TRIGGER users_given_password;
-- +goose StatementBegin
CREATE TRIGGER service_words_added AFTER INSERT ON services BEGIN
    INSERT OR IGNORE INTO service_words (service_id, text)
        SELECT NEW.id, substr(folded, position) FROM (
            WITH RECURSIVE places(spelled, folded, position) AS (
                VALUES (NEW.name, NEW.name_folded, 1), (NEW.key, NEW.key_folded, 1)
                UNION ALL SELECT spelled, folded, position + 1 FROM places WHERE position < length(folded)
            ) SELECT * FROM places)
        WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 1) GLOB '[ -/:-@[-`{-~]'
            OR substr(folded, position, 1) GLOB '[ -/:-@[-`{-~]' OR substr(spelled, position - 1, 2) GLOB '[a-z][A-Z]');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER service_words_changed AFTER UPDATE ON services WHEN NEW.name <> OLD.name OR NEW.key <> OLD.key BEGIN
    DELETE FROM service_words WHERE service_id = NEW.id;
    INSERT OR IGNORE INTO service_words (service_id, text)
        SELECT NEW.id, substr(folded, position) FROM (
            WITH RECURSIVE places(spelled, folded, position) AS (
                VALUES (NEW.name, NEW.name_folded, 1), (NEW.key, NEW.key_folded, 1)
                UNION ALL SELECT spelled, folded, position + 1 FROM places WHERE position < length(folded)
            ) SELECT * FROM places)
        WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 1) GLOB '[ -/:-@[-`{-~]'
            OR substr(folded, position, 1) GLOB '[ -/:-@[-`{-~]' OR substr(spelled, position - 1, 2) GLOB '[a-z][A-Z]');
END;
-- +goose StatementEnd
ALTER TABLE service_words DROP COLUMN name_folded;
ALTER TABLE group_members DROP COLUMN name_folded;
ALTER TABLE users DROP COLUMN has_password;
