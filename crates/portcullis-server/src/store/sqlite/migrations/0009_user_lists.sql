-- The list of users of an access level, and of those who are disabled, in the order of their ids: they may be few among
-- many. A list by name has the index of `name_key`.
CREATE INDEX users_access ON users (access, id) WHERE name_free_at IS NULL;
CREATE INDEX users_disabled ON users (id) WHERE disabled = 1 AND name_free_at IS NULL;
