/* deployed.h - how a deployment ends: 201 and what is stored, or why not. */
#pragma once
#include "store/web/call.h"

/* The bytes that call->claim names, if the caller may read them somewhere: to tell him that they
 * are here must tell nothing he may not know.  Of the many places of one file only 10000 are looked
 * at. */
int deployed_find_claimed(struct call *call, struct db *db, struct digests *ret, struct err *err);
/* Hold `text` against the file that `at` is the checksum of, and mark that as claimed.
 * -ERR_NOT_FOUND: there is none; -ERR_CONFLICT: it is no checksum, or another. */
int deployed_checksum(struct db *writer, const struct item_path *at, const char *text,
                      struct item *ret, struct err *err);
/* After a deployment's task: removes the bytes it freed, then answers. */
void deployed_done(struct call *call);
/* 201 for call->item. */
void deployed_answer(struct call *call);
/* By task.err, with Artifactory's texts. */
void deployed_fail(struct call *call);
