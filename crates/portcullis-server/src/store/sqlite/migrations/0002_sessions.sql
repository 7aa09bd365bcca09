-- How often all sessions of the user were ended: one of an earlier epoch is over.
ALTER TABLE users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Sessions, ended ones too: the row is what says that the tokens are refused, until the last of them has expired.
-- For as long a user's row has to stay; were it to take its sessions along, their tokens would open doors again.
CREATE TABLE sessions (
    id                 TEXT    NOT NULL PRIMARY KEY,
    user_id            TEXT    NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    epoch              INTEGER NOT NULL,
    -- The head: the pair that was given out last.
    generation         INTEGER NOT NULL,
    refresh_jti        TEXT    NOT NULL,
    access_jti         TEXT    NOT NULL,
    made_at            INTEGER NOT NULL, -- milliseconds since the epoch
    issued_at          INTEGER NOT NULL, -- seconds since the epoch
    access_expires_at  INTEGER NOT NULL, -- seconds since the epoch
    refresh_expires_at INTEGER NOT NULL, -- seconds since the epoch
    fresh              INTEGER NOT NULL CHECK (fresh BETWEEN 0 AND 1),
    -- The refresh token that was presented for the head; NULL before the first refresh.
    parent_generation  INTEGER,
    parent_jti         TEXT,
    seen               INTEGER NOT NULL,
    opened_at          INTEGER NOT NULL, -- milliseconds since the epoch
    last_used          INTEGER NOT NULL, -- milliseconds since the epoch
    ends_at            INTEGER NOT NULL, -- seconds since the epoch
    device             TEXT,
    ended_at           INTEGER,          -- milliseconds since the epoch; NULL while it has not been ended
    end_reason         TEXT,
    remembered_until   INTEGER NOT NULL, -- seconds since the epoch: when the last of its tokens has expired
    CHECK ((parent_generation IS NULL) = (parent_jti IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

-- A user's sessions are asked for while they have not been ended; the ended ones pile up until they are purged.
CREATE INDEX sessions_not_ended ON sessions (user_id) WHERE ended_at IS NULL;

-- The list of the ended ones is read from here alone, in pages: it has all columns that are asked for.
CREATE INDEX sessions_ended ON sessions (id, remembered_until, ended_at) WHERE ended_at IS NOT NULL;

-- The purge asks for those whose tokens have all expired.
CREATE INDEX sessions_remembered_until ON sessions (remembered_until);
