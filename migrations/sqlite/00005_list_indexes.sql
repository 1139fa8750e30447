-- +goose Up
-- The revision counts the changes, as version does for users and groups; the version of a service is that of its program.
ALTER TABLE services ADD COLUMN revision integer NOT NULL DEFAULT 0;

-- How many there are, so that nobody has to count a million: rows of a table, or the members of groups/<id>.
CREATE TABLE list_totals (
    list  text   PRIMARY KEY,
    total integer NOT NULL
);

-- The elements of services.base_urls, kept by triggers, so that an index finds them.
CREATE TABLE service_base_urls (
    service_id text NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    url        text NOT NULL
);
CREATE INDEX service_base_urls_by_service ON service_base_urls (service_id);

-- +goose StatementBegin
CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
    UPDATE list_totals SET total = total + 1 WHERE list = 'users';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
    UPDATE list_totals SET total = total - 1 WHERE list = 'users';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_added AFTER INSERT ON services BEGIN
    UPDATE list_totals SET total = total + 1 WHERE list = 'services';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_removed AFTER DELETE ON services BEGIN
    UPDATE list_totals SET total = total - 1 WHERE list = 'services';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_added AFTER INSERT ON groups BEGIN
    UPDATE list_totals SET total = total + 1 WHERE list = 'groups';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_removed AFTER DELETE ON groups BEGIN
    UPDATE list_totals SET total = total - 1 WHERE list = 'groups';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER credentials_added AFTER INSERT ON credentials BEGIN
    UPDATE list_totals SET total = total + 1 WHERE list = 'credentials';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER credentials_removed AFTER DELETE ON credentials BEGIN
    UPDATE list_totals SET total = total - 1 WHERE list = 'credentials';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirect_uris_added AFTER INSERT ON redirect_uris BEGIN
    UPDATE list_totals SET total = total + 1 WHERE list = 'redirect_uris';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirect_uris_removed AFTER DELETE ON redirect_uris BEGIN
    UPDATE list_totals SET total = total - 1 WHERE list = 'redirect_uris';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_members_added AFTER INSERT ON group_members BEGIN
    INSERT INTO list_totals (list, total) VALUES ('groups/' || NEW.group_id, +1)
        ON CONFLICT (list) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER group_members_removed AFTER DELETE ON group_members BEGIN
    INSERT INTO list_totals (list, total) VALUES ('groups/' || OLD.group_id, -1)
        ON CONFLICT (list) DO UPDATE SET total = total - 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_removed_with_total AFTER DELETE ON groups BEGIN
    DELETE FROM list_totals WHERE list = 'groups/' || OLD.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_base_urls_added AFTER INSERT ON services WHEN NEW.base_urls <> '[]' BEGIN
    INSERT INTO service_base_urls (service_id, url) SELECT NEW.id, value FROM json_each(NEW.base_urls);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER services_base_urls_changed AFTER UPDATE ON services WHEN NEW.base_urls <> OLD.base_urls BEGIN
    DELETE FROM service_base_urls WHERE service_id = NEW.id;
    INSERT INTO service_base_urls (service_id, url) SELECT NEW.id, value FROM json_each(NEW.base_urls);
END;
-- +goose StatementEnd

INSERT INTO list_totals SELECT 'users', count(*) FROM users;
INSERT INTO list_totals SELECT 'services', count(*) FROM services;
INSERT INTO list_totals SELECT 'groups', count(*) FROM groups;
INSERT INTO list_totals SELECT 'credentials', count(*) FROM credentials;
INSERT INTO list_totals SELECT 'redirect_uris', count(*) FROM redirect_uris;
INSERT INTO list_totals SELECT 'groups/' || group_id, count(*) FROM group_members GROUP BY group_id;
INSERT INTO service_base_urls SELECT services.id, element.value FROM services, json_each(base_urls) AS element;

CREATE INDEX users_by_login_and_name ON users (login_folded, name_folded, id);
CREATE INDEX users_developer ON users (name_folded, id) WHERE developer;
CREATE INDEX users_guest ON users (name_folded, id) WHERE guest;
CREATE INDEX groups_by_creation ON groups (created_at, id);

CREATE INDEX services_by_creation ON services (created_at, id);
CREATE INDEX services_by_name_and_id ON services (name_folded, id, key_folded);
CREATE INDEX services_by_key_and_name ON services (key_folded, name_folded, id);
CREATE INDEX services_sorted_by_application ON services (lower(application_name), id);
CREATE INDEX services_by_application ON services (lower(application_name), name_folded, id);
CREATE INDEX services_by_vendor ON services (lower(vendor), name_folded, id);
CREATE INDEX services_by_version ON services (lower(version), name_folded, id);
CREATE INDEX services_by_home_url ON services (lower(home_url), name_folded, id);
CREATE INDEX services_by_user_uri_pattern ON services (lower(user_uri_pattern), name_folded, id);
CREATE INDEX services_by_group_uri_pattern ON services (lower(group_uri_pattern), name_folded, id);
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
CREATE INDEX service_base_urls_by_url ON service_base_urls (lower(url), service_id);
CREATE INDEX redirect_uris_by_uri ON redirect_uris (lower(uri), service_id);

-- +goose Down
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
DROP TRIGGER services_base_urls_changed;
DROP TRIGGER services_base_urls_added;
DROP TRIGGER groups_removed_with_total;
DROP TRIGGER group_members_removed;
DROP TRIGGER group_members_added;
DROP TRIGGER redirect_uris_removed;
DROP TRIGGER redirect_uris_added;
DROP TRIGGER credentials_removed;
DROP TRIGGER credentials_added;
DROP TRIGGER groups_removed;
DROP TRIGGER groups_added;
DROP TRIGGER services_removed;
DROP TRIGGER services_added;
DROP TRIGGER users_removed;
DROP TRIGGER users_added;
DROP TABLE service_base_urls;
DROP TABLE list_totals;
ALTER TABLE services DROP COLUMN revision;
