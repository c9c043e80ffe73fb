-- The request that makes a call just now: it alone submits the call's task or takes the reservation back, until the time has passed. Null when none does.
ALTER TABLE paid_calls ADD COLUMN hold TEXT;
ALTER TABLE paid_calls ADD COLUMN held_until BIGINT;

-- The output of a call that has ended, where it is in the content store, and until when it is kept there. The time is null when it is kept no more.
ALTER TABLE paid_calls ADD COLUMN output_digest TEXT;
ALTER TABLE paid_calls ADD COLUMN output_until BIGINT;
CREATE INDEX paid_calls_outputs_due ON paid_calls (output_until) WHERE output_until IS NOT NULL;
CREATE INDEX paid_calls_outputs ON paid_calls (output_digest) WHERE output_until IS NOT NULL;

-- How content came to its owner: what callers have sent, and what tasks have made, may be let go of by itself; what the owner has brought only he gives up.
ALTER TABLE content_owners ADD COLUMN came_by TEXT NOT NULL DEFAULT 'owner' CHECK (came_by IN ('owner', 'task', 'caller'));

-- What calls have reserved is the sum of those that have not ended, and never below zero.
CREATE TABLE call_credit_checked (
    channel_id TEXT NOT NULL PRIMARY KEY,
    spent BIGINT NOT NULL CHECK (spent >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    returned BIGINT NOT NULL CHECK (returned >= 0),
    is_over BOOLEAN NOT NULL
);
INSERT INTO call_credit_checked (channel_id, spent, reserved, returned, is_over)
SELECT k.channel_id, k.spent, (SELECT CAST(COALESCE(SUM(p.reserved), 0) AS BIGINT) FROM paid_calls AS p WHERE p.channel_id = k.channel_id AND p.price IS NULL), k.returned, k.is_over
FROM call_credit AS k;
DROP TABLE call_credit;
ALTER TABLE call_credit_checked RENAME TO call_credit;
CREATE INDEX call_credit_live ON call_credit (channel_id) WHERE NOT is_over;
