-- The payment channel out of whose credit an allowance is paid as well, where answers of models are sold; null where the account asks for itself.
ALTER TABLE inference_allowances ADD COLUMN channel_id TEXT;
