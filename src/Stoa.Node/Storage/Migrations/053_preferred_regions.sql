-- Where suppliers of a task had better stand, beside where they may.
ALTER TABLE task_supplies ADD COLUMN preferred TEXT NOT NULL DEFAULT '';
