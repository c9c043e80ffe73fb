-- What may be asked of models in a minute: with a key, and in the name of an organisation (null: no limit).
ALTER TABLE api_keys ADD COLUMN tokens_per_minute BIGINT;
ALTER TABLE organisations ADD COLUMN model_calls_per_minute BIGINT;
ALTER TABLE organisations ADD COLUMN model_tokens_per_minute BIGINT;
