-- Tasks are their own queue: what is due is found by an index over the queued ones alone, however many have ended.

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    input_digest TEXT NOT NULL,
    input_bytes BIGINT NOT NULL,
    input_inline BOOLEAN NOT NULL,
    parameters TEXT NOT NULL,
    fuel_limit BIGINT NOT NULL,
    memory_limit_bytes BIGINT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    output_limit_bytes BIGINT NOT NULL,
    log_limit_bytes BIGINT NOT NULL,
    hold_id TEXT,
    hold_payer_id TEXT,
    hold_amount BIGINT,
    attempts BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    token BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Queued: when it is due, and its place in the queue: the same instant, or 0 when it was moved to the head.
    due_at BIGINT,
    queue_position BIGINT,
    -- Running: whose it is.
    lease_holder TEXT,
    lease_expires_at BIGINT,
    started_at BIGINT,
    -- Ended: the result or the failure as JSON.
    finished_at BIGINT,
    outcome TEXT,
    cancel_requested_at BIGINT,
    trace_parent TEXT,
    created_at BIGINT NOT NULL,
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    CHECK (state <> 'queued' OR (due_at IS NOT NULL AND queue_position IS NOT NULL)),
    CHECK (state <> 'running' OR (lease_holder IS NOT NULL AND lease_expires_at IS NOT NULL AND started_at IS NOT NULL)),
    CHECK (state IN ('queued', 'running') OR finished_at IS NOT NULL)
);

CREATE INDEX tasks_queue ON tasks (queue_position, id) WHERE state = 'queued';
CREATE INDEX tasks_leases ON tasks (lease_expires_at) WHERE state = 'running';
CREATE INDEX tasks_by_owner ON tasks (owner_id, id);
CREATE INDEX tasks_by_owner_and_state ON tasks (owner_id, state, id);

-- Short inputs and outputs and the ends of logs, apart from the rows that lists and claims read.
CREATE TABLE task_content (
    task_id TEXT NOT NULL REFERENCES tasks (id),
    kind TEXT NOT NULL CHECK (kind IN ('input', 'output', 'log')),
    bytes {blob} NOT NULL,
    PRIMARY KEY (task_id, kind)
);

CREATE TABLE receipts (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE REFERENCES tasks (id),
    envelope {blob} NOT NULL
);

CREATE TABLE idempotency_keys (
    owner_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (owner_id, key)
);
