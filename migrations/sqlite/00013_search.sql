-- +goose Up
-- The names and keys of services in lower case, each from the beginning of every word to its end, kept by triggers: a part
-- of a text that stands at the beginning of a word is the beginning of one of these. A word begins behind what is no
-- letter or digit, and with a capital behind a small letter; signs other than blanks are words of their own.
CREATE TABLE service_words (
    service_id text NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    text       text NOT NULL,
    PRIMARY KEY (service_id, text)
) WITHOUT ROWID;
CREATE INDEX service_words_by_text ON service_words (text, service_id);

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

INSERT OR IGNORE INTO service_words (service_id, text)
    WITH RECURSIVE places(id, spelled, folded, position) AS (
        SELECT id, name, name_folded, 1 FROM services UNION ALL SELECT id, key, key_folded, 1 FROM services
        UNION ALL SELECT id, spelled, folded, position + 1 FROM places WHERE position < length(folded)
    )
    SELECT id, substr(folded, position) FROM places
    WHERE position = 1 OR substr(folded, position, 1) <> ' ' AND (substr(folded, position - 1, 1) GLOB '[ -/:-@[-`{-~]'
        OR substr(folded, position, 1) GLOB '[ -/:-@[-`{-~]' OR substr(spelled, position - 1, 2) GLOB '[a-z][A-Z]');

-- +goose Down
DROP TRIGGER service_words_changed;
DROP TRIGGER service_words_added;
DROP TABLE service_words;
