-- Persons who have asked to be erased, and those who were. Of the latter this row is left, and the id that books and receipts lead to.
CREATE TABLE erasures (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    forfeits BOOLEAN NOT NULL,
    requested_at BIGINT NOT NULL,
    -- From when on the next step may be done; null once nothing is left to do.
    due_at BIGINT,
    -- How many steps are done, and how far the present one is. Written in the act that does them, so whoever comes after goes on there.
    step BIGINT NOT NULL,
    place TEXT NOT NULL,
    erased_at BIGINT
);

CREATE INDEX erasures_due ON erasures (due_at) WHERE due_at IS NOT NULL;

-- Handles that nobody gets any more: HMAC-SHA256 of each under a key of the cell, so that the table tells nobody which they were.
CREATE TABLE retired_handles (
    handle_hash TEXT NOT NULL PRIMARY KEY
);

-- The key under which what identifies a user in the entries of a block is sealed. Without it the hash of the block holds as before, and nobody can read that.
ALTER TABLE audit_actors ADD COLUMN seal_key {blob};

-- Since when no task can be given to it any more.
ALTER TABLE agent_versions ADD COLUMN withdrawn_at BIGINT;

-- Of a receipt that was erased, the node that had signed it: usage is told apart by it.
ALTER TABLE receipts ADD COLUMN node TEXT;
