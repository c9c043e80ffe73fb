-- Who is meant by the royalties of a version, as a JSON array; null where all of the creator's share is the publisher's.

ALTER TABLE agent_versions ADD COLUMN royalties TEXT;
