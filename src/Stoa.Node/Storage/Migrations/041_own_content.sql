-- What a user owns, the largest first.
CREATE INDEX content_owners_by_owner ON content_owners (owner, size_bytes, digest);

-- Of uploaded content the tasks that have it as their input: what waits or runs keeps it.
CREATE INDEX tasks_by_stored_input ON tasks (input_digest, owner_id) WHERE NOT input_inline;
