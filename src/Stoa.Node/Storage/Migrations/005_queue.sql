-- The queue takes turns: a consumer's tasks of one priority are a lane, lanes share by tags, and what is not due yet waits outside.

-- A table's checks cannot be altered, so tasks and what refers to them are built anew.
ALTER TABLE tasks RENAME TO tasks_before;

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    -- Null while it is open who does it.
    agent_id TEXT,
    agent TEXT,
    -- What is asked of whoever does it, as JSON; null when the consumer named an agent.
    requirement TEXT,
    budget BIGINT,
    deadline_at BIGINT,
    -- Agents that failed it, as JSON; null for none.
    tried TEXT,
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
    -- Where it comes from, when not from a single submission.
    batch_id TEXT,
    schedule_id TEXT,
    replay_of TEXT,
    priority BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    token BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Queued: when it is due, and its turn among those that are; null as long as it has none.
    due_at BIGINT,
    tag BIGINT,
    -- Running: whose it is.
    lease_holder TEXT,
    started_at BIGINT,
    -- Ended: the result or the failure as JSON.
    finished_at BIGINT,
    outcome TEXT,
    cancel_requested_at BIGINT,
    trace_parent TEXT,
    created_at BIGINT NOT NULL,
    CHECK (state <> 'queued' OR due_at IS NOT NULL),
    CHECK (state <> 'running' OR (lease_holder IS NOT NULL AND started_at IS NOT NULL))
);

-- What was queued has no turn yet, but for what was moved to the head of the queue: it is given one when it is next looked for.
INSERT INTO tasks (id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes,
    timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount, priority, attempts, losses, token, state,
    due_at, tag, lease_holder, started_at, finished_at, outcome, cancel_requested_at, trace_parent, created_at)
SELECT id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes,
    timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount, 1, attempts, losses, token, state,
    due_at, CASE WHEN queue_position = 0 THEN 0 END, lease_holder, started_at, finished_at, outcome,
    cancel_requested_at, trace_parent, created_at
FROM tasks_before;

CREATE TABLE task_content_now (
    task_id TEXT NOT NULL REFERENCES tasks (id),
    kind TEXT NOT NULL CHECK (kind IN ('input', 'output', 'log')),
    bytes {blob} NOT NULL,
    PRIMARY KEY (task_id, kind)
);
INSERT INTO task_content_now (task_id, kind, bytes) SELECT task_id, kind, bytes FROM task_content;
DROP TABLE task_content;
ALTER TABLE task_content_now RENAME TO task_content;

CREATE TABLE receipts_now (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE REFERENCES tasks (id),
    envelope {blob} NOT NULL
);
INSERT INTO receipts_now (id, task_id, envelope) SELECT id, task_id, envelope FROM receipts;
DROP TABLE receipts;
ALTER TABLE receipts_now RENAME TO receipts;

DROP TABLE tasks_before;

-- Whose turn it is, and what waits for its time: each an index over these tasks alone, however many have ended.
CREATE INDEX tasks_ready ON tasks (tag, id) WHERE state = 'queued' AND tag IS NOT NULL;
CREATE INDEX tasks_delayed ON tasks (due_at, id) WHERE state = 'queued' AND tag IS NULL;
CREATE INDEX tasks_leases ON tasks (lease_holder) WHERE state = 'running';
CREATE INDEX tasks_by_owner ON tasks (owner_id, id);
-- The long lists of a consumer are of tasks that succeeded; the few others are found among them by these.
CREATE INDEX tasks_failed_by_owner ON tasks (owner_id, id) WHERE state = 'failed';
CREATE INDEX tasks_cancelled_by_owner ON tasks (owner_id, id) WHERE state = 'cancelled';

-- The tag that a lane's last task got.
CREATE TABLE lanes (
    owner_id TEXT NOT NULL,
    priority BIGINT NOT NULL,
    last_tag BIGINT NOT NULL,
    PRIMARY KEY (owner_id, priority)
);

-- One row: the tag of the newest claim. A lane that was idle goes on from here, so that it saves up no turns.
CREATE TABLE queue_clock (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    virtual_time BIGINT NOT NULL
);
INSERT INTO queue_clock (id, virtual_time) VALUES (1, 0);

-- Tasks that were submitted together. Their ids lie between the first and the last, so that no index is needed to list them.
CREATE TABLE task_batches (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    first_task_id TEXT NOT NULL,
    last_task_id TEXT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    cancel_requested_at BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE INDEX task_batches_by_owner ON task_batches (owner_id, id);
