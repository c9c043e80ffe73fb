-- Suspensions are decided by how it last went for each of an agent's recent consumers, and no longer by faults in a row of whoever.
ALTER TABLE agent_stats ADD COLUMN last_words TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_stats DROP COLUMN faults_in_a_row;

-- A task counts as demand from when it is due, and a consumer's tasks up to a share of the capacity.
ALTER TABLE task_demand ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
ALTER TABLE task_demand ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
UPDATE task_demand SET
    owner_id = (SELECT t.owner_id FROM tasks AS t WHERE t.id = task_demand.task_id),
    due_at = (SELECT t.due_at FROM tasks AS t WHERE t.id = task_demand.task_id)
WHERE EXISTS (SELECT 1 FROM tasks AS t WHERE t.id = task_demand.task_id);
DROP INDEX task_demand_by_agent;
CREATE INDEX task_demand_by_agent ON task_demand (agent_id, owner_id, due_at, task_id);
