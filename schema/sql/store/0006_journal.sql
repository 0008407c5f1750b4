-- How far the journal (store/disk/journal.h) is in this index; no row: there is none yet.

CREATE TABLE journal (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    number      INTEGER NOT NULL,
    offset      INTEGER NOT NULL
) STRICT;
