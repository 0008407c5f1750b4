/* names.h - what a path of a repository belongs to, and whether the repository may have it. */
#pragma once
#include "store/core/path.h"
#include "store/core/repo.h"

enum name_kind {
    NAME_NONE,    /* of no name's: a generic file, a checksum database's */
    NAME_SURE,    /* of that name's */
    NAME_PERHAPS, /* of that name's, or of a Maven group's: told by whether versions lie in it */
};

/* The folder that stands for what the path belongs to, in a local repository of the type:
 *
 *   npm    @acme/lib, also of what is kept of it in .npm        maven  com/acme/lib
 *   pypi   acme-lib, also of what is kept of it in .pypi        go     example.com/acme/lib */
enum name_kind name_of(enum repo_type type, const struct item_path *at,
                       char ret[ITEM_PATH_MAX + 1]);

/* Do the repository's patterns let it have what is at that path?  A folder, and what is told of a
 * whole name (a document, a page, a list of versions), if something below may be there; the
 * checksum of a file if that may be. */
bool repo_admits(const struct repository *repository, const struct item_path *at);
