-- The store's index: which bytes lie at which path, and what is known of them.

CREATE TABLE repositories (
    key         TEXT PRIMARY KEY,
    immutable   INTEGER NOT NULL CHECK (immutable IN (0, 1)),
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A row is there as long as an item has these bytes; the file goes after the row is gone.
CREATE TABLE blobs (
    sha256      TEXT PRIMARY KEY,
    sha1        TEXT NOT NULL,
    md5         TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_by_sha1 ON blobs (sha1);
CREATE INDEX blobs_by_md5 ON blobs (md5);

-- Files and folders. `path` is the folder it is in, without slashes around; '' is the root.
CREATE TABLE items (
    id          INTEGER PRIMARY KEY,
    repo        TEXT NOT NULL REFERENCES repositories (key),
    path        TEXT NOT NULL,
    name        TEXT NOT NULL CHECK (name <> ''),
    sha256      TEXT REFERENCES blobs (sha256),       -- NULL: a folder
    claimed     INTEGER NOT NULL DEFAULT 0,           -- checksums the client sent: 1 sha1, 2 md5, 4 sha256
    created_ms  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    updated_ms  INTEGER NOT NULL,                     -- of the item or its properties
    UNIQUE (repo, path, name)
) STRICT;
CREATE INDEX items_by_sha256 ON items (sha256) WHERE sha256 IS NOT NULL;

CREATE TABLE properties (
    item        INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (item, key, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX properties_by_value ON properties (key, value);

CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    sha256      TEXT NOT NULL UNIQUE,
    subject     TEXT NOT NULL,
    role        INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    expire_ms   INTEGER NOT NULL                      -- 0: never
) STRICT, WITHOUT ROWID;
