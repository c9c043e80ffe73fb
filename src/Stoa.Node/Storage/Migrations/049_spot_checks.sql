-- Tasks of suppliers that are done again elsewhere and compared. Their calls are in supplier_calls, under the id of the check, which is no task's.
CREATE TABLE spot_checks (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    supplier_id TEXT NOT NULL,
    other_id TEXT,
    outcome TEXT NOT NULL,
    detail TEXT,
    claimed_until BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX spot_checks_open ON spot_checks (created_at) WHERE outcome = 'Open';

-- What was promised on each day, counted from the first of January 1970 (UTC), for doing tasks again.
CREATE TABLE spot_check_days (
    day BIGINT NOT NULL PRIMARY KEY,
    promised BIGINT NOT NULL
);
