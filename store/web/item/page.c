#include "store/web/item/page.h"

#include <inttypes.h>
#include <stdlib.h>

#include "store/core/text.h"
#include "store/core/when.h"

enum { PAGE_MAX = 8 << 20 };

static int page_add(void *ctx, const struct item *item)
{
    struct buf *page = ctx;
    char modified[WHEN_TEXT_MAX];
    const char *slash = item->at.folder ? "/" : "";

    /* "./" keeps a name with a colon from being read as a scheme. */
    buf_add_str(page, "<tr><td><a href=\"./");
    struct buf link;
    buf_init(&link, 4096);
    text_encode_path(&link, item_name(&item->at));
    text_escape_html(page, link.data);
    buf_done(&link);
    buf_printf(page, "%s\">", slash);
    text_escape_html(page, item_name(&item->at));
    when_iso(item->modified_ms, modified);
    buf_printf(page, "%s</a></td><td>%s</td><td>", slash, modified);
    if (!item->at.folder)
        buf_printf(page, "%" PRId64, item->digests.size_bytes);
    return buf_add_str(page, "</td></tr>\n");
}

int page_write(struct db *reader, const struct item_path *folder, char **ret, struct err *err)
{
    struct buf page;

    buf_init(&page, PAGE_MAX);
    buf_add_str(&page, "<!DOCTYPE html>\n<html><head><title>Index of ");
    text_escape_html(&page, folder->repo);
    buf_add_str(&page, "/");
    text_escape_html(&page, folder->path);
    buf_add_str(&page, "</title></head>\n<body><h1>");
    text_escape_html(&page, folder->repo);
    buf_add_str(&page, "/");
    text_escape_html(&page, folder->path);
    buf_add_str(&page, "</h1>\n<table>\n");
    if (folder->path[0])
        buf_add_str(&page, "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    int rc = index_list(reader, folder, 1, page_add, &page, err);
    if (rc == -ERR_LIMIT)
        err_set(err, ERR_LIMIT, "The folder holds too many items for a page; use ?list");
    buf_add_str(&page, "</table></body></html>\n");
    if (rc == 0)
        *ret = buf_take(&page);
    buf_done(&page);
    return rc;
}
