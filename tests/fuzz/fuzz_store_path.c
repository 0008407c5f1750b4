/* fuzz_store_path.c - any bytes as the path of a request.  What is accepted is
 * judged by a second, simple reading of it, and survives being encoded again. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/call.h"
#include "store/core/path.h"
#include "store/core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No element that leaves the folder, is empty or holds a byte that may not be. */
static void path_is_safe(const char *path)
{
    auto_free char *slashed = xasprintf("/%s/", path);

    assert(path[0] == '\0' || (!strstr(slashed, "//") && !strstr(slashed, "/./")));
    assert(!strstr(slashed, "/../") && !strstr(path, "!/") && !strchr(path, '\\'));
    for (const char *at = path; *at; at++)
        assert((unsigned char)*at >= 0x20 && *at != 0x7f);
    assert(strlen(path) <= ITEM_PATH_MAX);
}

static void encoded_it_is_the_same(const struct item_path *item)
{
    struct item_path again;
    struct buf raw;

    buf_init(&raw, 1 << 16);
    buf_printf(&raw, "/%s/", item->repo);
    text_encode_path(&raw, item->path);
    if (item->folder)
        buf_add_str(&raw, "/");
    int rc = item_path_parse(raw.data, &again, NULL, NULL);
    assert(rc == 0 && again.folder == item->folder);
    assert(strcmp(again.path, item->path) == 0 && strcmp(again.repo, item->repo) == 0);
    buf_done(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *raw = xstrndup((const char *)data, size);
    struct item_path item;
    struct item_path bare;
    struct props props;
    const char *rest;
    const char *allow;

    call_find("GET", raw, &rest, &allow);
    props_init(&props);
    int rc = item_path_parse(raw, &item, &props, NULL);
    if (rc == 0) {
        path_is_safe(item.path);
        assert(repo_key_is_valid(item.repo));
        encoded_it_is_the_same(&item);
        rc = item_path_parse(raw, &bare, NULL, NULL);
        assert(rc == 0 && strcmp(bare.path, item.path) == 0);
        for (size_t i = 0; i < props.count; i++)
            assert(prop_key_is_valid(props.list[i].key));
    }
    props_done(&props);
    return 0;
}
