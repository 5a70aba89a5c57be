-- When each operator last looked at what had happened: what ended before that is not told again.
CREATE TABLE look (
    actor TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A console that did not sign off: others did it for it.
ALTER TABLE console ADD COLUMN died INTEGER NOT NULL DEFAULT 0;
CREATE INDEX console_died ON console (ended_at) WHERE died;
