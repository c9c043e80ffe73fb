-- Disputes about receipts. What is open is due at some time; a node that looks at one has a lease on it.

CREATE TABLE disputes (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    owner_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    price BIGINT NOT NULL,
    deposit_id TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    lease_token TEXT,
    verdict TEXT,
    detail TEXT,
    decided_at BIGINT,
    opened_at BIGINT NOT NULL
);

CREATE INDEX disputes_by_due ON disputes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX disputes_by_owner ON disputes (owner_id, id);
