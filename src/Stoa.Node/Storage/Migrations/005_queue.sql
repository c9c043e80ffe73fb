-- The queue takes turns: a consumer's tasks of one priority are a lane, lanes share by tags, and what is not due yet waits outside.
-- Each step of a task adds or takes away one narrow row, and its own is left alone.

-- A table's checks cannot be altered, so tasks and what refers to them are built anew.
ALTER TABLE tasks RENAME TO tasks_before;

-- What is asked, written once. How far it is tells the one other table that it is in: queue or delayed, leases, task_ends.
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
    -- As of its last way into the queue: what was counted by then, when it was due, and its turn; a turn of null: it waits in delayed.
    attempts BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    token BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tag BIGINT,
    trace_parent TEXT,
    created_at BIGINT NOT NULL
) {without rowid};

-- Those whose time has come, in the order of their turns, with what a claim asks of them.
CREATE TABLE queue (
    tag BIGINT NOT NULL,
    task_id TEXT NOT NULL,
    memory_limit_bytes BIGINT NOT NULL,
    token BIGINT NOT NULL,
    PRIMARY KEY (tag, task_id)
) {without rowid};

-- Those whose time has not come, or that came back and have no turn yet.
CREATE TABLE delayed (
    due_at BIGINT NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (due_at, task_id)
) {without rowid};

-- Those that run: few at any time, so no other index is needed.
CREATE TABLE leases (
    task_id TEXT NOT NULL PRIMARY KEY,
    token BIGINT NOT NULL,
    holder TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    cancel_requested_at BIGINT
) {without rowid};

-- Those that have ended, and how: the result or the failure as JSON.
CREATE TABLE task_ends (
    task_id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('succeeded', 'failed', 'cancelled')),
    attempts BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    token BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    outcome TEXT,
    cancel_requested_at BIGINT
) {without rowid};

-- The long lists of a consumer are of tasks that succeeded; the few others are found among them by these.
CREATE INDEX tasks_failed_by_owner ON task_ends (owner_id, task_id) WHERE state = 'failed';
CREATE INDEX tasks_cancelled_by_owner ON task_ends (owner_id, task_id) WHERE state = 'cancelled';

CREATE VIEW tasks_now AS
SELECT t.id, t.owner_id, t.agent_id, t.agent, t.input_digest, t.input_bytes, t.input_inline, t.parameters, t.fuel_limit, t.memory_limit_bytes,
    t.timeout_ms, t.output_limit_bytes, t.log_limit_bytes, t.hold_id, t.hold_payer_id, t.hold_amount, t.batch_id, t.schedule_id, t.replay_of,
    t.priority, t.trace_parent, t.created_at, t.tag, t.due_at,
    COALESCE(e.attempts, t.attempts) AS attempts,
    COALESCE(e.losses, t.losses) AS losses,
    COALESCE(e.token, l.token, t.token) AS token,
    COALESCE(e.state, CASE WHEN l.task_id IS NULL THEN 'queued' ELSE 'running' END) AS state,
    l.holder AS lease_holder, l.started_at, e.finished_at, e.outcome,
    COALESCE(e.cancel_requested_at, l.cancel_requested_at) AS cancel_requested_at
FROM tasks AS t
LEFT JOIN leases AS l ON l.task_id = t.id
LEFT JOIN task_ends AS e ON e.task_id = t.id;

-- What was queued has no turn yet, but for what was moved to the head of the queue: it is given one when it is next looked for.
INSERT INTO tasks (id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes,
    timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount, priority, attempts, losses, token,
    due_at, tag, trace_parent, created_at)
SELECT id, owner_id, agent_id, agent, input_digest, input_bytes, input_inline, parameters, fuel_limit, memory_limit_bytes,
    timeout_ms, output_limit_bytes, log_limit_bytes, hold_id, hold_payer_id, hold_amount, 1, attempts, losses, token,
    COALESCE(due_at, created_at), CASE WHEN queue_position = 0 THEN 0 END, trace_parent, created_at
FROM tasks_before;
INSERT INTO queue (tag, task_id, memory_limit_bytes, token)
SELECT 0, id, memory_limit_bytes, token FROM tasks_before WHERE state = 'queued' AND queue_position = 0;
INSERT INTO delayed (due_at, task_id) SELECT due_at, id FROM tasks_before WHERE state = 'queued' AND queue_position <> 0;
INSERT INTO leases (task_id, token, holder, started_at, cancel_requested_at)
SELECT id, token, lease_holder, started_at, cancel_requested_at FROM tasks_before WHERE state = 'running';
INSERT INTO task_ends (task_id, owner_id, state, attempts, losses, token, finished_at, outcome, cancel_requested_at)
SELECT id, owner_id, state, attempts, losses, token, finished_at, outcome, cancel_requested_at
FROM tasks_before WHERE state NOT IN ('queued', 'running');

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

CREATE INDEX tasks_by_owner ON tasks (owner_id, id);

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
