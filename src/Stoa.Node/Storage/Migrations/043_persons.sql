-- Whether a row is that of an organisation: what everybody has for nothing is for persons.
ALTER TABLE user_usage ADD COLUMN is_organisation BOOLEAN NOT NULL DEFAULT FALSE;

INSERT INTO user_usage (user_id, open_tasks, content_bytes, is_organisation)
    SELECT id, 0, 0, TRUE FROM users WHERE kind = 'Organisation'
    ON CONFLICT (user_id) DO UPDATE SET is_organisation = TRUE;

DROP INDEX user_usage_with_content;
CREATE INDEX user_usage_with_content ON user_usage (user_id, content_bytes, is_organisation) WHERE content_bytes > 0;

-- When what a deleted organisation has in the content store is to be deleted; null when that is done.
ALTER TABLE organisations ADD COLUMN sweep_at BIGINT;

UPDATE organisations SET sweep_at = deleted_at WHERE deleted_at IS NOT NULL;

CREATE INDEX organisations_to_sweep ON organisations (sweep_at) WHERE sweep_at IS NOT NULL;

-- When the last export with stored content began.
ALTER TABLE account_security ADD COLUMN content_exported_at BIGINT;
