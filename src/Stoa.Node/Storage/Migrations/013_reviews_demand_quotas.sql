-- What consumers say of agents, one review each of an agent in all of its versions. One that was withdrawn stays as a row without its words.
CREATE TABLE reviews (
    id TEXT NOT NULL PRIMARY KEY,
    agent TEXT NOT NULL,
    version TEXT NOT NULL,
    publisher_id TEXT NOT NULL,
    reviewer_id TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    task_id TEXT NOT NULL,
    stars BIGINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
    text TEXT,
    -- What it has added to agent_stats, to be taken back when it changes.
    successes DOUBLE PRECISION NOT NULL,
    paid DOUBLE PRECISION NOT NULL,
    faults DOUBLE PRECISION NOT NULL,
    written_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    answer TEXT,
    answered_at BIGINT,
    UNIQUE (reviewer_id, agent)
);

CREATE INDEX reviews_by_agent ON reviews (agent, id) WHERE withdrawn_at IS NULL;
CREATE INDEX reviews_by_agent_and_stars ON reviews (agent, stars, id) WHERE withdrawn_at IS NULL;

-- How many of them have how many stars.
CREATE TABLE agent_ratings (
    agent TEXT NOT NULL,
    stars BIGINT NOT NULL,
    reviews BIGINT NOT NULL CHECK (reviews >= 0),
    PRIMARY KEY (agent, stars)
);

-- Tasks that wait or run of versions whose price follows demand, with the factor that was fixed. Those that have ended are taken out a little later.
CREATE TABLE task_demand (
    task_id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL,
    -- In parts per thousand.
    factor BIGINT NOT NULL
);

CREATE INDEX task_demand_by_agent ON task_demand (agent_id, task_id);

-- What users take up, counted with what they do, and what an administrator lets them take up; null for what everybody may.
CREATE TABLE user_usage (
    user_id TEXT NOT NULL PRIMARY KEY,
    -- Tasks that wait or run.
    open_tasks BIGINT NOT NULL,
    -- Uploads, outputs and programs in the content store.
    content_bytes BIGINT NOT NULL,
    max_open_tasks BIGINT,
    max_content_bytes BIGINT
);

INSERT INTO user_usage (user_id, open_tasks, content_bytes)
SELECT user_id, SUM(open_tasks), SUM(content_bytes) FROM (
    SELECT owner_id AS user_id, 1 AS open_tasks, 0 AS content_bytes FROM tasks_now WHERE state IN ('queued', 'running')
    UNION ALL SELECT owner, 0, size_bytes FROM content_owners WHERE owner <> ''
    UNION ALL SELECT publisher_id, 0, program_bytes FROM agent_versions) AS taken
GROUP BY user_id;
