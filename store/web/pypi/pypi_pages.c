#include "store/web/pypi/pypi_pages.h"

#include <string.h>
#include <zstd.h>

#include "sos/base/auto.h"
#include "sos/base/list.h"

enum { PAGE_COST = 1024 }; /* bytes each costs beside its own; so there are never many */

struct page {
    struct list link;
    char *key;
    char source[SHA256_HEX];
    struct pypi_packed packed;
};

struct pypi_pages {
    struct list pages; /* the last asked for comes last */
    size_t bytes;
};

/* --- packing --- */

void pypi_pack(const char *text, struct pypi_packed *ret)
{
    size_t len = strlen(text);
    size_t room = ZSTD_compressBound(len);
    char *data = xmalloc(room);
    size_t packed = ZSTD_compress(data, room, text, len, 1);

    if (ZSTD_isError(packed))
        abort(); /* out of memory: there is room for anything */
    ret->data = xrealloc(data, packed);
    ret->len = packed;
    ret->text_len = len;
}

char *pypi_unpack(const struct pypi_packed *packed)
{
    char *text = xmalloc(packed->text_len + 1);
    size_t len = ZSTD_decompress(text, packed->text_len, packed->data, packed->len);

    if (len != packed->text_len)
        abort(); /* out of memory: the bytes are our own */
    text[len] = '\0';
    return text;
}

/* --- the pages --- */

struct pypi_pages *pypi_pages_new(void)
{
    struct pypi_pages *pages = xcalloc(1, sizeof *pages);

    list_init(&pages->pages);
    return pages;
}

static void page_drop(struct pypi_pages *pages, struct page *page)
{
    list_remove(&page->link);
    pages->bytes -= page->packed.len + PAGE_COST;
    free(page->key);
    free(page->packed.data);
    free(page);
}

void pypi_pages_free(struct pypi_pages *pages)
{
    if (!pages)
        return;
    list_each (link, &pages->pages)
        page_drop(pages, list_item(link, struct page, link));
    free(pages);
}

static struct page *page_of(struct pypi_pages *pages, const char *key)
{
    list_each (link, &pages->pages) {
        struct page *page = list_item(link, struct page, link);
        if (strcmp(page->key, key) == 0)
            return page;
    }
    return NULL;
}

bool pypi_pages_find(struct pypi_pages *pages, const char *key, const char *source,
                     struct pypi_packed *ret)
{
    struct page *page = page_of(pages, key);

    if (!page || strcmp(page->source, source) != 0)
        return false;
    list_remove(&page->link);
    list_append(&pages->pages, &page->link);
    *ret = page->packed;
    ret->data = xmalloc(ret->len);
    memcpy(ret->data, page->packed.data, ret->len);
    return true;
}

void pypi_pages_keep(struct pypi_pages *pages, const char *key, const char *source,
                     struct pypi_packed *packed)
{
    struct page *page = page_of(pages, key);

    if (page)
        page_drop(pages, page);
    if (packed->len > PYPI_PAGES_BYTES_MAX / 2) {
        free(take_ptr(packed->data));
        return;
    }
    page = xcalloc(1, sizeof *page);
    page->key = xstrdup(key);
    page->packed = *packed;
    packed->data = NULL;
    memcpy(page->source, source, sizeof page->source);
    list_append(&pages->pages, &page->link);
    pages->bytes += page->packed.len + PAGE_COST;
    while (pages->bytes > PYPI_PAGES_BYTES_MAX)
        page_drop(pages, list_item(pages->pages.next, struct page, link));
}
