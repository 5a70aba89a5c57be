-- Metrics of one host. Every sample is one row of `raw`; minutes and hours are derived from it.

CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
-- minutes, hours: seconds since the epoch before which every roll-up of that length is written
-- tail: "RECORDER:N": the last sample of which recorder is in `raw`, so that its own process counts none twice

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE layout (
    id INTEGER PRIMARY KEY,
    series BLOB NOT NULL UNIQUE,  -- series ids, unsigned 32 bit, little-endian: the columns of a row of `raw`
    used_at INTEGER NOT NULL      -- microseconds; about when it was last used, at most an hour before
);

CREATE TABLE raw (
    t INTEGER PRIMARY KEY,        -- microseconds since the epoch
    layout INTEGER NOT NULL,
    data BLOB NOT NULL            -- float32, little-endian, in the layout's order; NaN: no value
);

CREATE TABLE rollup (
    series INTEGER NOT NULL,
    res INTEGER NOT NULL,         -- length in seconds: 60 or 3600
    t INTEGER NOT NULL,           -- its beginning, seconds since the epoch
    n INTEGER NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    sum REAL NOT NULL,
    PRIMARY KEY (series, res, t)
) WITHOUT ROWID;

CREATE TABLE detector (
    series TEXT PRIMARY KEY,
    state BLOB NOT NULL,
    saved_at INTEGER NOT NULL
) WITHOUT ROWID;
