-- +goose Up
-- The revision counts the changes, as version does for users and groups; the version of a service is that of its program.
ALTER TABLE services ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- How many there are, so that nobody has to count a million: rows of a table, or the members of groups/<id>.
CREATE TABLE list_totals (
    list  text   PRIMARY KEY,
    total bigint NOT NULL
);

-- The elements of services.base_urls, kept by triggers, so that an index finds them.
CREATE TABLE service_base_urls (
    service_id text NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    url        text NOT NULL
);
CREATE INDEX service_base_urls_by_service ON service_base_urls (service_id);

-- +goose StatementBegin
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes bigint;
BEGIN
    SELECT count(*) INTO changes FROM changed;
    IF changes > 0 THEN
        UPDATE list_totals SET total = total + CASE TG_OP WHEN 'INSERT' THEN changes ELSE -changes END WHERE list = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Groups are locked in the order of their names, so that nobody waits in a circle.
-- +goose StatementBegin
CREATE FUNCTION count_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO list_totals AS before (list, total) SELECT 'groups/' || group_id, count(*) FROM changed GROUP BY group_id ORDER BY 1
            ON CONFLICT (list) DO UPDATE SET total = before.total + excluded.total;
    ELSE
        -- The total of a group that is deleted with its members is gone already.
        PERFORM 1 FROM list_totals WHERE list IN (SELECT 'groups/' || group_id FROM changed) ORDER BY list FOR UPDATE;
        UPDATE list_totals SET total = total - removed.members
            FROM (SELECT group_id, count(*) AS members FROM changed GROUP BY group_id) AS removed WHERE list = 'groups/' || removed.group_id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION forget_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM list_totals WHERE list IN (SELECT 'groups/' || id FROM changed);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION list_base_urls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM service_base_urls WHERE service_id = NEW.id;
    INSERT INTO service_base_urls (service_id, url) SELECT NEW.id, element FROM json_array_elements_text(NEW.base_urls::json) AS element;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER users_added AFTER INSERT ON users REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER users_removed AFTER DELETE ON users REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER services_added AFTER INSERT ON services REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER services_removed AFTER DELETE ON services REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER groups_added AFTER INSERT ON groups REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER groups_removed AFTER DELETE ON groups REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER credentials_added AFTER INSERT ON credentials REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER credentials_removed AFTER DELETE ON credentials REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER redirect_uris_added AFTER INSERT ON redirect_uris REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER redirect_uris_removed AFTER DELETE ON redirect_uris REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER group_members_added AFTER INSERT ON group_members REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_members();
CREATE TRIGGER group_members_removed AFTER DELETE ON group_members REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_members();
CREATE TRIGGER groups_removed_with_total AFTER DELETE ON groups REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION forget_members();
CREATE TRIGGER services_base_urls_added AFTER INSERT ON services FOR EACH ROW WHEN (NEW.base_urls <> '[]') EXECUTE FUNCTION list_base_urls();
CREATE TRIGGER services_base_urls_changed AFTER UPDATE ON services FOR EACH ROW WHEN (NEW.base_urls <> OLD.base_urls) EXECUTE FUNCTION list_base_urls();

-- The triggers are there before the rows are counted, so that none is missed.
INSERT INTO list_totals SELECT 'users', count(*) FROM users;
INSERT INTO list_totals SELECT 'services', count(*) FROM services;
INSERT INTO list_totals SELECT 'groups', count(*) FROM groups;
INSERT INTO list_totals SELECT 'credentials', count(*) FROM credentials;
INSERT INTO list_totals SELECT 'redirect_uris', count(*) FROM redirect_uris;
INSERT INTO list_totals SELECT 'groups/' || group_id, count(*) FROM group_members GROUP BY group_id;
INSERT INTO service_base_urls SELECT id, element FROM services, json_array_elements_text(base_urls::json) AS element;

-- In the order of bytes one index serves what begins with a text and the order alike, and both databases sort alike.
ALTER TABLE users
    ALTER COLUMN login_folded TYPE text COLLATE "C",
    ALTER COLUMN name_folded TYPE text COLLATE "C",
    ALTER COLUMN email_folded TYPE text COLLATE "C";
ALTER TABLE groups ALTER COLUMN name_folded TYPE text COLLATE "C";
ALTER TABLE services
    ALTER COLUMN key_folded TYPE text COLLATE "C",
    ALTER COLUMN name_folded TYPE text COLLATE "C";

CREATE INDEX users_by_id_prefix ON users (id text_pattern_ops);
CREATE INDEX services_by_id_prefix ON services (id text_pattern_ops);
CREATE INDEX users_by_login_and_name ON users (login_folded, name_folded, id);
CREATE INDEX users_developer ON users (name_folded, id) WHERE developer;
CREATE INDEX users_guest ON users (name_folded, id) WHERE guest;
CREATE INDEX groups_by_creation ON groups (created_at, id);

CREATE INDEX services_by_creation ON services (created_at, id);
CREATE INDEX services_by_name_and_id ON services (name_folded, id, key_folded);
CREATE INDEX services_by_key_and_name ON services (key_folded, name_folded, id);
CREATE INDEX services_sorted_by_application ON services (lower(application_name COLLATE "C"), id);
CREATE INDEX services_by_application ON services (lower(application_name COLLATE "C"), name_folded, id);
CREATE INDEX services_by_vendor ON services (lower(vendor COLLATE "C"), name_folded, id);
CREATE INDEX services_by_version ON services (lower(version COLLATE "C"), name_folded, id);
CREATE INDEX services_by_home_url ON services (lower(home_url COLLATE "C"), name_folded, id);
CREATE INDEX services_by_user_uri_pattern ON services (lower(user_uri_pattern COLLATE "C"), name_folded, id);
CREATE INDEX services_by_group_uri_pattern ON services (lower(group_uri_pattern COLLATE "C"), name_folded, id);
CREATE INDEX services_trusted ON services (name_folded, id) WHERE trusted;
CREATE INDEX services_public ON services (name_folded, id) WHERE public;
CREATE INDEX services_immutable ON services (name_folded, id) WHERE immutable;
CREATE INDEX services_with_application_name ON services (name_folded, id) WHERE application_name <> '';
CREATE INDEX services_with_vendor ON services (name_folded, id) WHERE vendor <> '';
CREATE INDEX services_with_version ON services (name_folded, id) WHERE version <> '';
CREATE INDEX services_with_home_url ON services (name_folded, id) WHERE home_url <> '';
CREATE INDEX services_with_icon_url ON services (name_folded, id) WHERE icon_url <> '';
CREATE INDEX services_with_user_uri_pattern ON services (name_folded, id) WHERE user_uri_pattern <> '';
CREATE INDEX services_with_group_uri_pattern ON services (name_folded, id) WHERE group_uri_pattern <> '';
CREATE INDEX services_with_base_urls ON services (name_folded, id) WHERE base_urls <> '[]';
CREATE INDEX service_base_urls_by_url ON service_base_urls (lower(url COLLATE "C"), service_id);
CREATE INDEX redirect_uris_by_uri ON redirect_uris (lower(uri COLLATE "C"), service_id);

-- +goose Down
DROP INDEX services_by_id_prefix;
DROP INDEX users_by_id_prefix;
DROP INDEX redirect_uris_by_uri;
DROP INDEX services_with_base_urls;
DROP INDEX services_with_group_uri_pattern;
DROP INDEX services_with_user_uri_pattern;
DROP INDEX services_with_icon_url;
DROP INDEX services_with_home_url;
DROP INDEX services_with_version;
DROP INDEX services_with_vendor;
DROP INDEX services_with_application_name;
DROP INDEX services_immutable;
DROP INDEX services_public;
DROP INDEX services_trusted;
DROP INDEX services_by_group_uri_pattern;
DROP INDEX services_by_user_uri_pattern;
DROP INDEX services_by_home_url;
DROP INDEX services_by_version;
DROP INDEX services_by_vendor;
DROP INDEX services_by_application;
DROP INDEX services_sorted_by_application;
DROP INDEX services_by_key_and_name;
DROP INDEX services_by_name_and_id;
DROP INDEX services_by_creation;
DROP INDEX groups_by_creation;
DROP INDEX users_guest;
DROP INDEX users_developer;
DROP INDEX users_by_login_and_name;
DROP TRIGGER services_base_urls_changed ON services;
DROP TRIGGER services_base_urls_added ON services;
DROP TRIGGER groups_removed_with_total ON groups;
DROP TRIGGER group_members_removed ON group_members;
DROP TRIGGER group_members_added ON group_members;
DROP TRIGGER redirect_uris_removed ON redirect_uris;
DROP TRIGGER redirect_uris_added ON redirect_uris;
DROP TRIGGER credentials_removed ON credentials;
DROP TRIGGER credentials_added ON credentials;
DROP TRIGGER groups_removed ON groups;
DROP TRIGGER groups_added ON groups;
DROP TRIGGER services_removed ON services;
DROP TRIGGER services_added ON services;
DROP TRIGGER users_removed ON users;
DROP TRIGGER users_added ON users;
DROP FUNCTION list_base_urls();
DROP FUNCTION forget_members();
DROP FUNCTION count_members();
DROP FUNCTION count_rows();
DROP TABLE service_base_urls;
DROP TABLE list_totals;
ALTER TABLE services DROP COLUMN revision;
