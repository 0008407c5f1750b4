-- The farm's database. Times are milliseconds since 1970, UTC. Messages are kept as ProtoJSON
-- (`doc`, `result` …); columns beside them are what is searched, ordered or guarded.

-- The number is the order of submission. A build is live until its state is final.
CREATE TABLE builds (
    number      INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 2147483647),
    id          TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL CHECK (state IN (
        'QUEUED', 'ASSIGNED', 'PREPARING', 'RUNNING', 'STORING', 'CANCELING',
        'SUCCEEDED', 'FAILED', 'ERRORED', 'CANCELED', 'TIMED_OUT', 'EXPIRED')),
    live        INTEGER GENERATED ALWAYS AS (state IN (
        'QUEUED', 'ASSIGNED', 'PREPARING', 'RUNNING', 'STORING', 'CANCELING')) VIRTUAL,
    revision    INTEGER NOT NULL CHECK (revision > 0),
    attempt     INTEGER NOT NULL CHECK (attempt >= 0),
    fence       INTEGER NOT NULL CHECK (fence >= attempt),
    session     TEXT NOT NULL CHECK ((session <> '') = (state IN (
        'ASSIGNED', 'PREPARING', 'RUNNING', 'CANCELING'))),
    project     TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    source      TEXT NOT NULL,
    fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64),
    create_time INTEGER NOT NULL,
    finish_time INTEGER NOT NULL CHECK ((finish_time <> 0) = NOT live),
    doc         TEXT NOT NULL
) STRICT;
CREATE INDEX builds_live ON builds (number) WHERE live;
CREATE INDEX builds_live_source ON builds (source) WHERE live;
CREATE INDEX builds_project ON builds (project, number);
CREATE INDEX builds_created_by ON builds (created_by, number);
CREATE INDEX builds_state ON builds (state, number);
CREATE INDEX builds_same ON builds (fingerprint, number) WHERE state = 'SUCCEEDED';

CREATE TRIGGER builds_final BEFORE UPDATE OF state ON builds
    WHEN NOT OLD.live AND NEW.state <> OLD.state
    BEGIN SELECT RAISE(ABORT, 'a final build does not change its state'); END;

-- What happened to a build: written in the transaction that changes the state, never changed.
CREATE TABLE events (
    number   INTEGER PRIMARY KEY,
    build    INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    name     TEXT NOT NULL,
    state    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    subject  TEXT NOT NULL,
    detail   TEXT,
    UNIQUE (build, revision)
) STRICT;
CREATE TRIGGER events_append_only BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'history is not changed'); END;

CREATE TABLE attempts (
    build      INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    attempt    INTEGER NOT NULL CHECK (attempt > 0),
    fence      INTEGER NOT NULL,
    worker     TEXT NOT NULL,
    slot       INTEGER NOT NULL,
    lease_time INTEGER NOT NULL,
    end_time   INTEGER NOT NULL DEFAULT 0,
    result     TEXT,
    log        TEXT,
    PRIMARY KEY (build, attempt),
    CHECK ((end_time <> 0) = (result IS NOT NULL) AND (end_time <> 0) = (log IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What was published. A name and version is there once, with these bytes, for ever.
CREATE TABLE artifacts (
    number      INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    run         TEXT NOT NULL,
    build       TEXT NOT NULL,
    url         TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;
CREATE TABLE artifact_files (
    artifact   INTEGER NOT NULL REFERENCES artifacts ON DELETE CASCADE,
    path       TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256     TEXT NOT NULL,
    sha1       TEXT NOT NULL,
    md5        TEXT NOT NULL,
    url        TEXT NOT NULL,
    PRIMARY KEY (artifact, path)
) STRICT, WITHOUT ROWID;

-- The outbox: builds whose artifact the store has not confirmed yet.
CREATE TABLE publications (
    build       INTEGER PRIMARY KEY NOT NULL REFERENCES builds ON DELETE CASCADE,
    artifact    TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    note        TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    file_count  INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    complete    INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
    create_time INTEGER NOT NULL,
    use_time    INTEGER NOT NULL
) STRICT;
CREATE INDEX sources_use ON sources (use_time);
-- The canonical text of a manifest, in one zstd frame.
CREATE TABLE manifests (
    source INTEGER PRIMARY KEY REFERENCES sources ON DELETE CASCADE,
    packed BLOB NOT NULL,
    size   INTEGER NOT NULL
) STRICT;

-- Every blob that is or may be in the blob folder.
-- doomed: 0 somebody may need it; 1 nobody does; 2 that was committed, its file may go.
CREATE TABLE blobs (
    number INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    doomed INTEGER NOT NULL DEFAULT 0 CHECK (doomed IN (0, 1, 2))
) STRICT;
CREATE INDEX blobs_doomed ON blobs (doomed) WHERE doomed > 0;
CREATE TABLE source_blobs (
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    blob   INTEGER NOT NULL REFERENCES blobs,
    PRIMARY KEY (source, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_blobs_blob ON source_blobs (blob);
-- Artifact files that the worker of a build announced.
CREATE TABLE uploads (
    build INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    blob  INTEGER NOT NULL REFERENCES blobs,
    PRIMARY KEY (build, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_blob ON uploads (blob);

CREATE TABLE idempotency (
    subject     TEXT NOT NULL,
    key         TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    build       INTEGER NOT NULL REFERENCES builds ON DELETE CASCADE,
    time        INTEGER NOT NULL,
    PRIMARY KEY (subject, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_time ON idempotency (time);
CREATE INDEX idempotency_build ON idempotency (build);

CREATE TABLE tokens (
    id          TEXT PRIMARY KEY NOT NULL,
    sha256      TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    subject     TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('VIEWER', 'SUBMITTER', 'MAINTAINER', 'ADMIN',
                                              'WORKER')),
    create_time INTEGER NOT NULL,
    expire_time INTEGER NOT NULL,
    revoke_time INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE workers (
    name    TEXT PRIMARY KEY NOT NULL,
    session TEXT NOT NULL,
    doc     TEXT NOT NULL
) STRICT;
