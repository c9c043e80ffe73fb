-- Servers that have models, as the operator has registered them. Of the listing, which never changes, is copied what a request needs; prices are for a million tokens.
CREATE TABLE replicas (
    id TEXT NOT NULL PRIMARY KEY,
    -- Publisher, name and version, and the key that has signed it: whoever publishes by that key here is paid.
    listing TEXT NOT NULL,
    signer TEXT NOT NULL,
    -- With a blank between.
    capabilities TEXT NOT NULL,
    context_length BIGINT,
    input_price BIGINT,
    output_price BIGINT,
    address TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    sealed_key {blob},
    -- Empty when it is not said.
    region TEXT NOT NULL,
    weight BIGINT NOT NULL,
    max_requests BIGINT NOT NULL,
    serving_input_price BIGINT,
    serving_output_price BIGINT,
    is_draining BOOLEAN NOT NULL,
    added_at BIGINT NOT NULL,
    UNIQUE (listing, address, upstream_model)
);

-- Names that stand for models. Those that the operator has made for everybody have no owner; those of a listing, named publisher/name, are for everybody and their publisher's.
CREATE TABLE model_routes (
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    targets TEXT NOT NULL,
    alternatives TEXT NOT NULL,
    is_for_all BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, name)
);
CREATE UNIQUE INDEX model_routes_for_all ON model_routes (name) WHERE is_for_all;

-- How often replicas or routes have changed: nodes read them again when it grows. Whoever changes them raises it first, so that changes come one after another.
CREATE TABLE inference_changes (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO inference_changes (id, number) VALUES (1, 1);
