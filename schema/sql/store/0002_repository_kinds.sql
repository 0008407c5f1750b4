-- What a repository holds, and whether that was put there, is kept from an upstream, or lies in others.
-- The words are those of store/core/repo.h; urls and members are configuration and not kept.

ALTER TABLE repositories ADD COLUMN type TEXT NOT NULL DEFAULT 'generic'
    CHECK (type IN ('generic', 'maven', 'npm', 'pypi', 'go'));
ALTER TABLE repositories ADD COLUMN class TEXT NOT NULL DEFAULT 'local'
    CHECK (class IN ('local', 'remote', 'virtual'));
