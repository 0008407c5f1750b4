-- A token says what it may in words (store/core/access.h); until now there was only the farm's own.

CREATE TABLE tokens_scoped (
    id          TEXT PRIMARY KEY,
    sha256      TEXT NOT NULL UNIQUE,
    subject     TEXT NOT NULL,
    scope       TEXT NOT NULL CHECK (scope <> ''),
    description TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    expire_ms   INTEGER NOT NULL                   -- 0: never
) STRICT, WITHOUT ROWID;
INSERT INTO tokens_scoped
    SELECT id, sha256, subject, 'applied-permissions/admin', '', created_ms, expire_ms
    FROM tokens WHERE role = 4;
DROP TABLE tokens;
ALTER TABLE tokens_scoped RENAME TO tokens;
