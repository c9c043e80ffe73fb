-- Signed statements of the registry, own and foreign: of each key what merging leaves, and nothing else.
CREATE TABLE statements (
    sequence {bigserial},
    id TEXT NOT NULL UNIQUE,
    merge_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    signer TEXT NOT NULL,
    agent TEXT,
    version TEXT,
    hlc BIGINT NOT NULL,
    said TEXT NOT NULL,
    -- Of withdrawals and deprecations: whether they hold, or are taken back.
    holds BOOLEAN NOT NULL,
    payload {blob} NOT NULL,
    signature {blob} NOT NULL,
    size_bytes BIGINT NOT NULL,
    arrived_at BIGINT NOT NULL
);
CREATE INDEX statements_keys ON statements (merge_key);
CREATE INDEX statements_agents ON statements (signer, agent);
CREATE INDEX statements_offers ON statements (hlc) WHERE kind = 'offer';

-- What each signer has here, and whether somebody vouches for it; and what all have together for whom nobody does.
CREATE TABLE statement_signers (
    signer TEXT NOT NULL PRIMARY KEY,
    standing TEXT NOT NULL,
    statements BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    day BIGINT NOT NULL,
    today BIGINT NOT NULL
);
CREATE TABLE statement_strangers (
    bytes BIGINT NOT NULL
);
INSERT INTO statement_strangers (bytes) VALUES (0);

-- Two listings of one version that say different things.
CREATE TABLE equivocations (
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    version TEXT NOT NULL,
    first_id TEXT NOT NULL,
    second_id TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    PRIMARY KEY (signer, agent, version)
);

-- The catalogue of the network, which follows from the statements: the newest version of each agent that is offered, who its publisher says to be, which nodes have which program.
CREATE TABLE network_listings (
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    newest_id TEXT NOT NULL,
    search_text TEXT NOT NULL,
    PRIMARY KEY (signer, agent)
);
CREATE TABLE network_capabilities (
    capability TEXT NOT NULL,
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    PRIMARY KEY (capability, signer, agent)
);
CREATE INDEX network_capabilities_agents ON network_capabilities (signer, agent);
CREATE TABLE publisher_profiles (
    signer TEXT NOT NULL PRIMARY KEY,
    display_name TEXT,
    handle TEXT
);
CREATE INDEX publisher_profiles_handles ON publisher_profiles (handle);
CREATE TABLE offered_programs (
    program_digest TEXT NOT NULL,
    node TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (program_digest, node)
);
CREATE INDEX offered_programs_nodes ON offered_programs (node);

-- Keys that the cell keeps for publishers who have none of their own, sealed.
CREATE TABLE publisher_keys (
    user_id TEXT NOT NULL PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    peer_id TEXT NOT NULL UNIQUE,
    sealed_key {blob} NOT NULL,
    created_at BIGINT NOT NULL
);

-- How far what was published before there were statements has got them. It is over when the row is gone.
CREATE TABLE listing_backfill (
    last_id TEXT NOT NULL,
    done BIGINT NOT NULL
);
INSERT INTO listing_backfill (last_id, done) VALUES ('', 0);
