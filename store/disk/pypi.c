#include "store/disk/pypi.h"

#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/when.h"

/* --- the page of a project --- */

struct collect {
    struct db *db;
    struct pypi_page page;
    struct err *err;
};

static void file_props(struct pypi_file *file, const struct props *props)
{
    for (size_t i = 0; i < props->count; i++) {
        const char *value = props->list[i].value;
        if (strcmp(props->list[i].key, PYPI_PROP_PYTHON) == 0 && !file->requires_python) {
            file->requires_python = xstrdup(value);
        } else if (strcmp(props->list[i].key, PYPI_PROP_YANKED) == 0 && !file->yanked) {
            file->yanked = xstrdup(value);
        } else if (strcmp(props->list[i].key, PYPI_PROP_METADATA) == 0 &&
                   sha256_hex_is_valid(value)) {
            file->has_metadata = true;
            memcpy(file->metadata_sha256, value, sizeof file->metadata_sha256);
        }
    }
}

static int file_collect(void *ctx, const struct item *item)
{
    struct collect *collect = ctx;
    char project[PYPI_NAME_MAX + 1];
    char uploaded[WHEN_TEXT_MAX];
    struct pypi_file_name name;
    struct item_path expected;
    struct props props;

    if (!pypi_item_project(&item->at, project) ||
        pypi_file_parse(item_name(&item->at), project, &name, NULL) < 0 ||
        pypi_item(item->at.repo, project, item_name(&item->at), &expected, NULL) < 0 ||
        strcmp(expected.path, item->at.path) != 0)
        return 0; /* the page has no way to name it */
    struct pypi_file *file = pypi_page_add(&collect->page, item_name(&item->at));
    if (!file)
        return err_set(collect->err, ERR_LIMIT, "%s has more than %d files", project,
                       PYPI_FILES_MAX);
    memcpy(file->hashes.sha256, item->digests.sha256, sizeof file->hashes.sha256);
    file->size_bytes = item->digests.size_bytes;
    when_iso(item->created_ms, uploaded);
    file->upload_time = xstrdup(uploaded);
    props_init(&props);
    int rc = index_props(collect->db, item->id, &props, collect->err);
    if (rc == 0)
        file_props(file, &props);
    props_done(&props);
    return rc;
}

static int project_find(struct db *db, const char *repo, const char *project, struct item_path *ret,
                        struct err *err)
{
    struct item item;

    *ret = (struct item_path){ .folder = true };
    snprintf(ret->repo, sizeof ret->repo, "%s", repo);
    snprintf(ret->path, sizeof ret->path, "%s", project);
    int rc = index_find(db, ret, &item, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    return rc < 0 ? rc : item.at.folder;
}

int pypi_local_has(struct db *db, const char *repo, const char *project, struct err *err)
{
    struct item_path folder;

    return project_find(db, repo, project, &folder, err);
}

int pypi_local_page(struct db *db, const char *repo, struct pypi_page *page, struct err *err)
{
    struct collect collect = { .db = db, .err = err };
    struct item_path folder;

    int rc = project_find(db, repo, page->project, &folder, err);
    if (rc <= 0)
        return rc;
    pypi_page_init(&collect.page, page->project);
    rc = index_list(db, &folder, 2, file_collect, &collect, err);
    if (rc == 0)
        pypi_page_merge(page, &collect.page);
    pypi_page_done(&collect.page);
    return rc < 0 ? rc : 1;
}

/* --- the projects --- */

static int project_collect(void *ctx, const struct item *item)
{
    if (item->at.folder && pypi_name_is_normal(item_name(&item->at)))
        pypi_projects_add(ctx, item_name(&item->at));
    return 0;
}

int pypi_local_projects(struct db *db, const char *repo, const char *below,
                        struct pypi_projects *ret, struct err *err)
{
    struct item_path folder = { .folder = true };

    snprintf(folder.repo, sizeof folder.repo, "%s", repo);
    snprintf(folder.path, sizeof folder.path, "%s", below);
    return index_list(db, &folder, 1, project_collect, ret, err);
}
