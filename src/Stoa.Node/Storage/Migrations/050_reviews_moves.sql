-- What is said of agents of the network, and which node says that there is a receipt: follows from the statements. Who publishes an agent has no voice in it.
CREATE TABLE network_reviews (
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    stars BIGINT NOT NULL,
    node TEXT NOT NULL,
    statement_id TEXT NOT NULL,
    PRIMARY KEY (signer, agent, reviewer)
);
CREATE INDEX network_reviews_nodes ON network_reviews (node);
CREATE INDEX network_reviews_reviewers ON network_reviews (reviewer);

-- Where each listing goes on, or what it goes on from, as its own publisher says.
CREATE TABLE listing_moves (
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    other_signer TEXT NOT NULL,
    other_agent TEXT NOT NULL,
    is_to BOOLEAN NOT NULL,
    PRIMARY KEY (signer, agent, is_to)
);
CREATE INDEX listing_moves_others ON listing_moves (other_signer, other_agent);
