-- What a node tells the others of itself, as JSON; null of a node whose version does not, and when it did so, by its own clock.
ALTER TABLE nodes ADD COLUMN report TEXT;
ALTER TABLE nodes ADD COLUMN seen_at BIGINT;
