-- Plans of the operator. A row is a version and never changes, but for whether it is offered.
CREATE TABLE plans (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    description TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    credit BIGINT NOT NULL CHECK (credit >= 0),
    open_tasks BIGINT,
    content_bytes BIGINT,
    is_offered BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (name, version)
);

-- Who has a plan. What is due is looked at by whichever node comes first.
CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    next_plan_id TEXT,
    anchor_at BIGINT NOT NULL,
    period BIGINT NOT NULL,
    state TEXT NOT NULL,
    is_cancelled BOOLEAN NOT NULL,
    coupon_id TEXT,
    percent_off BIGINT,
    periods_off BIGINT,
    grace_until BIGINT,
    is_reminded BOOLEAN NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    due_at BIGINT
);

CREATE UNIQUE INDEX subscriptions_live ON subscriptions (user_id) WHERE ended_at IS NULL;
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, id);
CREATE INDEX subscriptions_by_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;

-- Credit that was given, and what was left of it when somebody last looked.
CREATE TABLE credit_grants (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    source TEXT NOT NULL,
    cause TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    remaining BIGINT NOT NULL CHECK (remaining >= 0),
    expires_at BIGINT,
    -- When it is to be looked at; null when nothing is left of it, and when it never expires.
    due_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX credit_grants_left ON credit_grants (user_id, id) WHERE remaining > 0;
CREATE INDEX credit_grants_by_user ON credit_grants (user_id, id);
CREATE INDEX credit_grants_by_due ON credit_grants (due_at) WHERE due_at IS NOT NULL;

-- Tasks that are held of credit that did not suffice, with what has joined it from the wallet. Others have no row.
CREATE TABLE credit_holds (
    task_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    wallet_id TEXT NOT NULL,
    credit BIGINT NOT NULL,
    own BIGINT NOT NULL,
    -- What the task has cost of own money; null while it is held.
    own_paid BIGINT
) {without rowid};

CREATE INDEX credit_holds_open ON credit_holds (user_id) WHERE own_paid IS NULL;

CREATE TABLE coupons (
    id TEXT NOT NULL PRIMARY KEY,
    code_hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    credit BIGINT,
    credit_days BIGINT,
    percent_off BIGINT,
    periods BIGINT,
    plan TEXT,
    max_redemptions BIGINT NOT NULL,
    per_user BIGINT NOT NULL,
    only_new BOOLEAN NOT NULL,
    expires_at BIGINT,
    redeemed BIGINT NOT NULL CHECK (redeemed <= max_redemptions),
    made_by TEXT NOT NULL,
    withdrawn_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE coupon_redemptions (
    id TEXT NOT NULL PRIMARY KEY,
    coupon_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX coupon_redemptions_by_user ON coupon_redemptions (user_id, coupon_id);

-- What a user's plan lets him take up, and whether he has credit: read with what he takes up, so that a submission of one without costs nothing more.
ALTER TABLE user_usage ADD COLUMN plan_open_tasks BIGINT;
ALTER TABLE user_usage ADD COLUMN plan_content_bytes BIGINT;
ALTER TABLE user_usage ADD COLUMN has_credit BOOLEAN NOT NULL DEFAULT FALSE;
