/* maven.h - a maven-metadata.xml as the index tells it: made from what is stored each time it is
 * read, so that nothing can be stale, torn or lost in a race of two publishers.
 *
 *   .../app/                versions: the folders in it that hold files of the artifact
 *   .../app/1.0-SNAPSHOT/   builds: the newest that has a POM, and the newest file of each kind
 *   .../                    plugins: folders with the property maven.plugin.prefix */
#pragma once
#include "store/core/maven_metadata.h"
#include "store/disk/index.h"

/* What is to be said about the folder, into `ret`, which was inited.  -ERR_NOT_FOUND: nothing. */
int maven_compute(struct db *db, const struct item_path *folder, struct maven_metadata *ret,
                  struct err *err);

/* On the writer: keep which plugins a group has, as its publisher tells it, as properties of their
 * folders.  One without a folder is passed over. */
int maven_keep_plugins(struct db *db, const struct item_path *group,
                       const struct maven_metadata *told, int64_t now_ms, struct err *err);
