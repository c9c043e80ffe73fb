-- What a model makes of the texts of listings, so that a start does not pay for it again: of each listing the last, with the digest of model and text that it is of.
CREATE TABLE listing_embeddings (
    signer TEXT NOT NULL,
    agent TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    vector {blob} NOT NULL,
    PRIMARY KEY (signer, agent)
) {without rowid};
