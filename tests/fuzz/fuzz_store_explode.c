/* fuzz_store_explode.c - any bytes as an archive that is to become items.  Whatever it is, every
 * entry has a path that an item may have, below its folder, no more comes out than is allowed, and
 * no pin is left. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "store/disk/explode.h"
#include "tests/fuzz/fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 20, ENTRIES_MAX = 100 };

static const struct item_path FOLDER = { .repo = "dev", .path = "in/side", .folder = true };

static int rule(void *ctx, const struct item_path *at, struct err *err)
{
    (void)ctx;
    assert(strcmp(at->repo, FOLDER.repo) == 0 && strncmp(at->path, "in/side/", 8) == 0);
    if (strstr(at->path, "refuse"))
        return err_set(err, ERR_DENIED, "refused");
    return strstr(at->path, "leave") != NULL;
}

static void entries_check(const struct explode *explode, struct blobs *blobs, bool whole)
{
    int64_t bytes = 0;

    assert(explode_count(explode) <= ENTRIES_MAX);
    for (size_t i = 0; i < explode_count(explode); i++) {
        const struct explode_entry *entry = explode_entry(explode, i);
        auto_free char *text = xasprintf("dev/%s", entry->path);
        struct item_path at;
        int rc = item_path_check(text, &at, NULL);
        assert(rc == 0 && strcmp(at.path, entry->path) == 0);
        if (whole && entry->kind == EXPLODE_FILE)
            assert(blobs_size(blobs, entry->digests.sha256) == entry->digests.size_bytes);
        bytes += entry->digests.size_bytes;
    }
    assert(bytes <= BYTES_MAX);
}

static void blobs_drop(const struct explode *explode, struct blobs *blobs)
{
    for (size_t i = 0; i < explode_count(explode); i++)
        if (explode_entry(explode, i)->digests.sha256[0])
            (void)blobs_remove(blobs, explode_entry(explode, i)->digests.sha256, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct blobs *blobs; /* for the program's life */
    size_t len = 0;
    auto_free char *bytes = fuzz_frame(data, size, &len);
    auto_free char *dir = xasprintf("%s/blobs", fuzz_folder_get());
    auto_close int archive = memfd_create("archive", MFD_CLOEXEC);
    struct err err = { 0 };
    ssize_t put = write(archive, bytes, len);
    int rc = blobs ? 0 : blobs_open(dir, &blobs, &err);

    assert(put == (ssize_t)len && rc == 0);
    struct pins *pins = pins_new();
    const struct explode_plan plan = { .fd = archive,
                                       .folder = &FOLDER,
                                       .blobs = blobs,
                                       .pins = pins,
                                       .bytes_max = BYTES_MAX,
                                       .ratio_max = 100,
                                       .entries_max = ENTRIES_MAX,
                                       .rule = rule };
    struct explode *explode = explode_new(&plan);
    while ((rc = explode_step(explode, &err)) > 0)
        ;
    assert(rc == 0 || (rc == -(int)err.code && err.text[0]));
    entries_check(explode, blobs, rc == 0);
    blobs_drop(explode, blobs);
    explode_free(explode);
    pins_free(pins);
    return 0;
}
