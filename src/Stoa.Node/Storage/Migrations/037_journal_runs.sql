-- Blocks whose ids rise from each to the next, and were above all others when they came: the block is its own index, and its entries are not in journal_places.
-- No two of them overlap.
CREATE TABLE journal_runs (
    last {uuid} NOT NULL PRIMARY KEY,
    first {uuid} NOT NULL,
    number BIGINT NOT NULL
) {without rowid};
