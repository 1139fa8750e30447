-- +goose Up
-- A new service has neither words nor base URLs yet. To look for some was planned while the tables were empty, as a walk
-- over all rows, and the plan stayed when they grew.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM service_words WHERE service_id = NEW.id;
    END IF;
    INSERT INTO service_words (service_id, text, name_folded)
        SELECT NEW.id, word, NEW.name_folded FROM words_of(NEW.name, NEW.name_folded) AS word
        UNION SELECT NEW.id, word, NEW.name_folded FROM words_of(NEW.key, NEW.key_folded) AS word;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_base_urls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM service_base_urls WHERE service_id = NEW.id;
    END IF;
    INSERT INTO service_base_urls (service_id, url) SELECT NEW.id, element FROM json_array_elements_text(NEW.base_urls::json) AS element;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_base_urls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM service_base_urls WHERE service_id = NEW.id;
    INSERT INTO service_base_urls (service_id, url) SELECT NEW.id, element FROM json_array_elements_text(NEW.base_urls::json) AS element;
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
