/* maven_path.h - what a path says in the layout of Maven 2.
 *
 *     org/acme/app/1.0-SNAPSHOT/app-1.0-20260102.030405-7-sources.jar
 *     group    art version      file: build 20260102.030405-7, classifier, extension
 *
 * The same layout is used by Gradle, sbt and coursier. */
#pragma once
#include <stdbool.h>

#include "store/core/path.h"

enum { MAVEN_STAMP_MAX = 16 }; /* "20260102.030405" */

/* A file of a version.  (Whether it is a POM is said by its extension.) */
struct maven_file {
    char group[ITEM_PATH_MAX + 1]; /* "org.acme" */
    char artifact[ITEM_NAME_MAX + 1];
    char version[ITEM_NAME_MAX + 1]; /* "1.0-SNAPSHOT": the folder's name */
    bool snapshot;
    char build[ITEM_NAME_MAX + 1]; /* what stands in the file's name: "1.0-20260102.030405-7" */
    char stamp[MAVEN_STAMP_MAX];   /* of that; "" when it is the version itself … */
    long number;                   /* … and 0 */
    char classifier[ITEM_NAME_MAX + 1]; /* or "" */
    char extension[ITEM_NAME_MAX + 1];  /* "jar", "tar.gz", "pom.asc" */
};

/* false: it is no file of a version: metadata, a checksum, or a path of another layout. */
bool maven_file_parse(const struct item_path *at, struct maven_file *ret);
/* It is such a file, or a checksum of one, and once published never changes: a release, or one
 * numbered build of a snapshot. */
bool maven_path_is_fixed(const struct item_path *at);

/* The folder of a version as coordinates; false: it is too short to be one. */
struct maven_folder {
    char group[ITEM_PATH_MAX + 1];
    char artifact[ITEM_NAME_MAX + 1];
    char version[ITEM_NAME_MAX + 1];
};
bool maven_folder_parse(const char *path, struct maven_folder *ret);

bool maven_version_is_snapshot(const char *version); /* "SNAPSHOT" at its end */

/* A document the store makes itself, or the checksum of one. */
enum maven_document {
    MAVEN_NO_DOCUMENT,
    MAVEN_METADATA, /* maven-metadata.xml */
    MAVEN_METADATA_SHA1,
    MAVEN_METADATA_MD5,
    MAVEN_METADATA_SHA256,
    MAVEN_METADATA_SHA512,
};
/* *ret_folder (may be NULL) is the folder it is about. */
enum maven_document maven_document_of(const struct item_path *at, struct item_path *ret_folder);

/* May the repository take it?  Only what is plainly of the other kind is refused. */
bool maven_policy_allows(const struct item_path *at, bool no_snapshots, bool no_releases);
