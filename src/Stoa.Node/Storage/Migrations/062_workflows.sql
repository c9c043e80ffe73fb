-- Workflows that are kept, and runs that outlive their nodes.

-- A run ends with the document that it began with, whatever becomes of the workflow's name.
CREATE TABLE workflow_documents (
    owner_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- JSON.
    document TEXT NOT NULL,
    -- When it was last begun or kept: one that nothing refers to is deleted some time after.
    used_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, digest)
);

CREATE TABLE workflows (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name, version)
);

CREATE TABLE workflow_runs (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    -- Null where the document came with the start.
    version BIGINT,
    digest TEXT NOT NULL,
    -- JSON, as are output and error.
    input TEXT NOT NULL,
    state TEXT NOT NULL,
    output TEXT,
    error TEXT,
    max_price BIGINT,
    spent BIGINT NOT NULL,
    -- The API key that it was begun with, if that has a limit, and the limit.
    key_id TEXT,
    key_per_day BIGINT,
    trace_parent TEXT,
    log_length BIGINT NOT NULL,
    log_bytes BIGINT NOT NULL,
    cancel_requested_at BIGINT,
    lease_token TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE INDEX workflow_runs_by_owner ON workflow_runs (owner_id, id);
CREATE INDEX workflow_runs_open ON workflow_runs (owner_id) WHERE ended_at IS NULL;
CREATE INDEX workflow_runs_ended ON workflow_runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX workflow_runs_by_document ON workflow_runs (owner_id, digest);

-- All that has happened to a run, in order: it is made anew of this.
CREATE TABLE workflow_log (
    run_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) {without rowid};

-- What runs have under way. A row is written with the task that it stands for, so that a crash submits once; it goes with the entry in the log that tells what came of it.
CREATE TABLE workflow_steps (
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    task_id TEXT,
    -- What it may cost.
    amount BIGINT NOT NULL,
    -- Of what waits for a time.
    due_at BIGINT,
    -- Of an approval: handles of who may answer, as JSON; null for who may run the workflow.
    asked TEXT,
    -- The name of an event, or what is asked.
    text TEXT,
    PRIMARY KEY (run_id, path, kind, attempt)
) {without rowid};

-- What comes to runs from outside, until it is in their logs.
CREATE TABLE workflow_signals (
    id {bigserial},
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Of an event its name, of an answer the path of the node.
    name TEXT NOT NULL,
    -- JSON.
    value TEXT NOT NULL,
    -- The node that has the run has read it, and it waits for a node of the run to wait for it.
    is_read BOOLEAN NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX workflow_signals_by_run ON workflow_signals (run_id);
