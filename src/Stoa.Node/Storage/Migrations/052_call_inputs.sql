-- The input of a paid call that is too long to come with it in one piece: kept in the content store until the call has ended. Null and 0 of one that came with the call.
ALTER TABLE paid_calls ADD COLUMN input_digest TEXT;
ALTER TABLE paid_calls ADD COLUMN input_bytes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX paid_calls_inputs ON paid_calls (input_digest) WHERE price IS NULL AND input_digest IS NOT NULL;
