-- +goose Up
-- What a list of users or services is filtered by, beside the name that it is sorted by, so that an index has both and the
-- first of those that meet a filter need no sorting. Triggers keep what is here twice.
ALTER TABLE users ADD COLUMN has_password boolean NOT NULL DEFAULT false;
ALTER TABLE group_members ADD COLUMN name_folded text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE service_words ADD COLUMN name_folded text COLLATE "C" NOT NULL DEFAULT '';

-- Users are locked in the order of their ids, so that nobody waits in a circle.
-- +goose StatementBegin
CREATE FUNCTION mark_passwords() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id IN (SELECT user_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE users SET has_password = TG_OP = 'INSERT' WHERE id IN (SELECT user_id FROM changed);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Whoever renames the user meanwhile waits, and finds the new member then.
-- +goose StatementBegin
CREATE FUNCTION name_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name_folded := coalesce((SELECT name_folded FROM users WHERE id = NEW.user_id FOR SHARE), '');
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rename_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE group_members SET name_folded = NEW.name_folded WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM service_words WHERE service_id = NEW.id;
    INSERT INTO service_words (service_id, text, name_folded)
        SELECT NEW.id, word, NEW.name_folded FROM words_of(NEW.name, NEW.name_folded) AS word
        UNION SELECT NEW.id, word, NEW.name_folded FROM words_of(NEW.key, NEW.key_folded) AS word;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER users_given_password AFTER INSERT ON credentials REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_passwords();
CREATE TRIGGER users_without_password AFTER DELETE ON credentials REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_passwords();
CREATE TRIGGER group_members_named BEFORE INSERT ON group_members FOR EACH ROW EXECUTE FUNCTION name_member();
CREATE TRIGGER group_members_renamed AFTER UPDATE ON users FOR EACH ROW WHEN (NEW.name_folded <> OLD.name_folded) EXECUTE FUNCTION rename_member();
DROP TRIGGER service_words_changed ON services;
CREATE TRIGGER service_words_changed AFTER UPDATE ON services FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.key <> OLD.key OR NEW.name_folded <> OLD.name_folded) EXECUTE FUNCTION list_words();

UPDATE users SET has_password = true WHERE id IN (SELECT user_id FROM credentials);
UPDATE group_members SET name_folded = users.name_folded FROM users WHERE users.id = user_id;
UPDATE service_words SET name_folded = services.name_folded FROM services WHERE services.id = service_id;

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
DROP TRIGGER service_words_changed ON services;
DROP TRIGGER group_members_renamed ON users;
DROP TRIGGER group_members_named ON group_members;
DROP TRIGGER users_without_password ON credentials;
DROP TRIGGER users_given_password ON credentials;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM service_words WHERE service_id = NEW.id;
    INSERT INTO service_words (service_id, text)
        SELECT NEW.id, word FROM words_of(NEW.name, NEW.name_folded) AS word UNION SELECT NEW.id, word FROM words_of(NEW.key, NEW.key_folded) AS word;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER service_words_changed AFTER UPDATE ON services FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.key <> OLD.key) EXECUTE FUNCTION list_words();
DROP FUNCTION rename_member();
DROP FUNCTION name_member();
DROP FUNCTION mark_passwords();
ALTER TABLE service_words DROP COLUMN name_folded;
ALTER TABLE group_members DROP COLUMN name_folded;
ALTER TABLE users DROP COLUMN has_password;
