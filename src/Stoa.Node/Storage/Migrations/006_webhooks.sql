CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id),
    url TEXT NOT NULL,
    name TEXT NOT NULL,
    types TEXT NOT NULL,
    secret {blob} NOT NULL,
    -- Events up to here were before its time.
    after_sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    disabled_reason TEXT,
    failing_since BIGINT,
    -- The earliest of its pending deliveries, so that a look at this table says whether there is anything to do.
    next_due_at BIGINT,
    lease_token TEXT,
    lease_expires_at BIGINT
);

CREATE INDEX webhooks_by_owner ON webhooks (owner_id, id);
CREATE INDEX webhooks_due ON webhooks (next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    sequence BIGINT,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempted_at BIGINT,
    status BIGINT,
    error TEXT,
    duration_ms BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (webhook_id, sequence)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE state = 'Pending';
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- Up to which event deliveries have been made. One row.
CREATE TABLE webhook_cursor (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);

INSERT INTO webhook_cursor (id, sequence) VALUES (1, 0);
