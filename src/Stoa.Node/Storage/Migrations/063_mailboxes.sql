-- Where messages for accounts are kept until they are acknowledged.
CREATE TABLE mailboxes (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    senders TEXT NOT NULL,
    visibility_seconds BIGINT NOT NULL,
    max_deliveries BIGINT NOT NULL,
    retention_seconds BIGINT NOT NULL,
    -- How many messages it has, dead letters too, and the bytes of their bodies: who sends, acknowledges or clears away locks this row first.
    messages BIGINT NOT NULL CHECK (messages >= 0),
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    last_sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

-- The accounts that may send to mailboxes which name some.
CREATE TABLE mailbox_senders (
    mailbox_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (mailbox_id, account_id)
) {without rowid};
CREATE INDEX mailbox_senders_by_account ON mailbox_senders (account_id);

-- What one sender has sent to one mailbox, as long as any of it waits or is held. It is held as a whole, so that its order stays.
CREATE TABLE mailbox_lanes (
    mailbox_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    -- When its first message may be handed out; while it is held, when that is over.
    ready_at BIGINT NOT NULL,
    -- The token of those that are held; 0 when none is.
    hold BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, sender_id)
) {without rowid};
CREATE INDEX mailbox_lanes_by_turn ON mailbox_lanes (mailbox_id, ready_at);

CREATE TABLE mailbox_messages (
    mailbox_id TEXT NOT NULL,
    -- The order in which they were sent, per mailbox.
    sequence BIGINT NOT NULL,
    id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body {blob} NOT NULL,
    bytes BIGINT NOT NULL,
    correlation_id TEXT,
    reply_to TEXT,
    -- The topic that it was published to, if it came by one.
    topic_id TEXT,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ready_at BIGINT NOT NULL,
    deliveries BIGINT NOT NULL,
    -- The token of its delivery: that of the lane while this message is held.
    hold BIGINT NOT NULL,
    -- Since when it is a dead letter.
    dead_at BIGINT,
    PRIMARY KEY (mailbox_id, sequence)
);
CREATE UNIQUE INDEX mailbox_messages_by_id ON mailbox_messages (mailbox_id, id);
CREATE INDEX mailbox_messages_by_lane ON mailbox_messages (mailbox_id, sender_id, sequence) WHERE dead_at IS NULL;
CREATE INDEX mailbox_messages_dead ON mailbox_messages (mailbox_id, sequence) WHERE dead_at IS NOT NULL;
CREATE INDEX mailbox_messages_by_expiry ON mailbox_messages (expires_at);
CREATE INDEX mailbox_messages_by_sender ON mailbox_messages (sender_id);

-- Which message a key of a sender stands for.
CREATE TABLE mailbox_dedupes (
    mailbox_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    message_id TEXT NOT NULL,
    -- Of all that the sender said.
    fingerprint TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, sender_id, dedupe_key)
) {without rowid};
CREATE INDEX mailbox_dedupes_by_expiry ON mailbox_dedupes (expires_at);
CREATE INDEX mailbox_dedupes_by_sender ON mailbox_dedupes (sender_id);

-- Names that mailboxes subscribe to.
CREATE TABLE topics (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    senders TEXT NOT NULL,
    subscribers TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

-- The accounts that may publish to topics which name some, or subscribe to them.
CREATE TABLE topic_accounts (
    topic_id TEXT NOT NULL,
    is_sender BOOLEAN NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (topic_id, is_sender, account_id)
) {without rowid};
CREATE INDEX topic_accounts_by_account ON topic_accounts (account_id);

CREATE TABLE topic_subscriptions (
    topic_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Messages that the mailbox did not get.
    missed BIGINT NOT NULL,
    PRIMARY KEY (topic_id, mailbox_id)
) {without rowid};
CREATE INDEX topic_subscriptions_by_mailbox ON topic_subscriptions (mailbox_id);
