-- Usage added up out of the journal: by hour, day and month of UTC, each with all that it is told apart by. How far the journal is added up is in
-- usage_cursor, which moves in the transaction that adds; what lies behind it is added on reading.
CREATE TABLE usage_totals (
    span TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    consumer_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    version TEXT NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    events BIGINT NOT NULL,
    fuel BIGINT NOT NULL,
    input_bytes BIGINT NOT NULL,
    output_bytes BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    creator_earned BIGINT NOT NULL,
    node_earned BIGINT NOT NULL,
    platform_earned BIGINT NOT NULL,
    PRIMARY KEY (span, start_at, consumer_id, publisher_id, agent, version, node, kind)
) {without rowid};

CREATE INDEX usage_totals_by_consumer ON usage_totals (consumer_id, span, start_at);
CREATE INDEX usage_totals_by_publisher ON usage_totals (publisher_id, span, start_at);

CREATE TABLE usage_cursor (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    block BIGINT NOT NULL
);
INSERT INTO usage_cursor (id, block) VALUES (1, 0);

CREATE TABLE budgets (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    span TEXT NOT NULL,
    -- Empty for all tasks, a publisher, or publisher/name.
    scope TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    thresholds TEXT NOT NULL,
    mails BOOLEAN NOT NULL,
    -- The period that it is in, and how far it is used up in it.
    start_at BIGINT NOT NULL,
    held BIGINT NOT NULL CHECK (held >= 0),
    captured BIGINT NOT NULL CHECK (captured >= 0),
    told BIGINT NOT NULL,
    is_exhausted BOOLEAN NOT NULL,
    -- The captured amount from which on there is something to tell; null when there is nothing.
    alert_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, span, scope)
);

CREATE INDEX budgets_to_tell ON budgets (id) WHERE alert_at <= captured OR is_exhausted;

-- What tasks that have not ended hold of budgets; zero where a task counts only if this agent does it in the end.
CREATE TABLE budget_holds (
    task_id TEXT NOT NULL,
    budget_id TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (task_id, budget_id)
) {without rowid};

CREATE INDEX budget_holds_by_budget ON budget_holds (budget_id, task_id);

-- How many budgets a user has: read with what he may take up, so that one without any costs nothing more.
ALTER TABLE user_usage ADD COLUMN budgets BIGINT NOT NULL DEFAULT 0;

CREATE TABLE balance_alerts (
    owner_id TEXT NOT NULL PRIMARY KEY,
    below BIGINT NOT NULL,
    mails BOOLEAN NOT NULL,
    is_told BOOLEAN NOT NULL
);

-- E-mail on its way. A row is there until the mail server has taken the letter, or has refused it for good.
CREATE TABLE letters (
    id TEXT NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX letters_due ON letters (due_at);
