-- What was done over the API: entries that were written together are one row, chained by hash to all before them.
CREATE TABLE audit_blocks (
    number BIGINT NOT NULL PRIMARY KEY,
    first_entry BIGINT NOT NULL,
    count BIGINT NOT NULL,
    latest_at BIGINT NOT NULL,
    lines {blob} NOT NULL,
    hash {blob} NOT NULL
);
CREATE INDEX audit_blocks_by_entry ON audit_blocks (first_entry);

-- One row: the end of the chain, whose lock is that of whoever adds a block, and where what is kept of it begins.
CREATE TABLE audit_chain (
    block BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    hash {blob} NOT NULL,
    pruned_block BIGINT NOT NULL,
    pruned_entry BIGINT NOT NULL,
    pruned_hash {blob} NOT NULL
);
INSERT INTO audit_chain (block, entry, hash, pruned_block, pruned_entry, pruned_hash)
VALUES (
    0, 0, {if sqlite}zeroblob(32){end}{if postgres}decode(repeat('00', 32), 'hex'){end},
    0, 0, {if sqlite}zeroblob(32){end}{if postgres}decode(repeat('00', 32), 'hex'){end}
);

-- In which blocks a user has entries.
CREATE TABLE audit_actors (
    actor TEXT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (actor, block)
) {without rowid};
CREATE INDEX audit_actors_by_block ON audit_actors (block);

-- Public keys whose holders sign requests in the name of a user.
CREATE TABLE request_keys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    public_key {blob} NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX request_keys_by_user ON request_keys (user_id, id);

-- Nonces of signed requests, while such a request could still be taken: each is taken once in the cell.
CREATE TABLE request_nonces (
    key_id TEXT NOT NULL,
    nonce TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, nonce)
) {without rowid};
CREATE INDEX request_nonces_by_age ON request_nonces (created_at);

-- One row: nonces of what was signed before are forgotten, so nothing that was signed before is taken.
CREATE TABLE request_nonce_floor (
    signed_after BIGINT NOT NULL
);
INSERT INTO request_nonce_floor (signed_after) VALUES (0);
