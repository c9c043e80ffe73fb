-- Statements that went, in the order in which they did: each node of a cell has the ids in memory, and follows. Rows are kept for a day.
CREATE TABLE statement_removals (
    sequence {bigserial},
    id TEXT NOT NULL,
    removed_at BIGINT NOT NULL
);
CREATE INDEX statement_removals_by_time ON statement_removals (removed_at);
