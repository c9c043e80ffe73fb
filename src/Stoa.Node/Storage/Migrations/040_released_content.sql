-- Content that is deleted unless somebody owns it: what a publication brings that may be refused yet, and what was given up. It counts for a user until its bytes are gone.
CREATE TABLE released_content (
    digest TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    released_at BIGINT NOT NULL
);

CREATE INDEX released_content_by_user ON released_content (user_id, size_bytes);
CREATE INDEX released_content_by_time ON released_content (released_at);

-- When it was last brought: what has just come may not have its owner yet.
ALTER TABLE content ADD COLUMN put_at BIGINT NOT NULL DEFAULT 0;
