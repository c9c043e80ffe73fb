-- How much of a kept log's beginning was not kept; a log that is whole has no row here.
CREATE TABLE task_log_starts (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (id),
    start_bytes BIGINT NOT NULL
);
