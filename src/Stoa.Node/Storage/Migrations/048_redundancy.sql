-- What of a task's runs is chance otherwise, where it is fixed, and how many executors run it, of whom how many have to agree. A task whose chance is drawn has no row.
CREATE TABLE task_worlds (
    task_id TEXT NOT NULL PRIMARY KEY,
    seed BIGINT NOT NULL,
    clock_ms BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    agree BIGINT NOT NULL
);

-- What each executor gave of a task that several ran, with its receipt.
CREATE TABLE task_runs (
    task_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    node TEXT NOT NULL,
    standing TEXT NOT NULL,
    output TEXT,
    price BIGINT NOT NULL,
    envelope {blob},
    detail TEXT,
    PRIMARY KEY (task_id, number)
);

-- Answers that were compared with others of the same: of those that differ, and where nobody could say who is right.
ALTER TABLE suppliers ADD COLUMN checks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE suppliers ADD COLUMN disagreements BIGINT NOT NULL DEFAULT 0;
