-- Tasks whose input is sealed, and whose output will be, with the id of the key: 16 hex digits.
CREATE TABLE task_seals (
    task_id TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL
) {without rowid};
