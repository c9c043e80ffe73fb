-- Answers of models at other operators' nodes: a third part of the price, which is all the node's of this cell, that has paid as much there.
CREATE TABLE inference_charges_supplied (
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
    supplied_price BIGINT NOT NULL DEFAULT 0 CHECK (supplied_price >= 0),
    creator BIGINT NOT NULL CHECK (creator >= 0),
    node_share BIGINT NOT NULL CHECK (node_share >= supplied_price),
    platform BIGINT NOT NULL CHECK (platform >= 0),
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    CHECK (listing_price + serving_price + supplied_price > 0),
    CHECK (creator + node_share + platform = listing_price + serving_price + supplied_price)
);
INSERT INTO inference_charges_supplied (id, allowance_id, user_id, key_id, publisher_id, model, node, requests, input_tokens, output_tokens, listing_price, serving_price, supplied_price, creator, node_share, platform, from_at, to_at)
SELECT id, allowance_id, user_id, key_id, publisher_id, model, node, requests, input_tokens, output_tokens, listing_price, serving_price, 0, creator, node_share, platform, from_at, to_at FROM inference_charges;
DROP TABLE inference_charges;
ALTER TABLE inference_charges_supplied RENAME TO inference_charges;
CREATE INDEX inference_charges_by_user ON inference_charges (user_id, id);
CREATE INDEX inference_charges_by_allowance ON inference_charges (allowance_id);

ALTER TABLE inference_allowances ADD COLUMN supplied_price BIGINT NOT NULL DEFAULT 0;

-- How much more than the books of this cell have a supplier said that requests to models need, and how much it may have charged for those of which nothing is known: what was given up, or under way when a node died.
ALTER TABLE suppliers ADD COLUMN beyond BIGINT NOT NULL DEFAULT 0 CHECK (beyond >= 0);
ALTER TABLE suppliers ADD COLUMN doubtful BIGINT NOT NULL DEFAULT 0 CHECK (doubtful >= 0);
-- Until when it gets no requests to models, since it has lied.
ALTER TABLE suppliers ADD COLUMN barred_until BIGINT;

-- What nodes of this cell may spend at suppliers for requests to models without asking: each start of a node counts in all since it began, so that the same said twice changes nothing.
CREATE TABLE supplier_tabs (
    supplier_id TEXT NOT NULL,
    -- The start of the node that has it.
    holder TEXT NOT NULL,
    -- Which one of that start's there, from 1: a supplier may be removed and added again.
    number BIGINT NOT NULL,
    granted BIGINT NOT NULL CHECK (granted >= 0),
    spent BIGINT NOT NULL CHECK (spent >= 0 AND spent <= granted),
    doubtful BIGINT NOT NULL,
    successes BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    lies BIGINT NOT NULL,
    since_at BIGINT NOT NULL,
    -- From when on nothing is spent any more. It is kept for a while, so that what is written once more is not counted again.
    closed_at BIGINT,
    PRIMARY KEY (supplier_id, holder, number)
);
