-- What searches need besides (store/disk/search_plan.c): each index is the way to the items of one
-- kind of condition, and the two by time also the order of "the newest of a repository".

CREATE INDEX items_by_name ON items (name, repo);
CREATE INDEX items_by_created ON items (repo, created_ms);
CREATE INDEX items_by_modified ON items (repo, modified_ms);
CREATE INDEX blobs_by_size ON blobs (size_bytes);

-- How often a file was sent; no row: never. Counted in memory and written now and then.
CREATE TABLE downloads (
    item        INTEGER PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    count       INTEGER NOT NULL,
    last_ms     INTEGER NOT NULL,
    last_by     TEXT NOT NULL
) STRICT;
CREATE INDEX downloads_by_last ON downloads (last_ms);
