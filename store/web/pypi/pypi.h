/* pypi.h - PyPI repositories: /api/pypi/<repository>/ with simple/, packages/, and uploads.
 *
 *   look at what is ours --> the project is ours alone --> answer
 *            |
 *            +--> each remote member: its page --> merge (a page), or its file (a file) --> answer
 *
 * A virtual repository asks its remote members only for projects that none of its local members
 * has, so that nobody can slip a newer "version" of a private project in from outside; those named
 * by its option mix= are asked for everywhere.  A project is ours as long as its folder is there,
 * with files in it or without. */
#pragma once
#include "store/core/pypi_page.h"
#include "store/web/call.h"
#include "store/web/pypi/pypi_pages.h"

struct remote_want;

enum pypi_what { PYPI_PROJECTS, PYPI_PAGE, PYPI_FILE };

struct pypi_ask {
    const struct repository *repository;
    const struct repository **members; /* those of a virtual, or itself; owned */
    size_t members_count;
    size_t remote_next; /* where the search for the next remote one begins */
    enum pypi_what what;
    const char *type; /* of the page */
    bool json;
    char project[PYPI_NAME_MAX + 1];
    struct item_path at; /* of a file, in the repository asked … */
    struct item_path of; /* … and without ".metadata" */
    bool metadata;       /* it has that */
    struct pypi_page page;
    struct pypi_projects projects;
    bool ours;  /* a local member has the project */
    bool known; /* some member has it */
    bool found; /* the file: call->item is it (without ".metadata", in a local repository) */
    struct pypi_packed packed;                      /* the page as it is kept */
    char kept_as[REPO_KEY_MAX + PYPI_NAME_MAX + 8]; /* of a page of one upstream alone; "" … */
    char source[SHA256_HEX];                        /* … and what that gave */
    struct remote_want *want; /* of the file, then of the page, then of the file; owned */
};

static inline struct pypi_ask *pypi_of(const struct call *call)
{
    return call->own;
}

/* The repository that call->rest begins with; NULL: there is none of this type, which was
 * answered. */
const struct repository *pypi_repository(struct call *call);

/* Ask the next of the remote members; after the last, answer. */
void pypi_remote_next(struct call *call);
/* With its page, or that it is missing when no member knows the project. */
void pypi_answer_page(struct call *call);
/* With the page as it was told before; false: that is not known any more. */
bool pypi_answer_kept(struct call *call);
void pypi_answer_missing(struct call *call);
/* With call->item, or the metadata in it. */
void pypi_answer_file(struct call *call);
