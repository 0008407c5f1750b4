-- What build-info files tell, for joins: artifactory-build-info/NAME/NUMBER-STARTED.json is the
-- truth, these rows are made from it and go with it. A checksum that was not told is ''.

CREATE TABLE builds (
    id          INTEGER PRIMARY KEY,
    item        INTEGER NOT NULL UNIQUE REFERENCES items (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    number      TEXT NOT NULL,
    started_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX builds_by_name ON builds (name, number, started_ms);
CREATE INDEX builds_by_number ON builds (number);

CREATE TABLE build_modules (
    id          INTEGER PRIMARY KEY,
    build       INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    name        TEXT NOT NULL
) STRICT;
CREATE INDEX build_modules_by_build ON build_modules (build);
CREATE INDEX build_modules_by_name ON build_modules (name);

CREATE TABLE build_artifacts (
    id          INTEGER PRIMARY KEY,
    module      INTEGER NOT NULL REFERENCES build_modules (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    type        TEXT NOT NULL,
    repo        TEXT NOT NULL,                        -- where it was put then; '': not told
    path        TEXT NOT NULL,                        -- with its name; '': not told
    sha1        TEXT NOT NULL,
    md5         TEXT NOT NULL,
    sha256      TEXT NOT NULL
) STRICT;
CREATE INDEX build_artifacts_by_module ON build_artifacts (module);
CREATE INDEX build_artifacts_by_sha1 ON build_artifacts (sha1) WHERE sha1 <> '';
CREATE INDEX build_artifacts_by_md5 ON build_artifacts (md5) WHERE md5 <> '';
CREATE INDEX build_artifacts_by_sha256 ON build_artifacts (sha256) WHERE sha256 <> '';

CREATE TABLE build_dependencies (
    id          INTEGER PRIMARY KEY,
    module      INTEGER NOT NULL REFERENCES build_modules (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,                        -- its id, "group:name:version"
    type        TEXT NOT NULL,
    scopes      TEXT NOT NULL,                        -- with commas between
    sha1        TEXT NOT NULL,
    md5         TEXT NOT NULL,
    sha256      TEXT NOT NULL
) STRICT;
CREATE INDEX build_dependencies_by_module ON build_dependencies (module);
CREATE INDEX build_dependencies_by_sha1 ON build_dependencies (sha1) WHERE sha1 <> '';
CREATE INDEX build_dependencies_by_md5 ON build_dependencies (md5) WHERE md5 <> '';
CREATE INDEX build_dependencies_by_sha256 ON build_dependencies (sha256) WHERE sha256 <> '';
