-- Calls that are paid for out of payment channels. A call is reserved before its task is submitted, and has its price when that has ended.

CREATE TABLE paid_calls (
    channel_id TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    task_id TEXT,
    reserved BIGINT NOT NULL,
    price BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, request_key)
);

CREATE INDEX paid_calls_open ON paid_calls (created_at) WHERE price IS NULL;
CREATE UNIQUE INDEX paid_calls_by_task ON paid_calls (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE call_credit (
    channel_id TEXT NOT NULL PRIMARY KEY,
    spent BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    is_over BOOLEAN NOT NULL
);

CREATE INDEX call_credit_live ON call_credit (channel_id) WHERE NOT is_over;
