-- Content of a cell whose nodes share this database: whole and verified before its row in content is there.
CREATE TABLE content (
    digest TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL CHECK (size_bytes >= 0)
);

CREATE TABLE content_chunks (
    digest TEXT NOT NULL REFERENCES content (digest) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    bytes {blob} NOT NULL,
    PRIMARY KEY (digest, position)
);

-- The starts of nodes that are alive. A task that runs for a holder that is not here was abandoned.
CREATE TABLE nodes (
    holder TEXT NOT NULL PRIMARY KEY,
    beat BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);
