-- What a call was begun with beside its price: the time that it was given, which a deadline cuts, and the name of the agent in the quote. Null in calls from before: these have the task's own time, and no name.
ALTER TABLE supplier_calls ADD COLUMN timeout_ms BIGINT;
ALTER TABLE supplier_calls ADD COLUMN agent TEXT;
