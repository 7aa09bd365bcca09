-- The access tokens of a session that may be alive, as JSON: [["jti", expiry in seconds], …]. Kept for another
-- application that has to refuse them when the session ends; NULL where none has to be told, or has been.
ALTER TABLE sessions ADD COLUMN access_tokens TEXT;

-- The ended ones of which the other application has not been told.
CREATE INDEX sessions_untold ON sessions (id) WHERE ended_at IS NOT NULL AND access_tokens IS NOT NULL;

-- 1: stands there for the other application alone. Here the refresh rule judges the token, or its session has ended.
ALTER TABLE revoked_tokens ADD COLUMN for_flask INTEGER NOT NULL DEFAULT 0 CHECK (for_flask BETWEEN 0 AND 1);

-- The feed tells what is refused here.
DROP TRIGGER revoked_tokens_inserted;
CREATE TRIGGER revoked_tokens_inserted AFTER INSERT ON revoked_tokens WHEN NEW.for_flask = 0 BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES ('token', NEW.jti, 0, NEW.expires_at);
END;

DROP TRIGGER revoked_tokens_updated;
CREATE TRIGGER revoked_tokens_updated AFTER UPDATE ON revoked_tokens
    WHEN NEW.for_flask = 0 AND (NEW.jti IS NOT OLD.jti OR NEW.expires_at IS NOT OLD.expires_at OR OLD.for_flask <> 0) BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES ('token', NEW.jti, 0, NEW.expires_at);
END;
