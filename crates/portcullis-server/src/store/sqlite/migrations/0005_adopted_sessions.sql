-- Until when the other application's token lives that a session was adopted from, in seconds since the epoch; NULL for
-- a session that a password opened. While the token lives the row stays, so that it is not adopted once more.
ALTER TABLE sessions ADD COLUMN adopted_until INTEGER;
