-- What a publisher says of why a version is offered no more, and whether it was withdrawn with all others of its agent: with those it is reinstated.
ALTER TABLE agent_versions ADD COLUMN withdrawal_reason TEXT;
ALTER TABLE agent_versions ADD COLUMN withdrawn_as_whole BOOLEAN NOT NULL DEFAULT FALSE;
