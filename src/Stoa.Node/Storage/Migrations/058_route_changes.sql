-- How often routes have changed. Apart from replicas: routes are everybody's to change, and what costs one account little is not to have each node read all replicas again.
CREATE TABLE model_route_changes (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO model_route_changes (id, number) VALUES (1, 1);
