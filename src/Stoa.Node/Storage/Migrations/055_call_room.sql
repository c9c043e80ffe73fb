-- The version of the agent that a call is reserved for: it is the same call, whatever is published before its input comes. Null of calls from before.
ALTER TABLE paid_calls ADD COLUMN agent TEXT;

-- What the output of a call takes up in the content store: the most that it may have, until the call has ended, and then its size for as long as it is kept there. 0 where it is in the database.
ALTER TABLE paid_calls ADD COLUMN output_bytes BIGINT NOT NULL DEFAULT 0;
-- The sum of one channel's calls, and that of all: the row that whoever reserves waits for.
ALTER TABLE call_credit ADD COLUMN output_bytes BIGINT NOT NULL DEFAULT 0 CHECK (output_bytes >= 0);
CREATE TABLE call_room (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    output_bytes BIGINT NOT NULL CHECK (output_bytes >= 0)
);

-- Inputs that calls of a channel have let go of. Their bytes are here for as long as they are in released_content, and count for the channel until then.
CREATE TABLE call_leavings (
    channel_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (channel_id, digest)
);

-- 054 has marked all content of before as brought by its owner. That is right where nothing shows otherwise: what is marked so is never deleted by itself. But of the account that sells, which is used for nothing
-- else, what a sold call names came by that call. So outputs of calls that had ended by then are kept as long as those of later ones, a week from their end, and inputs go with the last call that has them.
UPDATE content_owners SET came_by = 'caller'
WHERE came_by = 'owner' AND (digest, owner) IN (
    SELECT p.input_digest, t.owner_id FROM paid_calls AS p JOIN tasks AS t ON t.id = p.task_id
    WHERE p.input_digest IS NOT NULL AND p.created_at < (SELECT m.applied_at FROM schema_migrations AS m WHERE m.number = 54));
UPDATE content_owners SET came_by = 'task'
WHERE (digest, owner) IN (
    SELECT {if sqlite}json_extract(e.outcome, '$.output'){end}{if postgres}CAST(e.outcome AS jsonb) ->> 'output'{end}, e.owner_id
    FROM paid_calls AS p JOIN task_ends AS e ON e.task_id = p.task_id
    WHERE p.output_digest IS NULL AND p.price IS NOT NULL AND e.state = 'succeeded' AND {if sqlite}json_extract(e.outcome, '$.isInline') = 0{end}{if postgres}CAST(e.outcome AS jsonb) ->> 'isInline' = 'false'{end});
UPDATE paid_calls SET
    output_digest = (SELECT {if sqlite}json_extract(e.outcome, '$.output'){end}{if postgres}CAST(e.outcome AS jsonb) ->> 'output'{end} FROM task_ends AS e WHERE e.task_id = paid_calls.task_id),
    output_until = (SELECT e.finished_at + 604800000 FROM task_ends AS e WHERE e.task_id = paid_calls.task_id)
WHERE output_digest IS NULL AND price IS NOT NULL AND task_id IN (
    SELECT e.task_id FROM task_ends AS e
    WHERE e.state = 'succeeded' AND {if sqlite}json_extract(e.outcome, '$.isInline') = 0{end}{if postgres}CAST(e.outcome AS jsonb) ->> 'isInline' = 'false'{end});

UPDATE paid_calls SET output_bytes = COALESCE((SELECT MAX(o.size_bytes) FROM content_owners AS o WHERE o.digest = paid_calls.output_digest), 0) WHERE output_until IS NOT NULL;
UPDATE paid_calls SET output_bytes = COALESCE((SELECT t.output_limit_bytes FROM tasks AS t WHERE t.id = paid_calls.task_id AND t.output_limit_bytes > 65536), 0) WHERE price IS NULL;
UPDATE call_credit SET output_bytes = (SELECT CAST(COALESCE(SUM(p.output_bytes), 0) AS BIGINT) FROM paid_calls AS p WHERE p.channel_id = call_credit.channel_id);
INSERT INTO call_room (id, output_bytes) SELECT 1, CAST(COALESCE(SUM(output_bytes), 0) AS BIGINT) FROM paid_calls;
