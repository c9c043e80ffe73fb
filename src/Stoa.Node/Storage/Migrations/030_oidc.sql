-- When a session is over at the latest, where it has an end of its own.
ALTER TABLE sessions ADD COLUMN not_after BIGINT;

-- The OpenID Connect provider of an organisation.
CREATE TABLE identity_providers (
    organisation_id TEXT NOT NULL PRIMARY KEY REFERENCES organisations (id),
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- The client secret, sealed with the key of the cell.
    sealed_secret {blob} NOT NULL,
    domains TEXT NOT NULL,
    trusts_email BOOLEAN NOT NULL,
    role_claim TEXT,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Who opens which account by a provider. Issuer and subject are the identity; the address is what the provider said last.
CREATE TABLE provider_identities (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);

CREATE INDEX provider_identities_by_user ON provider_identities (user_id, id);

-- A sign-in that the provider has let through, until its client takes it; kept until its state would be worth nothing, so that no state is used twice.
CREATE TABLE sign_on_grants (
    state_hash TEXT NOT NULL PRIMARY KEY,
    code_hash TEXT NOT NULL UNIQUE,
    organisation_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    challenge TEXT NOT NULL,
    -- Who it is, sealed with the key of the cell.
    sealed_identity {blob} NOT NULL,
    code_ends_at BIGINT NOT NULL,
    forget_at BIGINT NOT NULL,
    redeemed_at BIGINT
);

CREATE INDEX sign_on_grants_by_age ON sign_on_grants (forget_at);
