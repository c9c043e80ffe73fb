-- A sign-in and its family of refresh tokens, of which none is kept: they are made with the session's key, which is sealed with the key of the cell.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    device TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT,
    sealed_key {blob} NOT NULL
);

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_use ON sessions (used_at);

-- What proves who a user is, beyond the password. A user without a row has the defaults.
CREATE TABLE account_security (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    must_verify BOOLEAN NOT NULL,
    verified_at BIGINT,
    password_changed_at BIGINT,
    -- The secret of an authenticator, sealed; enabled once a first code of it was shown.
    totp_secret {blob},
    totp_enabled_at BIGINT,
    totp_step BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failed_at BIGINT
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- The code of the newest letter to a user, for each purpose.
CREATE TABLE mailed_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries_left BIGINT NOT NULL,
    PRIMARY KEY (user_id, purpose)
);

-- The keys that sign access tokens, private halves sealed with the key of the cell.
CREATE TABLE signing_keys (
    number BIGINT NOT NULL PRIMARY KEY,
    kid TEXT NOT NULL UNIQUE,
    sealed_key {blob} NOT NULL,
    signs_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Signed sessions before there were these keys.
DELETE FROM cell_secrets WHERE name = 'session-key';
