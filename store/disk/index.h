/* index.h - the store's index: repositories, items, properties (SQLite).
 *
 * Everything blocks.  Reads go to a reader's connection, each on a snapshot of what
 * is committed; changes to the writer's, inside the batch of its strand.  A change
 * that fails changed nothing, since its savepoint is rolled back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/serve/auth.h"
#include "sos/serve/db.h"
#include "store/core/claim.h"
#include "store/core/path.h"
#include "store/core/props.h"
#include "store/core/repo.h"

/* Said of `items` where the rows of one folder are wanted: without it SQLite, which counts nothing
 * beforehand, may rather read the whole repository in the order of time that is asked for. */
#define BY_PLACE " INDEXED BY sqlite_autoindex_items_1 " /* repo, path, name */

int index_open_writer(const char *path, struct db **ret, struct err *err);
/* Only as far as migration `schema`, to apply what was written when it was the last.
 * -ERR_CONFLICT: this program does not know so many. */
int index_open_old(const char *path, int schema, struct db **ret, struct err *err);

/* --- repositories; at start and by rare calls --- */

typedef void (*repository_fn)(void *ctx, const struct repository *repository);
/* Those there are, without urls and members, which are configuration. */
int index_repositories(struct db *db, repository_fn each, void *ctx, struct err *err);
/* Make it, or give it this rule; it keeps the time it was made. */
int index_repository_put(struct db *db, const struct repository *repository, struct err *err);

/* --- reading --- */

struct item {
    int64_t id; /* 0: the root of a repository, which has no row */
    struct item_path at;
    struct digests digests; /* all "" and 0 for a folder */
    int claimed;            /* enum claim_kind */
    int64_t created_ms;
    int64_t modified_ms;
    int64_t updated_ms;
    char created_by[AUTH_SUBJECT_MAX];
    char modified_by[AUTH_SUBJECT_MAX];
};

/* -ERR_NOT_FOUND: nothing is there, with the reason NO_REPOSITORY when that is why.  Whether it is
 * a folder is told by ret->at.folder, whatever `at` says. */
int index_find(struct db *db, const struct item_path *at, struct item *ret, struct err *err);
/* By its id.  -ERR_NOT_FOUND. */
int index_find_id(struct db *db, int64_t id, struct item *ret, struct err *err);
/* Some item whose bytes are what is claimed (SHA-256 decides if there, else SHA-1, else MD5; all
 * that were claimed must be right).  -ERR_NOT_FOUND. */
int index_find_claimed(struct db *db, const struct claim *claim, struct digests *ret,
                       struct err *err);

typedef int (*item_fn)(void *ctx, const struct item *item);
/* Each item with these bytes, `max` at most; `each` as for index_list(). */
int index_with_bytes(struct db *db, const char *sha256, int64_t max, item_fn each, void *ctx,
                     struct err *err);
/* Each item below the folder in order of folder and name, `depth` levels down (0: all); `each`
 * returns non-zero to stop, which is then the result. */
int index_list(struct db *db, const struct item_path *folder, int depth, item_fn each, void *ctx,
               struct err *err);
/* Appends. */
int index_props(struct db *db, int64_t item, struct props *ret, struct err *err);

struct index_usage {
    char repo[REPO_KEY_MAX + 1]; /* "" in the sum over all */
    int64_t folders;
    int64_t files;
    int64_t bytes; /* as if each file had its own copy */
};
typedef void (*usage_fn)(void *ctx, const struct index_usage *usage);
/* One for each repository, in order. */
int index_usage(struct db *db, usage_fn each, void *ctx, struct err *err);
int index_blobs_usage(struct db *db, int64_t *ret_count, int64_t *ret_bytes, struct err *err);
/* May the file of these bytes be removed?  1: no row has them, 0: one has. */
int index_blob_is_free(struct db *db, const char *sha256, struct err *err);

/* --- changing --- */

/* Digests of blobs that no item has any more: their files may go once this is committed. */
struct freed {
    char (*list)[SHA256_HEX];
    size_t count;
};
void freed_init(struct freed *freed);
void freed_done(struct freed *freed);
void freed_add(struct freed *freed, const char *sha256);

struct deployment {
    const struct item_path *at;
    const struct digests *digests; /* NULL: make a folder */
    const struct props *props;
    int claimed;
    const char *user;
    int64_t now_ms;
    bool may_replace; /* the caller may delete */
};
/* Put bytes that are durable as blob to a path, with the folders above it.  The same bytes again
 * only add properties; others replace the item and its properties.  -ERR_NOT_FOUND: no such
 * repository; -ERR_DENIED: others are there and may not be replaced; -ERR_CONFLICT: a folder is
 * there, or a file is in the place of a folder. */
int index_deploy(struct db *db, const struct deployment *deployment, struct item *ret,
                 struct freed *freed, struct err *err);
/* As index_deploy(), for bytes that an item must still have: -ERR_NOT_FOUND, reason NO_BLOB. */
int index_deploy_claimed(struct db *db, const struct deployment *deployment, struct item *ret,
                         struct freed *freed, struct err *err);
/* Remove an item; a folder with all in it; of the root all in it.  -ERR_NOT_FOUND, also for a file
 * that was told as a folder. */
int index_delete(struct db *db, const struct item_path *at, int64_t *ret_count, struct freed *freed,
                 struct err *err);
/* The same for at most `max` items, those that lie lowest first; ret_count (may be NULL) grows.  1:
 * there are more, and the folder itself is still there. */
int index_delete_some(struct db *db, const struct item_path *at, int64_t max, int64_t *ret_count,
                      struct freed *freed, struct err *err);
/* May an item be put there?  An error refuses the whole. */
typedef int (*transfer_rule_fn)(void *ctx, const struct item_path *at, struct err *err);
/* Copy or move (a move removes what was copied).  Into an existing folder: below it.  `dry` only
 * tells.  -ERR_NOT_FOUND, -ERR_DENIED (index_deploy), -ERR_CONFLICT: into itself; what `rule` says.
 */
struct transfer {
    const struct item_path *from;
    const struct item_path *to;
    bool move;
    bool dry;
    bool may_replace;
    const char *user;
    int64_t now_ms;
    transfer_rule_fn rule; /* NULL: anything may */
    void *ctx;             /* of the rule */
};
int index_transfer(struct db *db, const struct transfer *transfer, int64_t *ret_files,
                   int64_t *ret_folders, struct freed *freed, struct err *err);
/* Mark further checksums as sent by the client. */
int index_claim(struct db *db, int64_t item, int claimed, struct err *err);

enum props_change {
    PROPS_SET,    /* each key named gets exactly the values named */
    PROPS_REMOVE, /* each key named goes */
};
/* On the item, and on all below it when `recursive`.  -ERR_NOT_FOUND; -ERR_LIMIT: it would have
 * more than PROPS_MAX. */
int index_props_change(struct db *db, const struct item_path *at, bool recursive,
                       enum props_change change, const struct props *props, int64_t now_ms,
                       struct err *err);
