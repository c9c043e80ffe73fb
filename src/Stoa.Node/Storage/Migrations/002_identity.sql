CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX api_keys_by_user ON api_keys (user_id, id);

-- What all nodes of a cell must share and nobody else may know, such as the key that signs sessions.
CREATE TABLE cell_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value {blob} NOT NULL,
    created_at BIGINT NOT NULL
);

-- Requests that make something, by their idempotency key, with the answer once there is one.
CREATE TABLE idempotent_requests (
    key_hash TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    made_id TEXT NOT NULL,
    busy_until BIGINT NOT NULL,
    sealed_answer {blob},
    created_at BIGINT NOT NULL
);

CREATE INDEX idempotent_requests_by_age ON idempotent_requests (created_at);
