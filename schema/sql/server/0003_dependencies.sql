-- What came from the store for builds. One row for each file, however many builds have it.
CREATE TABLE downloads (
    number     INTEGER PRIMARY KEY,
    url        TEXT NOT NULL,
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    repository TEXT NOT NULL,
    path       TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    metadata   INTEGER NOT NULL CHECK (metadata IN (0, 1)),
    UNIQUE (url, sha256)
) STRICT;

-- What an attempt depends on, in the order in which its worker told it.
CREATE TABLE dependencies (
    build    INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    download INTEGER NOT NULL REFERENCES downloads,
    cached   INTEGER NOT NULL CHECK (cached IN (0, 1)),
    PRIMARY KEY (build, attempt, place)
) STRICT, WITHOUT ROWID;
