#include <stdlib.h>
#include <string.h>

#include "server/disk/sources.h"
#include "sos/base/auto.h"

/* The blobs of a tree, each once, by digest. */
struct want {
    const char *sha256;
    int64_t size_bytes;
};

struct source_wants {
    struct blobs *blobs;
    size_t count;
    struct want *wants;
    char *digests; /* what the pointers above point into */
};

static int want_compare(const void *a, const void *b)
{
    return strcmp(((const struct want *)a)->sha256, ((const struct want *)b)->sha256);
}

struct source_wants *source_wants_new(const struct tree *tree, struct blobs *blobs)
{
    struct source_wants *wants = xcalloc(1, sizeof *wants);
    wants->blobs = blobs;
    wants->wants = xcalloc(tree->count + 1, sizeof *wants->wants);
    wants->digests = xcalloc(tree->count + 1, SHA256_HEX);
    for (size_t i = 0; i < tree->count; i++) {
        char *sha256 = wants->digests + i * SHA256_HEX;
        memcpy(sha256, tree->files[i].sha256, SHA256_HEX);
        wants->wants[i] =
            (struct want){ .sha256 = sha256, .size_bytes = tree->files[i].size_bytes };
    }
    qsort(wants->wants, tree->count, sizeof *wants->wants, want_compare);
    for (size_t i = 0; i < tree->count; i++)
        if (i == 0 || want_compare(&wants->wants[i], &wants->wants[wants->count - 1]) != 0)
            wants->wants[wants->count++] = wants->wants[i];
    return wants;
}

void source_wants_free(struct source_wants *wants)
{
    if (!wants)
        return;
    free(wants->wants);
    free(wants->digests);
    free(wants);
}

int source_wants_blob(void *ctx, const char *sha256, int64_t size)
{
    const struct source_wants *wants = ctx;
    struct want key = { .sha256 = sha256 };
    const struct want *want = bsearch(&key, wants->wants, wants->count, sizeof key, want_compare);
    return want && want->size_bytes == size && !blobs_have(wants->blobs, sha256);
}

size_t source_wants_count(const struct source_wants *wants)
{
    return wants->count;
}

const char *source_wants_at(const struct source_wants *wants, size_t index)
{
    return wants->wants[index].sha256;
}
