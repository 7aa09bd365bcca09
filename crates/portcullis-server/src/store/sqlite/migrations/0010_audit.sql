-- Who did what to whom, in the order in which it was recorded. Users are named by their ids and need not be there: what
-- a deleted one did is kept.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL, -- milliseconds since the epoch
    kind    TEXT    NOT NULL,
    actor   TEXT,
    subject TEXT,
    session TEXT,
    address TEXT,
    detail  TEXT
) STRICT;

-- The list is read from its end: all of it, one kind, or what one user did and what was done to the user. Each index
-- has the id at its end.
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_kind ON audit (kind, at);
CREATE INDEX audit_actor ON audit (actor, at) WHERE actor IS NOT NULL;
CREATE INDEX audit_subject ON audit (subject, at) WHERE subject IS NOT NULL;

-- What has been recorded stays as it is until it is purged.
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'an audit event is never changed');
END;
