/* maven_metadata.h - the contents of a maven-metadata.xml, written, read and merged.
 *
 *     versions of an artifact      <versioning><versions>, latest, release, lastUpdated
 *     builds of a snapshot         <versioning><snapshot>, <snapshotVersions>, lastUpdated
 *     plugins of a group           <plugins>
 *
 * One document may say more than one of them, since a group may be named as an artifact is.
 * Format: https://maven.apache.org/ref/current/maven-repository-metadata/repository-metadata.html
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"
#include "store/core/maven_path.h"

enum {
    MAVEN_METADATA_BYTES_MAX = 8 << 20, /* of a document */
    MAVEN_VERSIONS_MAX = 100000,        /* in one */
    MAVEN_KINDS_MAX = 2000,             /* builds or plugins in one */
    MAVEN_WHEN_MAX = 15,                /* "20260102030405" */
};

/* The newest file of one classifier and extension. */
struct maven_build {
    char *classifier; /* or "" */
    char *extension;
    char *value; /* "1.0-20260102.030405-7" */
    char updated[MAVEN_WHEN_MAX];
    long number; /* 0: not known, `updated` tells which is newer */
};

struct maven_plugin {
    char *name;
    char *prefix;
    char *artifact;
};

struct maven_metadata {
    char group[ITEM_PATH_MAX + 1]; /* this and what follows: "" where it is not told */
    char artifact[ITEM_NAME_MAX + 1];
    char version[ITEM_NAME_MAX + 1];
    char latest[ITEM_NAME_MAX + 1];
    char release[ITEM_NAME_MAX + 1];
    char updated[MAVEN_WHEN_MAX];
    char stamp[MAVEN_STAMP_MAX]; /* of the newest build … */
    long number;                 /* … 0: none has one */
    char **versions;
    size_t versions_count;
    struct maven_build *builds;
    size_t builds_count;
    struct maven_plugin *plugins;
    size_t plugins_count;
};

void maven_metadata_init(struct maven_metadata *metadata);
void maven_metadata_done(struct maven_metadata *metadata);
bool maven_metadata_is_empty(const struct maven_metadata *metadata); /* none of the three */

/* Each copies.  -ERR_LIMIT: as many as may be are there. */
int maven_metadata_add_version(struct maven_metadata *metadata, const char *version,
                               struct err *err);
/* Takes the place of an older one of the same classifier and extension: the build number decides
 * where both have one, since clocks of those who build differ. */
int maven_metadata_add_build(struct maven_metadata *metadata, const struct maven_build *build,
                             struct err *err);
/* Not when one of this prefix is there. */
int maven_metadata_add_plugin(struct maven_metadata *metadata, const struct maven_plugin *plugin,
                              struct err *err);
/* Something of it is as new as this, "20260102030405". */
void maven_metadata_touch(struct maven_metadata *metadata, const char *updated);
void maven_when(int64_t wall_ms, char ret[MAVEN_WHEN_MAX]);
int64_t maven_when_parse(const char *when); /* milliseconds; 0: it is none */

/* Versions in order, each once; latest and release are the greatest when nobody told them.  To be
 * called before it is written. */
void maven_metadata_finish(struct maven_metadata *metadata);
/* Put what `from` says to it: all versions and plugins (the first of a prefix stays), the newest
 * build of each kind, the greater latest and release. */
int maven_metadata_merge(struct maven_metadata *metadata, const struct maven_metadata *from,
                         struct err *err);

/* Appends. */
void maven_metadata_write(const struct maven_metadata *metadata, struct buf *ret);
/* `ret` was inited; it gets what the text says, beside what it has.  -ERR_INVALID: not
 * well-formed, another document, with a DOCTYPE; -ERR_LIMIT. */
int maven_metadata_parse(const char *text, size_t len, struct maven_metadata *ret, struct err *err);
