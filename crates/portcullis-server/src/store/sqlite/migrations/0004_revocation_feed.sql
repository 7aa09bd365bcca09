-- The newest generation of a session whose access tokens are void though the session lives, 0 for none.
ALTER TABLE sessions ADD COLUMN void_access INTEGER NOT NULL DEFAULT 0;

CREATE INDEX sessions_void_access ON sessions (void_access) WHERE void_access > 0 AND ended_at IS NULL;

-- What is refused and is neither one token nor in a session's own row.
CREATE TABLE revocations (
    kind       TEXT    NOT NULL CHECK (kind IN ('session', 'access', 'user', 'all')),
    name       TEXT    NOT NULL, -- the session, or the text of the identity claim; empty for 'all'
    bound      INTEGER NOT NULL, -- access: the last generation; user, all: issued before, seconds since the epoch
    expires_at INTEGER,          -- seconds since the epoch; NULL: the entry never goes
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_expires_at ON revocations (expires_at) WHERE expires_at IS NOT NULL;

-- Everything that came to be refused, in its order, for whoever has read the tables once. Triggers fill it, so that
-- whoever writes is heard: an earlier version of this program, a shell. Its beginning goes after an hour.
CREATE TABLE revocation_log (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL, -- 'token', or one of those of revocations
    name       TEXT    NOT NULL,
    bound      INTEGER NOT NULL,
    expires_at INTEGER,
    logged_at  INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)) -- seconds since the epoch
) STRICT;

CREATE TRIGGER revoked_tokens_inserted AFTER INSERT ON revoked_tokens BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES ('token', NEW.jti, 0, NEW.expires_at);
END;

CREATE TRIGGER revoked_tokens_updated AFTER UPDATE ON revoked_tokens
    WHEN NEW.jti IS NOT OLD.jti OR NEW.expires_at IS NOT OLD.expires_at BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES ('token', NEW.jti, 0, NEW.expires_at);
END;

CREATE TRIGGER revocations_inserted AFTER INSERT ON revocations BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES (NEW.kind, NEW.name, NEW.bound, NEW.expires_at);
END;

CREATE TRIGGER revocations_updated AFTER UPDATE ON revocations
    WHEN NEW.kind IS NOT OLD.kind OR NEW.name IS NOT OLD.name OR NEW.bound IS NOT OLD.bound
        OR NEW.expires_at IS NOT OLD.expires_at BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at) VALUES (NEW.kind, NEW.name, NEW.bound, NEW.expires_at);
END;

CREATE TRIGGER sessions_inserted AFTER INSERT ON sessions
    WHEN NEW.ended_at IS NOT NULL OR NEW.void_access > 0 BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at)
    VALUES (iif(NEW.ended_at IS NULL, 'access', 'session'), NEW.id, NEW.void_access, NEW.remembered_until);
END;

CREATE TRIGGER sessions_updated AFTER UPDATE OF ended_at, void_access ON sessions
    WHEN (NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL) OR NEW.void_access > OLD.void_access BEGIN
    INSERT INTO revocation_log (kind, name, bound, expires_at)
    VALUES (iif(NEW.ended_at IS NULL, 'access', 'session'), NEW.id, NEW.void_access, NEW.remembered_until);
END;
