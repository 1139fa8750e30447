-- +goose Up
-- The names and keys of services in lower case, each from the beginning of every word to its end, kept by triggers: a part
-- of a text that stands at the beginning of a word is the beginning of one of these. A word begins behind what is no
-- letter or digit, and with a capital behind a small letter; signs other than blanks are words of their own.
CREATE TABLE service_words (
    service_id text NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    text       text COLLATE "C" NOT NULL,
    PRIMARY KEY (service_id, text)
);
CREATE INDEX service_words_by_text ON service_words (text, service_id);

-- +goose StatementBegin
CREATE FUNCTION words_of(spelled text, folded text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(folded, position) FROM generate_series(1, greatest(length(folded), 1)) AS position
    WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 2) COLLATE "C" ~ '[ -/:-@[-`{-~]'
        OR substr(spelled, position - 1, 2) COLLATE "C" ~ '[a-z][A-Z]')
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION list_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM service_words WHERE service_id = NEW.id;
    INSERT INTO service_words (service_id, text)
        SELECT NEW.id, word FROM words_of(NEW.name, NEW.name_folded) AS word UNION SELECT NEW.id, word FROM words_of(NEW.key, NEW.key_folded) AS word;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER service_words_added AFTER INSERT ON services FOR EACH ROW EXECUTE FUNCTION list_words();
CREATE TRIGGER service_words_changed AFTER UPDATE ON services FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.key <> OLD.key) EXECUTE FUNCTION list_words();

INSERT INTO service_words (service_id, text)
    SELECT id, word FROM services, words_of(name, name_folded) AS word UNION SELECT id, word FROM services, words_of(key, key_folded) AS word;

-- +goose Down
DROP TRIGGER service_words_changed ON services;
DROP TRIGGER service_words_added ON services;
DROP FUNCTION list_words();
DROP FUNCTION words_of(text, text);
DROP TABLE service_words;
