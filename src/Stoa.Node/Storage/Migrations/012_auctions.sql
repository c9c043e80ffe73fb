-- Tasks that are put out to bids. Such a task is in the state 'bidding' until its auction is decided: nobody claims it before.

-- What a task knows of its auction, as JSON; null for none.
ALTER TABLE tasks ADD COLUMN auction TEXT;

CREATE TABLE auctions (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    owner_id TEXT NOT NULL,
    state TEXT NOT NULL,
    announcement TEXT NOT NULL,
    -- What only the node knows of the bidders, as JSON, in the order of the announcement's.
    invitations TEXT NOT NULL,
    on_no_bids TEXT NOT NULL,
    closes_at BIGINT NOT NULL,
    decided_at BIGINT,
    -- The signed record, once it is decided.
    award {blob}
);

CREATE INDEX auctions_open ON auctions (closes_at) WHERE state = 'Open';
CREATE INDEX auctions_open_by_owner ON auctions (owner_id) WHERE state = 'Open';

-- Bids that came from outside while an auction was open; afterwards they are in its award.
CREATE TABLE auction_bids (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    agent TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    envelope {blob} NOT NULL,
    PRIMARY KEY (auction_id, agent)
);

-- How an agent bids, in all of its versions: publisher/name. One that has no row bids as the operator says.
CREATE TABLE agent_bidding (
    agent TEXT NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    faults BIGINT NOT NULL,
    told_at BIGINT,
    last_fault TEXT
);
