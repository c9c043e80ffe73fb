-- Published versions of agents. A row never changes.
CREATE TABLE agent_versions (
    id TEXT NOT NULL PRIMARY KEY,
    publisher_id TEXT NOT NULL,
    publisher TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    manifest TEXT NOT NULL,
    artifact_digest TEXT NOT NULL,
    program_digest TEXT NOT NULL,
    program_bytes BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    UNIQUE (publisher, name, version)
);

-- One row an agent: its newest version, and the lower-case text that a search looks through.
CREATE TABLE agent_listings (
    publisher TEXT NOT NULL,
    name TEXT NOT NULL,
    newest_id TEXT NOT NULL REFERENCES agent_versions (id),
    search_text TEXT NOT NULL,
    PRIMARY KEY (publisher, name)
);

CREATE TABLE agent_capabilities (
    capability TEXT NOT NULL,
    publisher TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (capability, publisher, name)
);

-- Who may read which content; the empty owner is everyone.
CREATE TABLE content_owners (
    digest TEXT NOT NULL,
    owner TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (digest, owner)
);
