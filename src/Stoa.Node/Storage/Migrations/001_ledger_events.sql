-- The ledger and the event stream. Money is int64 nanodollars, time is Unix milliseconds.

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    posted BIGINT NOT NULL,
    pending_debits BIGINT NOT NULL,
    pending_credits BIGINT NOT NULL,
    -- How many pending transfers out of this account are unresolved: the auditor's count without a scan of the journal.
    open_holds BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, kind),
    -- Only the world outside may owe. The ledger refuses such a transfer before it gets here.
    CHECK (kind = 'World' OR posted >= pending_debits),
    CHECK (pending_debits >= 0 AND pending_credits >= 0 AND open_holds >= 0)
);

-- The journal. Rows are added, never changed: what became of a pending transfer is a row of its own.
CREATE TABLE transfers (
    position {bigserial},
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    debit_account_id TEXT NOT NULL REFERENCES accounts (id),
    credit_account_id TEXT NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    pending_id TEXT REFERENCES transfers (id),
    purpose TEXT NOT NULL,
    cause TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX transfers_by_debit ON transfers (debit_account_id, position);
CREATE INDEX transfers_by_credit ON transfers (credit_account_id, position);

-- A pending transfer is resolved once.
CREATE UNIQUE INDEX transfers_by_pending ON transfers (pending_id) WHERE pending_id IS NOT NULL;

CREATE TABLE events (
    sequence {bigserial},
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    audience TEXT,
    time BIGINT NOT NULL,
    data TEXT NOT NULL
);

CREATE INDEX events_by_subject ON events (subject, sequence);
