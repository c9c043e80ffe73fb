-- Organisations are accounts as users are, so whatever belongs to a user can belong to them.
ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT 'Person';

CREATE TABLE organisations (
    id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    name TEXT NOT NULL,
    -- Its row, its handle and its books stay.
    deleted_at BIGINT
);

CREATE TABLE memberships (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    member_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, member_id)
);

CREATE INDEX memberships_by_member ON memberships (member_id, organisation_id);

-- Offers to join, until they are accepted, declined, withdrawn or swept away after they expired.
CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- One of the two.
    invited_id TEXT REFERENCES users (id),
    email TEXT,
    -- SHA-256 of the code that goes with an invitation by e-mail address.
    code_hash TEXT,
    role TEXT NOT NULL,
    inviter_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX invitations_by_organisation ON invitations (organisation_id, id);
CREATE INDEX invitations_by_invited ON invitations (invited_id, id);

-- Who made a key (null: its account), and the bounds that it was given (null: none).
ALTER TABLE api_keys ADD COLUMN maker_id TEXT;
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
ALTER TABLE api_keys ADD COLUMN calls_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN spend_per_day BIGINT;
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;

-- What keys with a spending limit have spent on days of UTC, counted from 1970-01-01. What is held counts as spent until it is settled.
CREATE TABLE api_key_days (
    key_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    -- Holds since it was last looked which of them have ended.
    unsettled BIGINT NOT NULL,
    PRIMARY KEY (key_id, day)
);

-- Holds of such keys' tasks, until it is seen that the task has ended.
CREATE TABLE api_key_holds (
    key_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (key_id, task_id)
);
