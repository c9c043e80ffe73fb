-- Tasks that are put out to bids. As long as its auction is open, such a task is in no other table that says how far it is: nobody can claim it.

-- What a task knows of its auction, as JSON; null for none.
ALTER TABLE tasks ADD COLUMN auction TEXT;

DROP VIEW tasks_now;
CREATE VIEW tasks_now AS
SELECT t.id, t.owner_id, t.agent_id, t.agent, t.input_digest, t.input_bytes, t.input_inline, t.parameters, t.fuel_limit, t.memory_limit_bytes,
    t.timeout_ms, t.output_limit_bytes, t.log_limit_bytes, t.hold_id, t.hold_payer_id, t.hold_amount, t.batch_id, t.schedule_id, t.replay_of,
    t.priority, t.trace_parent, t.created_at, t.tag, t.due_at, t.auction,
    COALESCE(e.attempts, t.attempts) AS attempts,
    COALESCE(e.losses, t.losses) AS losses,
    COALESCE(e.token, l.token, t.token) AS token,
    COALESCE(e.state, CASE WHEN l.task_id IS NULL THEN 'queued' ELSE 'running' END) AS state,
    l.holder AS lease_holder, l.started_at, e.finished_at, e.outcome,
    COALESCE(e.cancel_requested_at, l.cancel_requested_at) AS cancel_requested_at
FROM tasks AS t
LEFT JOIN leases AS l ON l.task_id = t.id
LEFT JOIN task_ends AS e ON e.task_id = t.id;

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
