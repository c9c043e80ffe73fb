-- What users have paid for storage, by the hour, and for transfers: of each of these entries of the journal what was measured. Rows are added and never changed.
CREATE TABLE usage_charges (
    -- Also the cause of the entry.
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    -- Bytes, kept for an hour or sent.
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    price BIGINT NOT NULL CHECK (price > 0),
    -- Of the price to the market; the rest is the node's.
    platform BIGINT NOT NULL CHECK (platform BETWEEN 0 AND price),
    at BIGINT NOT NULL
);

CREATE INDEX usage_charges_by_user ON usage_charges (user_id, id);

-- The hours of UTC for which storage was asked to be paid, and how far each is: users come in the order of their ids.
CREATE TABLE storage_hours (
    start_at BIGINT NOT NULL PRIMARY KEY,
    after_user TEXT NOT NULL,
    is_done BOOLEAN NOT NULL,
    paid BIGINT NOT NULL,
    unpaid BIGINT NOT NULL
);

-- Since when a user's storage is not paid; null when it is.
ALTER TABLE user_usage ADD COLUMN unpaid_since BIGINT;

CREATE INDEX user_usage_with_content ON user_usage (user_id, content_bytes) WHERE content_bytes > 0;
CREATE INDEX user_usage_unpaid ON user_usage (user_id) WHERE unpaid_since IS NOT NULL;

-- What was sent to users in calendar months of UTC: for nothing, what is on its way included, and for money.
CREATE TABLE transfer_months (
    user_id TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    free_bytes BIGINT NOT NULL CHECK (free_bytes >= 0),
    paid_bytes BIGINT NOT NULL CHECK (paid_bytes >= 0),
    PRIMARY KEY (user_id, start_at)
) {without rowid};

-- Downloads under way: what each may take of the month's free bytes, and what is held for the rest.
CREATE TABLE open_transfers (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    -- The start of the node that sends it: when that is not alive any more, nobody sends it.
    holder TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    free_bytes BIGINT NOT NULL,
    paid_bytes BIGINT NOT NULL,
    wallet_id TEXT,
    held BIGINT NOT NULL,
    -- The API key whose spending limit it counts for, and the day that it was held on.
    key_id TEXT,
    key_day BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX open_transfers_by_user ON open_transfers (user_id);

ALTER TABLE usage_totals ADD COLUMN byte_hours BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_totals ADD COLUMN transfer_bytes BIGINT NOT NULL DEFAULT 0;
