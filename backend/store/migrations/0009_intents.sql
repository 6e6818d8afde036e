-- Typed intents --------------------------------------------------------------------

-- An intent is longer than a sentence; with its escapes it fits an entry of the audit log.
ALTER TABLE declarations
    DROP CONSTRAINT declarations_content_check,
    ADD CONSTRAINT declarations_content_check CHECK (char_length(content) BETWEEN 1 AND 24000);
