-- Items of remote repositories: when their upstream last said that they are so, and by what it
-- names these bytes.  An item without a row is asked about at once, unless it never changes.
CREATE TABLE cache (
    item        INTEGER PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    etag        TEXT NOT NULL,                        -- '': it told none
    modified    TEXT NOT NULL,                        -- Last-Modified, as it came; '': none
    checked_ms  INTEGER NOT NULL
) STRICT;
