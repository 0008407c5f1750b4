/* farmdb.h - the server's database: schema/sql/server, in order, built into the program.
 *
 * How the files of this floor are used: each function is called inside the task of a strand, which
 * owns the connection.  What writes runs on the writer strand, where each task has its own
 * savepoint: a task that makes several calls keeps all of them or, when it ends with rc < 0, none.
 * What only reads may run on a reader strand.  A call that fails may have done half of its work;
 * its task must fail too.
 *
 *     builds <- events, attempts, uploads, publications        builds -> sources (by id)
 *     sources <- manifests, source_blobs -> blobs <- uploads   artifacts <- artifact_files */
#pragma once
#include "sos/serve/db.h"

/* The writer (see db_open_writer()); it makes or migrates the file. */
int farmdb_open(const char *path, struct db **ret, struct err *err);
