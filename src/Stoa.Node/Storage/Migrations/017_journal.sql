-- The journal as blocks: entries that were committed together are one row, chained by hash to all before them. What was in the table transfers is
-- moved into blocks when the node starts.

ALTER TABLE transfers RENAME TO transfers_before_journal;
ALTER TABLE accounts ADD COLUMN latest_entry BIGINT NOT NULL DEFAULT 0;

CREATE TABLE journal (
    number BIGINT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL,
    stride BIGINT NOT NULL,
    entries {blob} NOT NULL,
    hash {blob} NOT NULL
);
{if postgres}
-- A part of the entries is read without the rest, and what is mostly ids does not shrink.
ALTER TABLE journal ALTER COLUMN entries SET STORAGE EXTERNAL;
{end}

-- One row: the end of the chain. Whoever writes a block has its lock, so blocks are numbered in the order of their commits.
CREATE TABLE journal_head (
    number BIGINT NOT NULL,
    hash {blob} NOT NULL
);
INSERT INTO journal_head (number, hash) VALUES (0, {if sqlite}zeroblob(32){end}{if postgres}decode(repeat('00', 32), 'hex'){end});

-- An id moves money once: where the entry of each transfer is.
CREATE TABLE journal_places (
    id {uuid} NOT NULL,
    place BIGINT NOT NULL,
    CONSTRAINT journal_places_retry PRIMARY KEY (id)
) {without rowid};

-- Pending transfers that nothing has resolved, as the journal has them.
CREATE TABLE open_holds (
    id {uuid} NOT NULL PRIMARY KEY,
    entry {blob} NOT NULL
) {without rowid};
