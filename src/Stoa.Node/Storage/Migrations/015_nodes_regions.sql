-- What a node tells the others of itself, as JSON; null of a node whose version does not, and when it did so, by its own clock.
ALTER TABLE nodes ADD COLUMN report TEXT;
ALTER TABLE nodes ADD COLUMN seen_at BIGINT;

-- Tasks that run only at nodes of certain regions, with the regions: words with blanks between them, in the order of the alphabet.
CREATE TABLE task_regions (
    task_id TEXT NOT NULL PRIMARY KEY,
    regions TEXT NOT NULL
) {without rowid};

-- Those of them whose time has come wait here in place of queue, so that what asks for no region is claimed past none that does. Who takes the row
-- has the task.
CREATE TABLE regional_queue (
    task_id TEXT NOT NULL PRIMARY KEY,
    tag BIGINT NOT NULL,
    memory_limit_bytes BIGINT NOT NULL,
    token BIGINT NOT NULL,
    regions TEXT NOT NULL
) {without rowid};

-- The same in the order of their turns, once for each of their regions.
CREATE TABLE regional_turns (
    region TEXT NOT NULL,
    tag BIGINT NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (region, tag, task_id)
) {without rowid};

-- The tag that the last task of a lane got: a consumer's tasks of one priority that ask for the same regions.
CREATE TABLE regional_lanes (
    owner_id TEXT NOT NULL,
    priority BIGINT NOT NULL,
    regions TEXT NOT NULL,
    last_tag BIGINT NOT NULL,
    PRIMARY KEY (owner_id, priority, regions)
);
