/* artifacts.h - what was made: name@version, its files, and the outbox that leads to it.
 *
 *   finish: publications_add  --store took it-->  artifacts_put + publications_remove
 *                |      ^
 *                +------+ publications_failed: try again later
 *
 * Each arrow is one task together with builds_save(), so that a crash in between repeats a step and
 * never loses or doubles one. */
#pragma once
#include <stdint.h>

#include "sos/serve/db.h"
#include "sos/v1.h"

/* Record a published artifact.  The same files again are fine; others under the same name and
 * version are -ERR_CONFLICT VERSION_CONFLICT, naming both digests. */
int artifacts_put(struct db *db, const struct sos_artifact *artifact, struct err *err);
/* The caller owns *ret (sos_artifact_done()).  -ERR_NOT_FOUND. */
int artifacts_get(struct db *db, const char *name, const char *version, struct sos_artifact *ret,
                  struct err *err);
/* Newest first, of one name or (NULL) of all.  page_size and page_token as for builds_list(). */
int artifacts_list(struct db *db, const char *name, int32_t page_size, const char *page_token,
                   struct sos_list_artifacts_response *ret, struct err *err);

/* One build that waits for the store. */
struct publication {
    char *build;                  /* id */
    struct sos_artifact artifact; /* what to publish; urls not yet known */
    int64_t create_wall_ms;
    int32_t tries; /* that failed */
    char *note;    /* why the last one did; NULL */
};
void publication_done(struct publication *publication);

/* A repeat for the same build is fine and changes nothing. */
int publications_add(struct db *db, const char *build, const struct sos_artifact *artifact,
                     int64_t wall_ms, struct err *err);
int publications_failed(struct db *db, const char *build, const char *note, struct err *err);
/* Absent is fine. */
int publications_remove(struct db *db, const char *build, struct err *err);
/* All that wait, oldest first.  `each` may take the content; non-zero stops and is returned. */
typedef int (*publication_fn)(void *ctx, struct publication *publication);
int publications_each(struct db *db, publication_fn each, void *ctx, struct err *err);
