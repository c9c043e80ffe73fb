-- Other operators' nodes that run tasks for this cell, each paid out of a payment channel. A row stays when the supplier is removed, and loses the key that signs its vouchers: what was signed is owed.
CREATE TABLE suppliers (
    id TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    address TEXT NOT NULL,
    channel_id TEXT NOT NULL UNIQUE,
    sealed_key {blob},
    signed BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    successes BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    declines BIGINT NOT NULL,
    lies BIGINT NOT NULL,
    latency_us BIGINT,
    last_failure TEXT,
    last_failed_at BIGINT,
    added_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE UNIQUE INDEX suppliers_nodes ON suppliers (node) WHERE removed_at IS NULL;

-- Calls at suppliers, each written with its voucher before that leaves: whoever takes the task over goes on with the same one.
CREATE TABLE supplier_calls (
    task_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    supplier_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    voucher BIGINT NOT NULL,
    is_raised BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    receipt_id TEXT,
    price BIGINT,
    detail TEXT,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (task_id, number)
);
CREATE INDEX supplier_calls_open ON supplier_calls (supplier_id) WHERE state = 'Open';
CREATE UNIQUE INDEX supplier_calls_receipts ON supplier_calls (receipt_id) WHERE receipt_id IS NOT NULL;

-- The regions of tasks that suppliers run, with a blank between; empty for any.
CREATE TABLE task_supplies (
    task_id TEXT NOT NULL PRIMARY KEY,
    regions TEXT NOT NULL
);

-- Versions of agents that tasks were submitted for although they were not published here, as their publishers have signed them.
CREATE TABLE foreign_agents (
    id TEXT NOT NULL PRIMARY KEY,
    statement_id TEXT NOT NULL UNIQUE,
    payload {blob} NOT NULL,
    signature {blob} NOT NULL,
    noted_at BIGINT NOT NULL
);

CREATE INDEX agent_versions_programs ON agent_versions (program_digest);
