-- What a task's price is multiplied by for what its agent had done for the consumer in the month, in parts per thousand, fixed when the agent got it; null for nothing.
ALTER TABLE tasks ADD COLUMN volume BIGINT;

DROP VIEW tasks_now;
CREATE VIEW tasks_now AS
SELECT t.id, t.owner_id, t.agent_id, t.agent, t.input_digest, t.input_bytes, t.input_inline, t.parameters, t.fuel_limit, t.memory_limit_bytes,
    t.timeout_ms, t.output_limit_bytes, t.log_limit_bytes, t.hold_id, t.hold_payer_id, t.hold_amount, t.batch_id, t.schedule_id, t.replay_of,
    t.priority, t.trace_parent, t.created_at, t.tag, t.due_at, t.auction, t.deadline_at, t.volume,
    COALESCE(e.attempts, t.attempts) AS attempts,
    COALESCE(e.losses, t.losses) AS losses,
    COALESCE(e.token, l.token, t.token) AS token,
    COALESCE(e.state, CASE WHEN l.task_id IS NULL THEN 'queued' ELSE 'running' END) AS state,
    l.holder AS lease_holder, l.started_at, e.finished_at, e.outcome,
    COALESCE(e.cancel_requested_at, l.cancel_requested_at) AS cancel_requested_at
FROM tasks AS t
LEFT JOIN leases AS l ON l.task_id = t.id
LEFT JOIN task_ends AS e ON e.task_id = t.id;
