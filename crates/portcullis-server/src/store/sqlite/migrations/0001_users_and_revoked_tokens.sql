-- Accounts. `name_key` is the canonical name; NULL for a name older than the rules, which is known by its exact
-- spelling only.
CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    username   TEXT    NOT NULL,
    name_key   TEXT    UNIQUE,
    password   TEXT    NOT NULL,
    access     INTEGER NOT NULL CHECK (access BETWEEN 0 AND 2),
    created_at INTEGER NOT NULL -- milliseconds since the epoch
) STRICT;

CREATE INDEX users_username ON users (username);

-- Tokens that are refused although they have not expired.
CREATE TABLE revoked_tokens (
    jti        TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER,         -- seconds since the epoch; NULL: the token never expires, the entry never goes
    created_at INTEGER NOT NULL -- milliseconds since the epoch
) STRICT, WITHOUT ROWID;

-- The purge asks for what has expired; entries without an expiry need no place here.
CREATE INDEX revoked_tokens_expires_at ON revoked_tokens (expires_at) WHERE expires_at IS NOT NULL;
