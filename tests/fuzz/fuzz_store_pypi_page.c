/* fuzz_store_pypi_page.c - any bytes as an upstream's page.  What is read can be written, and is
 * the same when it is read again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "store/core/pypi_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void files_are_sound(const struct pypi_page *page)
{
    struct item_path item;

    for (size_t i = 0; i < page->count; i++) {
        const struct pypi_file *file = &page->files[i];
        int rc = pypi_item("r", page->project, file->name, &item, NULL);
        assert(rc == 0 && file->url && strncmp(file->url, "http", 4) == 0);
        for (const char *at = file->url; *at; at++)
            assert((unsigned char)*at > 0x20 && (unsigned char)*at < 0x7f);
    }
}

static void written_it_is_the_same(const struct pypi_page *page,
                                   int (*write)(const struct pypi_page *, struct buf *,
                                                struct err *))
{
    struct pypi_page again;
    struct buf text;

    buf_init(&text, PYPI_PAGE_MAX);
    pypi_page_init(&again, page->project);
    int rc = write(page, &text, NULL);
    assert(rc == 0);
    rc = pypi_page_read(&again, text.data, text.len, "http://us/api/pypi/r/simple/demo/", NULL);
    assert(rc == 0 && again.count == page->count);
    for (size_t i = 0; i < page->count; i++) {
        assert(strcmp(again.files[i].name, page->files[i].name) == 0);
        assert(!again.files[i].yanked == !page->files[i].yanked);
        assert(again.files[i].has_metadata == page->files[i].has_metadata);
    }
    pypi_page_done(&again);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pypi_page page;

    pypi_page_init(&page, "demo");
    if (pypi_page_read(&page, (const char *)data, size, "https://up.example/simple/demo/", NULL) ==
        0) {
        files_are_sound(&page);
        written_it_is_the_same(&page, pypi_page_write_json);
        written_it_is_the_same(&page, pypi_page_write_html);
    }
    pypi_page_done(&page);
    return 0;
}
