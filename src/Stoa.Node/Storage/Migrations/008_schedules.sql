CREATE TABLE task_templates (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE INDEX task_templates_by_owner ON task_templates (owner_id, id);

CREATE TABLE schedules (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    request TEXT NOT NULL,
    is_template BOOLEAN NOT NULL,
    missed TEXT NOT NULL,
    overlap TEXT NOT NULL,
    paused_at BIGINT,
    next_tick BIGINT,
    created_at BIGINT NOT NULL,
    lease_token TEXT,
    lease_expires_at BIGINT
);

CREATE INDEX schedules_by_owner ON schedules (owner_id, id);
CREATE INDEX schedules_due ON schedules (next_tick) WHERE next_tick IS NOT NULL;

-- What came of each tick.
CREATE TABLE schedule_runs (
    schedule_id TEXT NOT NULL REFERENCES schedules (id),
    tick_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    task_id TEXT,
    code TEXT,
    detail TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (schedule_id, tick_at)
);

CREATE INDEX schedule_runs_by_age ON schedule_runs (at);
