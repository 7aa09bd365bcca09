-- Failed logins of a user since the last that succeeded, and until when no password is accepted because of them.
ALTER TABLE users ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN locked_until INTEGER; -- milliseconds since the epoch; NULL: not locked
