-- Until when nobody else can have the name of a deleted user, in milliseconds since the epoch; NULL for a user who is
-- there. What is left of a deleted one stays for as long, and for as long as the sessions have to be remembered.
ALTER TABLE users ADD COLUMN name_free_at INTEGER;

CREATE INDEX users_name_free_at ON users (name_free_at) WHERE name_free_at IS NOT NULL;

-- All sessions of a user, with those that have not been ended together. Without those that have, each deletion of a
-- user's row would look through all sessions that there are.
DROP INDEX sessions_not_ended;
CREATE INDEX sessions_user ON sessions (user_id, ended_at);
