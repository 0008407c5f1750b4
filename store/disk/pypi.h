/* pypi.h - what the index tells of a PyPI repository.  Pool thread, any connection. */
#pragma once
#include "store/core/pypi_page.h"
#include "store/disk/index.h"

/* Add the wheels and source distributions at <project>/<version>/ whose names are not on the page
 * yet.  1: the project is there, with files or without (a folder alone keeps its name from others);
 * 0: it is not. */
int pypi_local_page(struct db *db, const char *repo, struct pypi_page *page, struct err *err);
/* 1: the project is there (as pypi_local_page()), 0: it is not. */
int pypi_local_has(struct db *db, const char *repo, const char *project, struct err *err);
/* Every folder at the top (of `repo`, or of its folder `below`, "": none) that is named as a
 * project. */
int pypi_local_projects(struct db *db, const char *repo, const char *below,
                        struct pypi_projects *ret, struct err *err);
