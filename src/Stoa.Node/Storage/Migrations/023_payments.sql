-- What users are at Stripe: payers, and creators who are paid out.
CREATE TABLE stripe_parties (
    user_id TEXT NOT NULL PRIMARY KEY,
    customer TEXT UNIQUE,
    account TEXT UNIQUE,
    account_state TEXT,
    version BIGINT NOT NULL,
    -- When Stripe is asked how the account is; null for not by itself.
    due_at BIGINT
);

CREATE INDEX stripe_parties_due ON stripe_parties (due_at) WHERE due_at IS NOT NULL;

-- Money that users pay in. The credit in the ledger has the same UUID as the payment, so that there can be one only.
CREATE TABLE payments (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    wallet_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL,
    session TEXT UNIQUE,
    url TEXT,
    intent TEXT UNIQUE,
    refunded BIGINT NOT NULL,
    disputed BIGINT NOT NULL,
    recovered BIGINT NOT NULL,
    moves BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- When Stripe is asked how it stands; null for not by itself.
    due_at BIGINT,
    CHECK (refunded >= 0 AND disputed >= 0 AND recovered >= 0 AND refunded + disputed <= amount)
);

CREATE INDEX payments_by_user ON payments (user_id, id);
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_open ON payments (user_id) WHERE state = 'Created';
CREATE INDEX payments_owed ON payments (user_id, id) WHERE refunded + disputed > recovered;

-- Refunds that were asked for here, each with a hold of the same UUID.
CREATE TABLE payment_refunds (
    id TEXT NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL,
    stripe_id TEXT UNIQUE,
    reason TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE INDEX payment_refunds_by_payment ON payment_refunds (payment_id, id);

-- Money that creators take out, each with a hold of the same UUID.
CREATE TABLE payouts (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    wallet_id TEXT NOT NULL,
    destination TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    returned BIGINT NOT NULL CHECK (returned >= 0 AND returned <= amount),
    state TEXT NOT NULL,
    stripe_id TEXT UNIQUE,
    reason TEXT,
    looks BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    due_at BIGINT
);

CREATE INDEX payouts_by_user ON payouts (user_id, id);
CREATE INDEX payouts_due ON payouts (due_at) WHERE due_at IS NOT NULL;

-- Events of Stripe that have come, so that one that comes twice is known.
CREATE TABLE stripe_events (
    id TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE INDEX stripe_events_by_time ON stripe_events (received_at);
