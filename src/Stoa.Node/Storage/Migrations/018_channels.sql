-- Payment channels. Their money is in accounts of kind Channel, one a payer: what the payer's channels that are not closed have left, together.
-- No foreign keys to those accounts: their locks would be taken before those of the ledger, and in another order.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    payer TEXT NOT NULL,
    payer_wallet_id TEXT NOT NULL,
    payer_key {blob} NOT NULL,
    payee_id TEXT NOT NULL,
    payee TEXT NOT NULL,
    payee_wallet_id TEXT NOT NULL,
    payee_key {blob} NOT NULL,
    escrow_id TEXT NOT NULL,
    challenge_window_ms BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    deposit BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    -- The voucher that what is settled stands on, and what both signed at the end, as JSON.
    proof {blob},
    agreement {blob},
    state TEXT NOT NULL,
    closing_by TEXT,
    closing_at BIGINT,
    ends_at BIGINT,
    closed_at BIGINT,
    agreed BOOLEAN,
    -- When the market has to act by itself: at the expiry, or at the end of the window; null once it is closed.
    due_at BIGINT,
    CHECK (settled >= 0 AND settled <= deposit),
    CHECK (payer_id <> payee_id)
);

CREATE INDEX channels_by_payer ON channels (payer_id, id);
CREATE INDEX channels_by_payee ON channels (payee_id, id);
CREATE INDEX channels_due ON channels (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX channels_live_by_payer ON channels (payer_id) WHERE due_at IS NOT NULL;
