-- The versions that an agent may call, as its uses named them when it was published: their ids with spaces between, in that order; null for nobody.

ALTER TABLE agent_versions ADD COLUMN uses TEXT;
