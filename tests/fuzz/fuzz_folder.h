/* fuzz_folder.h - a folder for a fuzz target that writes: made with the first
 * input, removed when the program ends. */
#pragma once
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

static char *fuzz_folder;

static void fuzz_folder_drop(void)
{
    fs_remove_tree(fuzz_folder, NULL);
    free(fuzz_folder);
}

static inline const char *fuzz_folder_get(void)
{
    if (!fuzz_folder) {
        const char *tmp = getenv("TMPDIR");
        fuzz_folder = xasprintf("%s/sos-fuzz-XXXXXX", tmp ? tmp : "/tmp");
        char *made = mkdtemp(fuzz_folder);
        assert(made);
        atexit(fuzz_folder_drop);
    }
    return fuzz_folder;
}

/* The bytes that are fed: behind a 'z' the rest in a zstd frame, so that mutations reach what is
 * inside of one; anything else as it is (gives). */
static inline char *fuzz_frame(const uint8_t *data, size_t size, size_t *ret_len)
{
    size_t room = ZSTD_compressBound(size) + 1;
    char *bytes = xmalloc(room);
    if (size > 0 && data[0] == 'z')
        *ret_len = ZSTD_compress(bytes, room, data + 1, size - 1, 1);
    else
        *ret_len = (size_t)((char *)(size ? mempcpy(bytes, data, size) : bytes) - bytes);
    return bytes;
}
