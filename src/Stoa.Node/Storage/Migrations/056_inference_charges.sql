-- What users have paid for requests to models, a row for each short while in which an account used a model at a node: written with the entries of the journal that pay for it. Rows are added and never changed.
CREATE TABLE inference_charges (
    -- Also the cause of the entries.
    id TEXT NOT NULL PRIMARY KEY,
    allowance_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT,
    publisher_id TEXT,
    -- The listing with its version.
    model TEXT NOT NULL,
    node TEXT NOT NULL,
    requests BIGINT NOT NULL CHECK (requests >= 0),
    input_tokens BIGINT NOT NULL CHECK (input_tokens >= 0),
    output_tokens BIGINT NOT NULL CHECK (output_tokens >= 0),
    listing_price BIGINT NOT NULL CHECK (listing_price >= 0),
    serving_price BIGINT NOT NULL CHECK (serving_price >= 0),
    creator BIGINT NOT NULL CHECK (creator >= 0),
    node_share BIGINT NOT NULL CHECK (node_share >= 0),
    platform BIGINT NOT NULL CHECK (platform >= 0),
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    CHECK (listing_price + serving_price > 0),
    CHECK (creator + node_share + platform = listing_price + serving_price)
);

CREATE INDEX inference_charges_by_user ON inference_charges (user_id, id);
CREATE INDEX inference_charges_by_allowance ON inference_charges (allowance_id);

-- Open allowances: what is held now for requests of one payer to one model at one node, and what of all that was spent is settled.
CREATE TABLE inference_allowances (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    -- The start of the node that has it.
    holder TEXT NOT NULL,
    model TEXT NOT NULL,
    publisher_id TEXT,
    wallet_id TEXT NOT NULL,
    -- Who gets the creator's share; null where the listing costs nothing.
    creator_wallet_id TEXT,
    -- The hold of now, which the next charge is named after.
    hold_id TEXT NOT NULL,
    held BIGINT NOT NULL CHECK (held > 0),
    -- The API key whose spending limit it counts for, and the day that it was held on.
    key_id TEXT,
    key_day BIGINT,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    listing_price BIGINT NOT NULL,
    serving_price BIGINT NOT NULL,
    -- When this hold began.
    since_at BIGINT NOT NULL
);

CREATE INDEX inference_allowances_by_user ON inference_allowances (user_id);
CREATE INDEX inference_allowances_by_holder ON inference_allowances (holder, id);

ALTER TABLE usage_totals ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_totals ADD COLUMN input_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_totals ADD COLUMN output_tokens BIGINT NOT NULL DEFAULT 0;
