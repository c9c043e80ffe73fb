-- What is known of an agent in all of its versions, publisher/name, from the ends of its attempts. Sums are decayed forward: only ever added to.
CREATE TABLE agent_stats (
    agent TEXT NOT NULL PRIMARY KEY,
    successes DOUBLE PRECISION NOT NULL,
    paid DOUBLE PRECISION NOT NULL,
    faults DOUBLE PRECISION NOT NULL,
    had DOUBLE PRECISION NOT NULL,
    not_had DOUBLE PRECISION NOT NULL,
    runs DOUBLE PRECISION NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    seconds_squared DOUBLE PRECISION NOT NULL,
    gigafuel DOUBLE PRECISION NOT NULL,
    gigabyte_seconds DOUBLE PRECISION NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    faults_in_a_row BIGINT NOT NULL,
    suspensions BIGINT NOT NULL,
    suspended_until BIGINT,
    suspended_for TEXT,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX agent_stats_by_change ON agent_stats (updated_at);

-- How often a payer was heard about an agent, decayed forward, and whether the publisher was paid anything.
CREATE TABLE agent_payers (
    payer_id TEXT NOT NULL,
    publisher TEXT NOT NULL,
    agent TEXT NOT NULL,
    receipts DOUBLE PRECISION NOT NULL,
    has_paid BOOLEAN NOT NULL,
    PRIMARY KEY (payer_id, publisher, agent)
);

-- Why each agent was chosen for a task, in the order of the choices.
CREATE TABLE task_choices (
    task_id TEXT NOT NULL REFERENCES tasks (id),
    number BIGINT NOT NULL,
    choice TEXT NOT NULL,
    PRIMARY KEY (task_id, number)
);
