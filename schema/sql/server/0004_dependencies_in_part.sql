-- A file that was begun and not taken to its end has no digest. A check cannot be changed in place.
CREATE TABLE downloads_new (
    number     INTEGER PRIMARY KEY,
    url        TEXT NOT NULL,
    sha256     TEXT NOT NULL CHECK (length(sha256) IN (0, 64)),
    repository TEXT NOT NULL,
    path       TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    metadata   INTEGER NOT NULL CHECK (metadata IN (0, 1)),
    UNIQUE (url, sha256)
) STRICT;
INSERT INTO downloads_new SELECT * FROM downloads;

CREATE TABLE dependencies_new (
    build    INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    download INTEGER NOT NULL REFERENCES downloads_new,
    cached   INTEGER NOT NULL CHECK (cached IN (0, 1)),
    PRIMARY KEY (build, attempt, place)
) STRICT, WITHOUT ROWID;
INSERT INTO dependencies_new SELECT * FROM dependencies;

DROP TABLE dependencies;
DROP TABLE downloads;
ALTER TABLE downloads_new RENAME TO downloads;
ALTER TABLE dependencies_new RENAME TO dependencies;
