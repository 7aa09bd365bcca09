-- A disabled user cannot log in, and has no living session.
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled BETWEEN 0 AND 1);
