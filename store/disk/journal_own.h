/* journal_own.h - what the files of the journal share. */
#pragma once
#include <stdatomic.h>

#include "store/disk/journal.h"
#include "store/disk/journal_file.h"
#include "store/disk/patch.h"

/* Numbers of the files in the folder, ascending. */
struct journal_files {
    int64_t *logs;
    size_t logs_count;
    int64_t *snapshots;
    size_t snapshots_count;
};
/* A folder that is not there has none. */
int journal_files_find(const char *dir, struct journal_files *ret, struct err *err);
void journal_files_done(struct journal_files *files);

struct journal {
    char *dir;
    char *index_path;
    struct db *db;
    struct strand_batch inner; /* db_batch() */
    struct journal_file log;
    struct patch *patch; /* of the batch that is open */
    atomic_llong commits;
    atomic_llong logs_bytes;
    atomic_llong snapshot_bytes;
};

/* A snapshot of what the index at `index_path` has committed now, to be numbered `number`. */
int snapshot_begin(struct journal *journal, int64_t number, struct snapshot **ret, struct err *err);
