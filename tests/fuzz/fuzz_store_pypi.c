/* fuzz_store_pypi.c - any bytes as the names of a project and of a file of it: the text up to the
 * first line end, and behind it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/accept.h"
#include "store/core/pypi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It is where its name says, and nowhere else. */
static void item_is_safe(const char *project, const char *file)
{
    struct item_path item;
    char again[PYPI_NAME_MAX + 1];

    if (pypi_item("r", project, file, &item, NULL) < 0)
        return;
    assert(strcmp(item.repo, "r") == 0 && strcmp(item_name(&item), file) == 0);
    assert(pypi_item_project(&item, again) && strcmp(again, project) == 0);
    assert(!strstr(item.path, "/../") && strlen(item.path) <= ITEM_PATH_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const offers[] = { "text/html", "application/json" };
    auto_free char *name = xstrndup((const char *)data, size);
    char *file = name + strcspn(name, "\n");
    char project[PYPI_NAME_MAX + 1];
    struct pypi_file_name found;

    accept_choose(name, offers, countof(offers));
    if (*file)
        *file++ = '\0';
    if (pypi_normal_name(name, project, NULL) < 0)
        return 0;
    assert(pypi_name_is_normal(project) && strlen(project) <= strlen(name));
    if (pypi_file_parse(file, project, &found, NULL) == 0)
        assert(found.version[0] && strstr(file, found.version) && !strchr(file, '/'));
    item_is_safe(project, file);
    return 0;
}
