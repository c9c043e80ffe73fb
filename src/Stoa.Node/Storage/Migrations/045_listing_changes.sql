-- Which agents of the network have changed, each once, in the order in which they last did: whoever keeps an index of them in memory reads on here. What it was looked for by is in that index alone.
CREATE TABLE listing_changes (
    sequence {bigserial},
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    UNIQUE (signer, agent)
);
INSERT INTO listing_changes (signer, agent) SELECT signer, agent FROM network_listings ORDER BY signer, agent;
DROP TABLE network_capabilities;
ALTER TABLE network_listings DROP COLUMN search_text;
