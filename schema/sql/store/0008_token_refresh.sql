-- A token may come with another that gets a new pair in its place, also when it has ended.

ALTER TABLE tokens ADD COLUMN refresh_sha256 TEXT NOT NULL DEFAULT '';   -- '': it is not refreshed
ALTER TABLE tokens ADD COLUMN refresh_end_ms INTEGER NOT NULL DEFAULT 0; -- 0: no end but disuse
CREATE UNIQUE INDEX tokens_by_refresh ON tokens (refresh_sha256) WHERE refresh_sha256 <> '';
